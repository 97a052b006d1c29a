using System.Diagnostics;
using System.Text;
using Twill.Bench.Agent;
using Twill.Cluster;
using Twill.Testing;

namespace Twill.Bench.Etcd;

/// <summary>One real etcd on the loopback device, its data in memory, and many hosts that one process plays.</summary>
internal static class EtcdBench
{
    private const int AtOnce = 32,
        Changes = 20;

    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(60);

    /// <summary>Measures.</summary>
    /// <param name="hosts">How many hosts there are.</param>
    /// <param name="comers">How many come in the storm.</param>
    /// <param name="span">How long the storm takes.</param>
    /// <param name="idle">How long nothing happens.</param>
    public static EtcdFigures Measure(int hosts, int comers, TimeSpan span, TimeSpan idle)
    {
        using EtcdServer etcd = EtcdServer.Start(new EtcdServerOptions { Arguments = ["--quota-backend-bytes", "8589934592"] });
        List<PlayedHost> all = [];
        try
        {
            EtcdUse before = EtcdUse.Of(etcd.Pid, etcd.Endpoint);
            long began = Stopwatch.GetTimestamp();
            Say($"{hosts} hosts join, {AtOnce} at a time");
            Join(all, hosts, etcd.Endpoint);
            AwaitAll(all, hosts);
            EtcdFigures figures = new(hosts)
            {
                JoinSeconds = Stopwatch.GetElapsedTime(began).TotalSeconds,
                Join = EtcdUse.Of(etcd.Pid, etcd.Endpoint).Since(before),
            };
            Idle(etcd, figures, idle);
            Change(etcd, all, figures);
            Storm(etcd, all, figures, comers, span);
            figures.PeakMb = ProcessUse.Megabytes(etcd.Pid, "VmHWM");
            Say("etcd is killed and started");
            figures.Restart = Restart(etcd, all);
            Say("the same with a compacted history");
            figures.RestartCompacted = Restart(etcd, all, compacts: true);
            return figures;
        }
        finally
        {
            Parallel.ForEach(all, host => host.Dispose());
        }
    }

    private static void Join(List<PlayedHost> all, int hosts, string endpoint)
    {
        while (all.Count < hosts)
        {
            PlayedHost host = new(all.Count, endpoint);
            all.Add(host);
            host.Start();
            Await("the hosts before have a lease", () => all.TakeLast(AtOnce * 4).Count(h => h.JoinedMs is null) < AtOnce);
        }

        Await("all have a lease", () => all.TrueForAll(h => h.JoinedMs is not null));
    }

    private static void Idle(EtcdServer etcd, EtcdFigures figures, TimeSpan idle)
    {
        Say($"nothing happens for {idle.TotalSeconds:0} s");
        EtcdUse before = EtcdUse.Of(etcd.Pid, etcd.Endpoint);
        Thread.Sleep(idle);
        EtcdUse use = EtcdUse.Of(etcd.Pid, etcd.Endpoint).Since(before);
        figures.IdleCpuMs = use.CpuMs / idle.TotalSeconds;
        figures.IdleCalls = use.Calls / idle.TotalSeconds;
        figures.ResidentMb = ProcessUse.Megabytes(etcd.Pid, "VmRSS");
    }

    /// <summary>One more lease comes, and goes, and everybody is told.</summary>
    private static void Change(EtcdServer etcd, List<PlayedHost> all, EtcdFigures figures)
    {
        Say($"{Changes} changes");
        using EtcdClient client = new(new EtcdOptions([etcd.Endpoint]));
        byte[] value = Encoding.UTF8.GetBytes(ManyHosts.Lease(1));
        EtcdUse before = EtcdUse.Of(etcd.Pid, etcd.Endpoint);
        for (int change = 0; change < Changes; change++)
        {
            string key = $"{PlayedHost.Prefix}/subnets/10.255.255.0-24";
            long began = Stopwatch.GetTimestamp();
            client.PutAsync(key, value).GetAwaiter().GetResult();
            AwaitAll(all, all.Count + 1);
            double[] told = [.. all.Select(h => Stopwatch.GetElapsedTime(began, h.ToldAt).TotalMilliseconds).Order()];
            figures.ChangeHalfMs.Add(told[told.Length / 2]);
            figures.ChangeLastMs.Add(told[^1]);
            client.DeleteAsync(EtcdRange.Of(key)).GetAwaiter().GetResult();
            AwaitAll(all, all.Count);
        }

        figures.ChangeCpuMs = EtcdUse.Of(etcd.Pid, etcd.Endpoint).Since(before).CpuMs / (2 * Changes);
    }

    private static void Storm(EtcdServer etcd, List<PlayedHost> all, EtcdFigures figures, int comers, TimeSpan span)
    {
        Say($"{comers} more hosts within {span.TotalSeconds:0} s");
        EtcdUse before = EtcdUse.Of(etcd.Pid, etcd.Endpoint);
        long began = Stopwatch.GetTimestamp();
        List<PlayedHost> come = [];
        for (int i = 0; i < comers; i++)
        {
            TimeSpan wait = (span * i / comers) - Stopwatch.GetElapsedTime(began);
            if (wait > TimeSpan.Zero)
            {
                Thread.Sleep(wait);
            }

            PlayedHost host = new(all.Count + i, etcd.Endpoint);
            come.Add(host);
            host.Start();
        }

        all.AddRange(come);
        Await("all have a lease", () => come.TrueForAll(h => h.JoinedMs is not null));
        figures.StormSeconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        AwaitAll(all, all.Count);
        figures.StormLagSeconds = Stopwatch.GetElapsedTime(began).TotalSeconds - figures.StormSeconds;
        figures.Comers = comers;
        figures.StormMs.AddRange(come.Select(h => h.JoinedMs!.Value));
        figures.StormFailures = come.Sum(h => h.Failures);
        figures.StormCpuMs = EtcdUse.Of(etcd.Pid, etcd.Endpoint).Since(before).CpuMs;
    }

    private static RestartFigures Restart(EtcdServer etcd, List<PlayedHost> all, bool compacts = false)
    {
        (int lists, int resumptions, int breaks) = Sums();
        if (compacts)
        {
            using EtcdClient client = new(new EtcdOptions([etcd.Endpoint]));
            client.PutAsync("/other", new byte[1]).GetAwaiter().GetResult();
            client.PutAsync("/other", new byte[1]).GetAwaiter().GetResult();
            etcd.Compact();
        }

        etcd.Kill();
        Await("every watch has broken off", () => all.TrueForAll(h => !h.IsWatching));
        etcd.Start();
        long began = Stopwatch.GetTimestamp();
        Await("half of the watches run", () => all.Count(h => h.IsWatching) >= all.Count / 2);
        double half = Stopwatch.GetElapsedTime(began).TotalSeconds;
        double last = WhenAtRest(all, began);
        AwaitAll(all, all.Count);
        (int listsNow, int resumptionsNow, int breaksNow) = Sums();
        return new RestartFigures(
            half,
            last,
            listsNow - lists,
            resumptionsNow - resumptions,
            breaksNow - breaks,
            EtcdUse.Of(etcd.Pid, etcd.Endpoint),
            ProcessUse.Megabytes(etcd.Pid, "VmHWM")
        );

        (int, int, int) Sums() => (all.Sum(h => h.Lists), all.Sum(h => h.Resumptions), all.Sum(h => h.Breaks));
    }

    /// <summary>Waits until all watches run and none lists any more. A watch of compacted history says so only when it has begun, and hosts
    /// take their time then, 2 ms for each.</summary>
    /// <returns>Seconds until the last of them was told something.</returns>
    private static double WhenAtRest(List<PlayedHost> all, long began)
    {
        TimeSpan quiet = TimeSpan.FromSeconds(3) + (TimeSpan.FromMilliseconds(2) * all.Count);
        long last = 0;
        Await("all watches are at rest", () =>
        {
            last = all.Max(h => h.ToldAt);
            return all.TrueForAll(h => h.IsWatching) && Stopwatch.GetElapsedTime(Math.Max(last, began)) > quiet;
        });
        return Stopwatch.GetElapsedTime(began, last).TotalSeconds;
    }

    /// <summary>Waits until every host knows of so many leases.</summary>
    private static void AwaitAll(List<PlayedHost> all, int leases) =>
        Await($"all know of {leases} leases", () => all.TrueForAll(h => h.Known == leases));

    private static void Await(string what, Func<bool> isSo)
    {
        long began = Stopwatch.GetTimestamp();
        while (!isSo())
        {
            if (Stopwatch.GetElapsedTime(began) > s_limit)
            {
                throw new TimeoutException($"after {s_limit.TotalMinutes:0} minutes it is not so that {what}");
            }

            Thread.Sleep(5);
        }
    }

    private static void Say(string what) => Console.Error.WriteLine($"  {what}");
}
