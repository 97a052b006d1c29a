namespace Twill.Bench;

/// <summary>What was measured of one chain with so many containers on the host, the measured one included.</summary>
internal sealed record Measurement(Chain Chain, int Containers, Samples Add, Samples Del);

/// <summary>
/// The chains take turns, a container each, so that whatever else the machine does falls on all alike. The order within a turn changes
/// from round to round.
/// </summary>
internal static class Interleaved
{
    private const int WarmUps = 3;

    /// <param name="ours">Chains that are measured at every count.</param>
    /// <param name="peers">Chains that are measured up to <see cref="Options.PeersAtMost"/> containers.</param>
    /// <param name="options">How many rounds, and with how many containers on the host.</param>
    /// <param name="scratch">A directory for files.</param>
    public static List<Measurement> Measure(Chain[] ours, Chain[] peers, Options options, string scratch)
    {
        List<BenchHost> hosts = [.. ours.Concat(peers).Select(c => new BenchHost(c, scratch))];
        try
        {
            List<Measurement> all = [];
            int present = 0;
            foreach (int count in options.Counts.Order())
            {
                if (count > options.PeersAtMost)
                {
                    Drop(hosts, peers);
                }

                for (; present < count - 1; present++)
                {
                    foreach (BenchHost host in hosts)
                    {
                        host.Run("ADD", host.NewContainer());
                    }
                }

                Measurement[] measured = [.. hosts.Select(h => new Measurement(h.Chain, count, new(), new()))];
                for (int round = -WarmUps; round < options.Rounds; round++)
                {
                    for (int turn = 0; turn < hosts.Count; turn++)
                    {
                        One(hosts[(turn + round + WarmUps) % hosts.Count], measured[(turn + round + WarmUps) % hosts.Count], round >= 0);
                    }
                }

                all.AddRange(measured);
            }
            return all;
        }
        finally
        {
            Drop(hosts, null);
        }
    }

    private static void Drop(List<BenchHost> hosts, Chain[]? which)
    {
        foreach (BenchHost host in hosts.Where(h => which is null || which.Contains(h.Chain)).ToArray())
        {
            host.Dispose();
            hosts.Remove(host);
        }
    }

    // The rounds before those that count warm up, and measure memory.
    private static void One(BenchHost host, Measurement measurement, bool counted)
    {
        int container = host.NewContainer();
        foreach ((string verb, Samples samples) in new[] { ("ADD", measurement.Add), ("DEL", measurement.Del) })
        {
            Call call = host.Run(verb, container, memory: !counted);
            if (counted)
            {
                samples.Add(call.Total);
            }
            else
            {
                samples.AddPeak(call.PeakKb);
            }
        }
        host.DeleteContainer(container);
    }
}
