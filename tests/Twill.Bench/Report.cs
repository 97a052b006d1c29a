using System.Globalization;

namespace Twill.Bench;

/// <summary>Tables for people.</summary>
internal static class Report
{
    public static void Print(Results results, string bin)
    {
        Startups(results.Startups);
        Chains(results.Chains);
        Chains(results.Ports);
        Storm(results.Storms);
        Traffic(results.Traffic);
        Chains(results.Protections);
        Traffic(results.ProtectedTraffic);
        TrafficRatios(results.ProtectedTraffic);
        Console.WriteLine();
        foreach ((string program, long bytes) in Results.Sizes(bin))
        {
            Line($"  {program,-12} {bytes / 1e6:0.00} MB on disk");
        }

        Line($"  {results.Runs} runs counted, {results.Failures} calls failed");
    }

    private static void Startups(List<StartupMeasurement> all)
    {
        if (all.Count == 0)
        {
            return;
        }

        Line($"\n  {"start, VERSION, end",-32}   ms: min   median    p95   CPU ms   peak MB");
        foreach (StartupMeasurement m in all)
        {
            Line(
                $"  {m.Program,-32} {m.Runs.Wall(0),11:0.00} {m.Runs.Wall(.5),8:0.00} {m.Runs.Wall(.95),6:0.0} "
                    + $"{m.Runs.Cpu(.5),8:0.00} {m.Runs.PeakKb / 1024.0,9:0.0}"
            );
        }
    }

    private static void Chains(List<Measurement> all)
    {
        if (all.Count == 0)
        {
            return;
        }

        Line(
            $"\n  containers  {"chain",-32}    ADD ms: min   median    p95   CPU ms   peak MB    DEL ms: min   median    p95   CPU ms "
                + $"  peak MB"
        );
        foreach (IGrouping<int, Measurement> count in all.GroupBy(m => m.Containers).OrderBy(g => g.Key))
        {
            foreach (Measurement m in count)
            {
                Line($"  {m.Containers,10}  {m.Chain.Name,-32} {Row(m.Add),14}    {Row(m.Del),14}");
            }

            Console.WriteLine();
        }

        Line($"  ratios of medians, ours to theirs                ADD wall   ADD CPU   DEL wall   DEL CPU");
        Chain twill = all[0].Chain;
        foreach (Chain peer in all.Select(m => m.Chain).Distinct().Where(c => c != twill))
        {
            foreach (Measurement their in all.Where(m => m.Chain == peer))
            {
                Ratios(
                    all.Single(m => m.Chain == twill && m.Containers == their.Containers),
                    their,
                    $"{their.Containers,10}  to {peer.Name}"
                );
            }
        }

        Measurement first = all.First(m => m.Chain == twill);
        foreach (Measurement later in all.Where(m => m.Chain == twill && m.Containers != first.Containers))
        {
            Ratios(later, first, $"{later.Containers,10}  to our own with {first.Containers}");
        }
    }

    private static void Ratios(Measurement our, Measurement their, string what) =>
        Line(
            $"  {what,-46} {our.Add.Wall(.5) / their.Add.Wall(.5),10:0.00} {our.Add.Cpu(.5) / their.Add.Cpu(.5),9:0.00} "
                + $"{our.Del.Wall(.5) / their.Del.Wall(.5),10:0.00} {our.Del.Cpu(.5) / their.Del.Cpu(.5),9:0.00}"
        );

    private static void Storm(List<StormMeasurement> all)
    {
        if (all.Count == 0)
        {
            return;
        }

        Line(
            $"\n  storm of    {Storms.AtOnce + " at a time",-32}   ADD ms: median   CPU ms each   failed   DEL ms: median   CPU ms "
                + $"each   failed    ratio to ours: ADD   DEL"
        );
        foreach (StormMeasurement m in all)
        {
            StormMeasurement our = all.First(o => o.Containers == m.Containers);
            Line(
                $"  {m.Containers,10}  {m.Chain.Name,-32} {m.Add.Wall(.5),16:0} {m.Add.Cpu(.5),13:0.0} {m.Add.Failures,8} "
                    + $"{m.Del.Wall(.5),16:0} {m.Del.Cpu(.5),13:0.0} {m.Del.Failures,8} "
                    + $"{our.Add.Wall(.5) / m.Add.Wall(.5),21:0.00} {our.Del.Wall(.5) / m.Del.Wall(.5),5:0.00}"
            );
        }
    }

    private static void Traffic(List<TrafficMeasurement> all)
    {
        if (all.Count == 0)
        {
            return;
        }

        Line(
            $"\n  {"across two hosts, median [min-max]",-36} {"TCP Gbit/s",20} {"TCP 8 streams",20} {"UDP 64 bytes, 1000/s",22} "
                + $"{"round trip us",20}"
        );
        foreach (TrafficMeasurement m in all)
        {
            Line(
                $"  {m.Path,-36} {Spread(m.OneStream, "0.00"),20} {Spread(m.EightStreams, "0.00"),20} "
                    + $"{Spread(m.SmallPackets, "0"),22} {Spread(m.RoundTrip, "0"),20}"
            );
        }
    }

    /// <summary>Round by round, because what else the machine does changes more from minute to minute than what is compared here.</summary>
    private static void TrafficRatios(List<TrafficMeasurement> all)
    {
        foreach (TrafficMeasurement other in all.Skip(1))
        {
            TrafficMeasurement first = all[0];
            Line(
                $"  {$"{first.Path} to {other.Path}",-36} {Ratio(first.OneStream, other.OneStream),20:0.000} "
                    + $"{Ratio(first.EightStreams, other.EightStreams),20:0.000} "
                    + $"{Ratio(first.SmallPackets, other.SmallPackets),22:0.000} {Ratio(first.RoundTrip, other.RoundTrip),20:0.000}"
            );
        }

        static double Ratio(List<double> one, List<double> other)
        {
            double[] ratios = [.. one.Zip(other, (a, b) => a / b).Order()];
            return ratios[ratios.Length / 2];
        }
    }

    private static string Row(Samples s) =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"{s.Wall(0),14:0.00} {s.Wall(.5),8:0.00} {s.Wall(.95),6:0.0} {s.Cpu(.5),8:0.00} {s.PeakKb / 1024.0,9:0.0}"
        );

    private static string Spread(List<double> all, string format)
    {
        double[] sorted = [.. all.Order()];
        string Text(double value) => value.ToString(format, CultureInfo.InvariantCulture);
        return $"{Text(sorted[sorted.Length / 2])} [{Text(sorted[0])}-{Text(sorted[^1])}]";
    }

    private static void Line(string text) => Console.WriteLine(text);
}
