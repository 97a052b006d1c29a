using System.Globalization;

namespace Twill.EndToEnd.Tests.Crash;

/// <summary>
/// Which of all kill points are tried: every k-th, from a place that differs from run to run and is told. The variable
/// `TWILL_KILL_POINTS` asks for `all` of them, or for `3/8`: every eighth from the third, as a failed run has told.
/// </summary>
internal sealed record KillPlan(int Offset, int Every)
{
    private const string Variable = "TWILL_KILL_POINTS";

    /// <summary>What the variable says; without it, one of so many.</summary>
    internal static KillPlan OneOf(int every)
    {
        string? asked = Environment.GetEnvironmentVariable(Variable);
        if (string.IsNullOrEmpty(asked))
        {
            return new KillPlan(Random.Shared.Next(every), every);
        }

        if (asked == "all")
        {
            return new KillPlan(0, 1);
        }

        int[] numbers = [.. asked.Split('/').Select(part => int.Parse(part, CultureInfo.InvariantCulture))];
        return numbers is [var offset, var of] && of > 0 && offset >= 0 && offset < of
            ? new KillPlan(offset, of)
            : throw new InvalidOperationException($"{Variable}: expected 'all' or something like 3/8, got '{asked}'");
    }

    internal IReadOnlyList<T> Of<T>(IReadOnlyList<T> points) => [.. points.Where((_, i) => i % Every == Offset)];

    public override string ToString() => $"{Offset}/{Every}";
}
