using System.Text.Json;
using static Twill.Bench.Quantiles;

namespace Twill.Bench.Agent;

/// <summary>A table for people, and the same as JSON.</summary>
internal static class AgentReport
{
    public static void Print(AgentFigures f)
    {
        Line($"  {f.Hosts} other hosts");
        Line(
            $"    from nothing to all routes       {f.ConvergedMs,9:0} ms, {f.ConvergedCpuMs:0} ms of processor time; `ip` and "
                + $"`bridge -batch` {f.FloorMs:0} ms; {f.FullRoundsUntilRest:0} full rounds"
        );
        Line($"    etcd's answer to a write         {Quantile(f.PutMs, .5),9:0.00} ms median {Quantile(f.PutMs, .99),7:0.00} ms p99");
        Line($"    write to etcd to route in kernel {Quantile(f.RouteMs, .5),9:0.00} ms median {Quantile(f.RouteMs, .99),7:0.00} ms p99");
        Line(
            $"    one change                       {f.EntriesPerChange,9:0.00} entries, {f.FullRoundsPerChange:0.00} full rounds, "
                + $"{f.CpuMsPerChange:0.00} ms of processor time"
        );
        Line($"    idle, per hour                   {f.IdleCpuSeconds,9:0.0} s of processor time, {f.IdleEtcdCalls:0} calls of etcd");
        Line(
            $"    resident                         {f.ResidentMb,9:0.0} MB, {f.AnonymousMb:0.0} MB of them not from the program's "
                + $"file; at most {f.PeakMb:0.0} MB"
        );
        Console.WriteLine();
    }

    /// <summary>How figures grow from one count to the next: 1.00 is as the count does, 0.00 not at all, 2.00 as its square.</summary>
    public static void PrintGrowth(IReadOnlyList<AgentFigures> all)
    {
        for (int i = 1; i < all.Count; i++)
        {
            AgentFigures from = all[i - 1],
                to = all[i];
            Line(
                $"  growth from {from.Hosts} to {to.Hosts}, as an exponent: all routes {Exponent(f => f.ConvergedMs):0.00} (`ip` and "
                    + $"`bridge` {Exponent(f => f.FloorMs):0.00}), a change's way {Exponent(f => Quantile(f.RouteMs, .5)):0.00}, "
                    + $"its processor time {Exponent(f => f.CpuMsPerChange):0.00}, idle {Exponent(f => f.IdleCpuSeconds):0.00}, "
                    + $"resident {Exponent(f => f.ResidentMb):0.00}"
            );

            double Exponent(Func<AgentFigures, double> figure) =>
                Math.Log(figure(to) / figure(from)) / Math.Log((double)to.Hosts / from.Hosts);
        }
    }

    public static string Json(IReadOnlyList<AgentFigures> all) =>
        JsonSerializer.Serialize(all, new JsonSerializerOptions { WriteIndented = true });

    private static void Line(string line) => Console.WriteLine(line);
}
