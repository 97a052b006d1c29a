using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.IPv6;

/// <summary>Three hosts of a network with both families, on an underlay of both, with a container each.</summary>
public sealed class DualCluster : IDisposable
{
    public DualCluster()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return;
        }

        Cluster = Start(3, LabFamilies.Both);
        Containers = [.. Cluster.Hosts.Select(host => host.AddContainer($"on-{host.Name}"))];
    }

    internal Cluster Cluster { get; } = null!;

    internal IReadOnlyList<LabContainer> Containers { get; } = [];

    internal static Cluster Start(int hosts, LabFamilies underlay, string backend = """{ "type": "vxlan" }""") =>
        Cluster.Start(hosts, underlay: underlay, change: conf =>
        {
            conf.Plugin()["backend"] = JsonNode.Parse(backend);
            conf.Ipam()["ipv6Network"] = "fc00:1::/48";
            conf.Ipam()["routes"] = JsonNode.Parse("""[{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }]""");
        });

    /// <summary>Every container pings every other by every address of it; what was not answered.</summary>
    internal static string[] Unreached(IReadOnlyList<LabContainer> containers) =>
        [
            .. from one in containers
            from other in containers
            where one != other
            from address in other.Addresses
            where !one.CanPing(address)
            select $"{one.Name} to {address}",
        ];

    /// <summary>All entries of ours for other hosts, a line each.</summary>
    internal static string[] Entries(LabHost host) =>
        host.Sh(
                "ip -4 route show proto 116; ip -6 route show proto 116; ip -4 neigh show proto 116; ip -6 neigh show proto 116; "
                    + "for d in twill.1 twill-v6.1; do bridge fdb show dev $d 2>/dev/null | grep dst; done; true"
            )
            .Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public void Dispose() => Cluster?.Dispose();
}

public sealed class DualClusterTests(DualCluster dual) : IClassFixture<DualCluster>
{
    private readonly Cluster _cluster = dual.Cluster;

    [RequiresRootFact]
    public void Every_container_reaches_every_other_in_both_families()
    {
        dual.Containers.Should().OnlyContain(container => container.Addresses.Count == 2);

        Eventually.Pass(() => DualCluster.Unreached(dual.Containers).Should().BeEmpty());
    }

    [RequiresRootFact]
    public void Every_host_costs_the_others_six_entries()
    {
        foreach (LabHost host in _cluster.Hosts)
        {
            Eventually.Pass(() => DualCluster.Entries(host).Should().HaveCount(12));
        }
    }

    [RequiresRootFact]
    public void Packets_of_each_family_cross_the_underlay_in_that_family_and_the_largest_arrive_whole()
    {
        LabContainer from = dual.Containers[0],
            to = dual.Containers[1];
        foreach (
            (string address, string device, int headers) in (ReadOnlySpan<(string, string, int)>)
                [(to.Addresses[0], "twill.1", 28), (to.Addresses[1], "twill-v6.1", 48)]
        )
        {
            _cluster.Hosts[0].Ip($"route get {address}").Should().Contain($"dev {device} ");
            int mtu = from.IpJson("link show dev eth0")[0].GetProperty("mtu").GetInt32();
            mtu.Should().Be(1430, "the underlay's 1500 less the 70 bytes that VXLAN adds over IPv6");
            CmdResult whole = from.Run("ping", "-n", "-c", "1", "-W", "2", "-M", "do", "-s", $"{mtu - headers}", address);
            whole.ExitCode.Should().Be(0, whole.ToString());
        }
    }

    [RequiresRootFact]
    public void Restarting_and_killing_agents_under_IPv6_traffic_loses_no_ping()
    {
        using Traffic traffic = Traffic.Start(dual.Containers[0], dual.Containers[1].Addresses[1]);
        _cluster.Hosts[0].Agent!.Stop().Should().Be(0);
        traffic.WaitForMore(25);
        _cluster.Hosts[0].StartAgent();
        _cluster.Hosts[1].Agent!.Kill();
        traffic.WaitForMore(25);
        _cluster.Hosts[1].StartAgent();
        traffic.WaitForMore(50);

        traffic.Lost().Should().BeEmpty();
    }

    [RequiresRootFact]
    public void The_operators_commands_find_both_families_well()
    {
        LabHost host = _cluster.Hosts[0];
        Eventually.Pass(() =>
            host.Run("/opt/cni/bin/twill", "peers").Should().Match<CmdResult>(r => r.ExitCode == 0 && r.Stdout.Contains("twill-v6.1"))
        );
        host.Run("/opt/cni/bin/twill", "status")
            .Stdout.Should()
            .Contain($"{host.Address} and {host.AddressV6} on eth0")
            .And.Contain("countless free")
            .And.Contain("4 of 4");
        CmdResult doctor = host.Run("env", $"CNI_PATH=/opt/cni/bin:{RepoPaths.ReferencePlugins}", "/opt/cni/bin/twill", "doctor");
        doctor.Stdout.Should().NotContain("failed  ").And.Contain("twill.1 is up").And.Contain("twill-v6.1 is up");
    }

    [RequiresRootFact]
    public void A_host_that_joins_and_leaves_comes_and_goes_with_all_of_its_six_entries()
    {
        Cluster cluster = DualCluster.Start(2, LabFamilies.Both);
        using (cluster)
        {
            LabHost stays = cluster.Hosts[0],
                leaves = cluster.Hosts[1];
            Eventually.Pass(() => DualCluster.Entries(stays).Should().HaveCount(6));

            leaves.Agent!.Stop();
            leaves.Run("/opt/cni/bin/twilld", "--release").OrThrow();

            Eventually.Pass(() => DualCluster.Entries(stays).Should().BeEmpty(), TimeSpan.FromSeconds(2));
            leaves.Run("/opt/cni/bin/twill", "cleanup", "--yes", "--addresses").OrThrow();
            leaves.HasLink("twill.1").Should().BeFalse();
            leaves.HasLink("twill-v6.1").Should().BeFalse();
            leaves.Ip("-6 route show proto 116").Should().BeEmpty();
        }
    }
}

/// <summary>Both families inside, whatever is outside.</summary>
public sealed class DualUnderlayTests
{
    [RequiresRootTheory]
    [InlineData(LabFamilies.IPv6, """{ "type": "vxlan" }""", "twill-v6.1")]
    [InlineData(LabFamilies.IPv4, """{ "type": "vxlan" }""", "twill.1")]
    [InlineData(LabFamilies.Both, """{ "type": "host-gw" }""", "eth0")]
    [InlineData(LabFamilies.IPv6, """{ "type": "host-gw" }""", "eth0")]
    [InlineData(LabFamilies.Both, """{ "type": "vxlan", "directRouting": true }""", "eth0")]
    public void Containers_reach_each_other_in_both_families_over(LabFamilies underlay, string backend, string device)
    {
        using Cluster cluster = DualCluster.Start(2, underlay, backend);
        LabContainer[] containers = [.. cluster.Hosts.Select(host => host.AddContainer($"on-{host.Name}"))];

        // Hosts that never spoke to each other by IPv6 ask for each other first, which may take the kernel a second.
        Eventually.Pass(() => DualCluster.Unreached(containers).Should().BeEmpty());
        foreach (string address in containers[1].Addresses)
        {
            cluster.Hosts[0].Ip($"route get {address}").Should().Contain($"dev {device} ");
        }
    }
}
