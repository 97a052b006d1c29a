namespace Twill.Bench;

/// <summary>One run of a plugin: milliseconds of the clock and of the processors, and the status of wait(2), 0 for success.</summary>
internal readonly record struct Sample(double WallMs, double CpuMs, int Status);

/// <summary>Many runs of the same thing.</summary>
internal sealed class Samples
{
    private readonly List<Sample> _all = [];

    public int Failures { get; private set; }

    public int Count => _all.Count;

    public void Add(Sample sample)
    {
        if (sample.Status == 0)
        {
            _all.Add(sample);
        }
        else
        {
            Failures++;
        }
    }

    /// <summary>A whole storm counts as one run; the processor time is that of one call, and a call that failed is a failure.</summary>
    public void AddStorm(double wallMs, Call[] calls)
    {
        _all.Add(new(wallMs, calls.Average(c => c.Total.CpuMs), 0));
        Failures += calls.Count(c => c.Total.Status != 0);
    }

    public double Wall(double quantile) => Quantile(quantile, s => s.WallMs);

    public double Cpu(double quantile) => Quantile(quantile, s => s.CpuMs);

    /// <summary>The largest resident size of any process of any run in kilobytes.</summary>
    public long PeakKb { get; private set; }

    public void AddPeak(long kilobytes) => PeakKb = Math.Max(PeakKb, kilobytes);

    private double Quantile(double quantile, Func<Sample, double> of)
    {
        if (_all.Count == 0)
        {
            return double.NaN;
        }

        double[] sorted = [.. _all.Select(of).Order()];
        double at = quantile * (sorted.Length - 1);
        int below = (int)at;
        return below + 1 < sorted.Length ? sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]) : sorted[below];
    }
}
