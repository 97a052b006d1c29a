namespace Twill.Bench;

/// <summary>What is said of many measurements.</summary>
internal static class Quantiles
{
    /// <summary>0.5: the median; 0.99: what 99 of 100 do not exceed; not a number when there is none.</summary>
    internal static double Quantile(List<double> values, double quantile)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? double.NaN : sorted[(int)Math.Round(quantile * (sorted.Length - 1))];
    }
}
