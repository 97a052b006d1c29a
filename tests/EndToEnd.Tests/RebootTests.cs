using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>
/// A host is switched off with containers running, and comes back: /run and all of the kernel's state are gone, the boot has another id,
/// and the address records are of containers that are no more.
/// </summary>
public sealed class RebootTests
{
    private const int Containers = 50; // of the 61 that a /26 has addresses for: half of the new ones get one of the dead

    private static readonly ParallelOptions s_some = new() { MaxDegreeOfParallelism = 8 };

    [RequiresRootTheory]
    [InlineData("before")]
    [InlineData("after")]
    public void The_next_adds_succeed_with_no_operators_hand(string agent)
    {
        using Cluster cluster = Cluster.Start(2, Slash26);
        LabHost host = cluster.Hosts[0];
        LabContainer elsewhere = cluster.Hosts[1].AddContainer("elsewhere");
        string subnet = cluster.LeaseOf(host)!;
        AddAll(cluster, host, 0);

        Reboot(host);
        if (agent == "before")
        {
            host.StartAgent();
        }

        string[] addresses = AddAll(cluster, host, Containers - 5); // five of the dead are started again under their old names
        if (agent == "after")
        {
            host.StartAgent();
        }

        addresses.Should().OnlyHaveUniqueItems();
        cluster.LeaseOf(host).Should().Be(subnet, "the host's own subnet, although the lease of the boot before lives on");
        cluster.Etcd.List(Cluster.Subnets).Should().HaveCount(2);
        foreach (int i in (int[])[Containers - 5, 2 * Containers - 6])
        {
            Eventually.True(
                $"c{i} reaches a container of another host",
                () => Ping(host, i, elsewhere.Address),
                TimeSpan.FromSeconds(20),
                () => host.Agent!.Log
            );
            Eventually.True(
                $"and is reached from there",
                () => elsewhere.CanPing(addresses[i - (Containers - 5)]),
                TimeSpan.FromSeconds(20)
            );
        }

        // What a runtime does with containers that it finds dead.
        Parallel.For(0, Containers - 5, s_some, i => (Plugin(host, i) with { Netns = "" }).Del(Config(cluster)).OrThrow());
        Leftovers.Records(host).Should().BeEquivalentTo(addresses, "the records of the living are untouched, those of the dead are gone");
        Leftovers.Links(host).Where(l => l.StartsWith("tw", StringComparison.Ordinal)).Should().HaveCount(Containers);
    }

    [RequiresRootFact]
    public void Without_etcd_no_address_is_given_since_nobody_knows_whose_the_subnet_is_now_and_all_goes_on_when_etcd_is_back()
    {
        using Cluster cluster = Cluster.Start(1, Slash26);
        LabHost host = cluster.Hosts[0];
        string subnet = cluster.LeaseOf(host)!;
        MakeNamespaces(host, 0);
        Plugin(host, 0).Add(Config(cluster)).OrThrow();
        IReadOnlyList<string> records = Leftovers.Records(host);
        Reboot(host);
        cluster.Etcd.Kill();
        host.StartAgent();
        MakeNamespaces(host, 1);

        CniAnswer refused = Plugin(host, 1).Add(Config(cluster));
        refused.ErrorCode.Should().Be(11, refused.ToString());
        refused.ErrorText.Should().Contain("this host has leased no subnet since it was booted").And.Contain(cluster.Etcd.Endpoint);
        Plugin(host, 1).Del(Config(cluster)).OrThrow();
        JsonObject status = JsonNode.Parse(Config(cluster))!.AsObject();
        status["cniVersion"] = "1.1.0";
        host.Plugin("twill").Run("STATUS", status.ToJsonString()).ErrorCode.Should().Be(50);
        Leftovers.Links(host).Should().NotContain(l => l.StartsWith("tw", StringComparison.Ordinal));
        Leftovers.Records(host).Should().BeEquivalentTo(records);

        cluster.Etcd.Start();
        Eventually.True(
            "the next ADD succeeds",
            () => Plugin(host, 1).Add(Config(cluster)).ExitCode == 0,
            TimeSpan.FromSeconds(30),
            () => host.Agent!.Log
        );
        cluster.LeaseOf(host).Should().Be(subnet);
    }

    private static void Slash26(JsonObject conf) => conf.Ipam()["subnetLen"] = 26;

    private static string Config(Cluster cluster)
    {
        JsonObject conf = SampleConf.Cluster(cluster.Etcd.Endpoint);
        Slash26(conf);
        return conf.ForPlugin().ToJsonString();
    }

    /// <summary>Everything that a power cut ends, ends; then the host has its network again.</summary>
    private static void Reboot(LabHost host)
    {
        host.Agent!.Kill();
        host.Sh(
            """
            for ns in $(ls /run/netns); do echo netns delete $ns; done | ip -batch -
            for link in $(ip -j link show | grep -o '"ifname":"tw[^"]*"' | cut -d'"' -f4); do ip link delete $link 2>/dev/null; done
            nft flush ruleset; ip nexthop flush proto 116; echo 0 >/proc/sys/net/ipv4/ip_forward
            rm -rf /run/twill
            cat /proc/sys/kernel/random/uuid >/run/boot_id && mount --bind /run/boot_id /proc/sys/kernel/random/boot_id
            """
        );
        host.HasLink("twill0").Should().BeFalse();
        host.HasLink("twill.1").Should().BeFalse();
    }

    private static string[] AddAll(Cluster cluster, LabHost host, int first)
    {
        host.Sh($"for i in $(seq {first} {first + Containers - 1}); do echo netns add c$i; done | ip -batch -");
        string[] addresses = new string[Containers];
        Parallel.For(0, Containers, s_some, i =>
            addresses[i] = LabContainer.AddressOf(Plugin(host, first + i).Add(Config(cluster)).OrThrow().Stdout)
        );
        return addresses;
    }

    private static void MakeNamespaces(LabHost host, int i) => host.Ip($"netns add c{i}");

    private static CniProcess Plugin(LabHost host, int i) =>
        host.Plugin("twill") with
        {
            ContainerId = $"c{i}",
            Netns = $"/run/netns/c{i}",
            IfName = "eth0",
            Timeout = TimeSpan.FromMinutes(1),
        };

    private static bool Ping(LabHost host, int i, string to) =>
        host.Run("ip", "netns", "exec", $"c{i}", "ping", "-n", "-q", "-c", "1", "-W", "2", to).ExitCode == 0;
}
