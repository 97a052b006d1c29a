using System.Text.Json;

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

    public static string Json(IReadOnlyList<AgentFigures> all) =>
        JsonSerializer.Serialize(all, new JsonSerializerOptions { WriteIndented = true });

    private static void Line(string line) => Console.WriteLine(line);

    private static double Quantile(List<double> values, double quantile)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? double.NaN : sorted[(int)Math.Round(quantile * (sorted.Length - 1))];
    }
}
