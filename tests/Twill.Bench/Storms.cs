namespace Twill.Bench;

/// <summary>What a chain took for so many containers that came, or went, all at once.</summary>
internal sealed record StormMeasurement(Chain Chain, int Containers, Samples Add, Samples Del);

/// <summary>A node starts, or is emptied: many containers, 16 at a time. The chains take turns.</summary>
internal static class Storms
{
    public const int AtOnce = 16;

    public static List<StormMeasurement> Measure(Chain[] chains, int[] sizes, int rounds, string scratch)
    {
        List<StormMeasurement> all = [];
        foreach (int size in sizes)
        {
            StormMeasurement[] measured = [.. chains.Select(c => new StormMeasurement(c, size, new(), new()))];
            for (int round = 0; round < rounds; round++)
            {
                for (int turn = 0; turn < chains.Length; turn++)
                {
                    One(measured[(turn + round) % chains.Length], scratch);
                }
            }

            all.AddRange(measured);
        }
        return all;
    }

    private static void One(StormMeasurement measurement, string scratch)
    {
        using BenchHost host = new(measurement.Chain, scratch);
        int[] containers = [.. Enumerable.Range(0, measurement.Containers).Select(_ => host.NewContainer())];
        foreach ((string verb, Samples samples) in new[] { ("ADD", measurement.Add), ("DEL", measurement.Del) })
        {
            (double wall, Call[] calls) = host.Storm(verb, containers, AtOnce);
            samples.AddStorm(wall, calls);
        }
    }
}
