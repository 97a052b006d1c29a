using System.Text.Json;
using static Twill.Bench.Quantiles;

namespace Twill.Bench.Etcd;

/// <summary>A table for people, and the same as JSON.</summary>
internal static class EtcdReport
{
    public static void Print(EtcdFigures f)
    {
        Line($"  {f.Hosts} hosts and one etcd");
        Line($"    all join                 {f.JoinSeconds,9:0.0} s, {Used(f.Join)}");
        Line(
            $"    nothing happens, a second{f.IdleCpuMs,9:0.0} ms of processor time, {f.IdleCalls:0} calls; {f.ResidentMb:0} MB resident, "
                + $"at most {f.PeakMb:0}"
        );
        Line(
            $"    a change is told         {Quantile(f.ChangeHalfMs, .5),9:0.0} ms until half know, "
                + $"{Quantile(f.ChangeLastMs, .5):0.0} until "
                + $"all do (p95 {Quantile(f.ChangeLastMs, .95):0.0}); {f.ChangeCpuMs:0.0} ms of processor time"
        );
        Line(
            $"    {f.Comers} more come        {f.StormSeconds,9:0.0} s, a lease after {Quantile(f.StormMs, .5):0} ms (p99 "
                + $"{Quantile(f.StormMs, .99):0}, at most {Quantile(f.StormMs, 1):0}), {f.StormFailures} steps failed; all know all "
                + $"{f.StormLagSeconds:0.0} s later; {f.StormCpuMs / 1e3:0.0} s of processor time"
        );
        Print("etcd restarted", f.Restart);
        Print("and compacted", f.RestartCompacted);
        Console.WriteLine();
    }

    public static string Json(IReadOnlyList<EtcdFigures> all) =>
        JsonSerializer.Serialize(all, new JsonSerializerOptions { WriteIndented = true });

    private static void Print(string what, RestartFigures? restart)
    {
        if (restart is { } r)
        {
            Line(
                $"    {what,-25}{r.HalfSeconds,9:0.0} s until half of the watches run, {r.AllSeconds:0.0} until all; "
                    + $"{r.Resumptions} go on, "
                    + $"{r.Lists} list anew, {r.Breaks} breaks; {Used(r.Use)}, at most {r.PeakMb:0} MB"
            );
        }
    }

    private static string Used(EtcdUse use) =>
        $"{use.CpuMs / 1e3:0.0} s of processor time, {use.Calls:0} calls ({use.Lists:0} ranges), {use.SentMb:0} MB sent";

    private static void Line(string line) => Console.WriteLine(line);
}
