using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Twill.System;
using Twill.Testing;
using Xunit.Abstractions;

namespace Twill.EndToEnd.Tests.Crash;

/// <summary>
/// The agent is killed at its system calls and started again: then the host is as if nothing had been. Leases are so short that they are
/// renewed all the time.
/// </summary>
public sealed class AgentKillTests(ITestOutputHelper output) : IDisposable
{
    private const string Stray = "10.244.99.0/24";
    private const int Starts = 8,
        Lives = 6; // about so many points are tried

    private readonly TempDir _directory = TempDir.Create();

    private string Killat => _directory.At("killat");

    [RequiresRootFact]
    public void Killed_anywhere_in_its_first_start_the_next_start_finds_the_same_subnet()
    {
        using Cluster cluster = NewCluster();
        LabHost host = cluster.NewHost("victim", Short);

        IReadOnlyList<string> Undisturbed()
        {
            using Daemon agent = Start(host, null);
            Eventually.True("the agent has met its peer", () => IsReady(cluster, host), onFailure: () => agent.Log);
            agent.Send(Signal.Term);
            agent.WaitForExit(TimeSpan.FromSeconds(10));
            return StateOf(host);
        }

        IReadOnlyList<string> wanted = Undisturbed();
        int calls = Calls(host);
        IReadOnlyList<KillPoint> tried = Plan(calls, Starts, out string told);
        List<string> leaks = [];
        foreach (KillPoint point in tried)
        {
            Forget(cluster, host);
            using (Daemon agent = Start(host, point))
            {
                Eventually.True("the agent is dead or done", () => agent.HasExited || IsReady(cluster, host), onFailure: () => agent.Log);
                agent.Send(Signal.Term);
                agent.WaitForExit(TimeSpan.FromSeconds(10));
            }

            string[] before = SubnetsOf(cluster, host);
            using Daemon next = host.StartAgent();
            leaks.AddRange(Differences(point, () => IsReady(cluster, host) ? StateOf(host) : [], wanted, next));
            string[] after = SubnetsOf(cluster, host);
            if (after.Length != 1 || (before.Length > 0 && !before.SequenceEqual(after)))
            {
                leaks.Add($"{point}: leased {string.Join(", ", before)} before and {string.Join(", ", after)} after");
            }

            next.Kill();
        }

        Figures.Report(
            "kill points: twilld in its first start",
            $"{tried.Count} of {2 * calls} tried ({told}), {leaks.Count} leaks",
            output
        );
        leaks.Should().BeEmpty();
    }

    [RequiresRootFact]
    public void Killed_anywhere_in_its_life_no_packet_is_lost_and_the_next_start_finds_everything()
    {
        using Cluster cluster = NewCluster();
        LabHost host = cluster.Join("victim", Short);
        cluster.WaitUntilJoined();
        LabContainer from = host.AddContainer("from"),
            to = cluster.Hosts[0].AddContainer("to");
        host.Agent!.Kill();
        Live(host, null);
        int calls = Calls(host);
        IReadOnlyList<string> wanted = StateOf(host);
        string[] subnets = SubnetsOf(cluster, host);
        IReadOnlyList<KillPoint> tried = Plan(calls, Lives, out string told);

        List<string> leaks = [];
        using (Daemon agent = host.StartAgent())
        {
            Eventually.True("the containers reach each other", () => from.CanPing(to.Address), onFailure: () => agent.Log);
            agent.Kill();
        }

        using Traffic traffic = Traffic.Start(from, to.Address);
        foreach (KillPoint point in tried)
        {
            Live(host, point);
            using Daemon next = host.StartAgent();
            leaks.AddRange(Differences(point, () => StateOf(host), wanted, next));
            Eventually.True("the lease is renewed", IsRenewed(host), onFailure: () => next.Log);
            next.Kill();
        }

        traffic.WaitForMore(10);
        string[] now = SubnetsOf(cluster, host);
        Figures.Report(
            "kill points: twilld in start, rounds, renewal and stop",
            $"{tried.Count} of {2 * calls} tried ({told}), {leaks.Count} leaks, {traffic.Lost().Count} packets lost",
            output
        );
        leaks.Should().BeEmpty();
        now.Should().Equal(subnets);
        traffic.Lost().Should().BeEmpty();
    }

    public void Dispose() => _directory.Dispose();

    private static void Short(JsonObject conf) => conf.Ipam()["leaseTtl"] = 6;

    private Cluster NewCluster()
    {
        CrashLab.BuildKillat(Killat);
        return Cluster.Start(1);
    }

    /// <summary>The whole life of an agent: it starts, mends what somebody changed, renews its lease, is told to stop. Or is killed
    /// before.</summary>
    private void Live(LabHost host, KillPoint? point)
    {
        using Daemon agent = Start(host, point);
        void Until(string what, Func<bool> isTrue) =>
            Eventually.True(what, () => agent.HasExited || isTrue(), TimeSpan.FromSeconds(20), () => agent.Log);

        Until("it has started", IsRenewed(host));
        host.Ip($"route replace {Stray} via {Lab.GatewayAddress} proto 116");
        Until("a route that nobody wants is gone", () => !Cluster.RoutesOf(host).Contains(Stray));
        Until("the lease is renewed", IsRenewed(host));
        agent.Send(Signal.Term);
        agent.WaitForExit(TimeSpan.FromSeconds(10));
    }

    private Daemon Start(LabHost host, KillPoint? point)
    {
        string[] kill = point is null
            ? []
            : ["--of", point.Program, "--at", point.Number.ToString(CultureInfo.InvariantCulture), .. point.Options];
        File.Delete(CallLog(host));
        return Daemon.Start(
            "twilld",
            [.. host.Enter, Killat, "--log", CallLog(host), .. kill, "--", "/opt/cni/bin/twilld"],
            _directory.At("twilld.log")
        );
    }

    private string CallLog(LabHost host) => _directory.At($"{host.Name}.calls");

    private int Calls(LabHost host) => File.ReadLines(CallLog(host)).Count(line => line.StartsWith("twilld ", StringComparison.Ordinal));

    private static IReadOnlyList<KillPoint> Plan(int calls, int about, out string told)
    {
        KillPoint[] all =
        [
            .. Enumerable
                .Range(1, calls)
                .SelectMany(n => new[] { new KillPoint("twilld", n, false, false), new KillPoint("twilld", n, true, false) }),
        ];
        KillPlan plan = KillPlan.OneOf(Math.Max(1, all.Length / about));
        told = plan.ToString();
        return plan.Of(all);
    }

    private static IEnumerable<string> Differences(
        KillPoint point,
        Func<IReadOnlyList<string>> state,
        IReadOnlyList<string> wanted,
        Daemon agent
    )
    {
        try
        {
            Eventually.Pass(() => state().Should().Equal(wanted), TimeSpan.FromSeconds(20));
            return [];
        }
        catch (Xunit.Sdk.XunitException)
        {
            IReadOnlyList<string> now = state();
            return
            [
                $"{point}: left: {string.Join("; ", now.Except(wanted))}; missing: {string.Join("; ", wanted.Except(now))}\n{agent.Log}",
            ];
        }
    }

    /// <summary>All that the agent makes on a host, and files that are only there while somebody writes.</summary>
    private static IReadOnlyList<string> StateOf(LabHost host) =>
        [
            .. new (string Kind, string Command)[]
            {
                ("link", "ip -j -d link show"),
                ("address", "ip -4 -j address show"),
                ("route", "ip -4 -j route show table all"),
                ("nft", "nft -j list ruleset"),
                ("neighbour", "ip -j neigh show dev twill.1 nud permanent"),
                ("fdb", "bridge -j fdb show dev twill.1"),
            }
                .SelectMany(list => Aftermath.Things(list.Kind, host.Sh($"{list.Command} 2>/dev/null || true").Trim()))
                .Order(StringComparer.Ordinal),
            .. host.Sh("find /run/twill /var/lib/cni -name '.*' -type f").Split('\n', StringSplitOptions.RemoveEmptyEntries),
        ];

    private static bool IsReady(Cluster cluster, LabHost host) =>
        cluster.LeaseOf(host) is not null
        && cluster.LeaseOf(cluster.Hosts[0]) is { } peer
        && Cluster.RoutesOf(host).Contains(peer)
        && host.Run("ip", "-4", "-o", "address", "show", "dev", "twill0").Stdout.Length > 0;

    /// <summary>Becomes true when the lease's deadline is another than now.</summary>
    private static Func<bool> IsRenewed(LabHost host)
    {
        double? before = Deadline(host);
        return () => Deadline(host) is { } now && now != before;
    }

    private static double? Deadline(LabHost host)
    {
        if (AtomicFile.TryReadAll(host.At("/run/twill/twill/subnet.json")) is not { } content)
        {
            return null;
        }

        using JsonDocument file = JsonDocument.Parse(content);
        return file.RootElement.GetProperty("deadline").GetDouble();
    }

    private static string[] SubnetsOf(Cluster cluster, LabHost host) =>
        [
            .. cluster
                .Etcd.List(Cluster.Subnets)
                .Where(kv => kv.Value.Contains($"\"{host.Address}\"", StringComparison.Ordinal))
                .Select(kv => kv.Key),
        ];

    /// <summary>Makes a host one on which no agent has ever run, and of which etcd knows nothing.</summary>
    private static void Forget(Cluster cluster, LabHost host)
    {
        host.Run("ip", "link", "delete", "twill0");
        host.Run("ip", "link", "delete", "twill.1");
        host.Sh("nft flush ruleset; rm -rf /run/twill /var/lib/cni/*; echo 0 >/proc/sys/net/ipv4/ip_forward");
        foreach (string key in SubnetsOf(cluster, host))
        {
            cluster.Etcd.Etcdctl("del", key);
        }
    }
}
