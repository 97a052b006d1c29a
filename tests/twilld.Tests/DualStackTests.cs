using Twill.Testing;
using static Twill.Agent.Tests.DualHosts;

namespace Twill.Agent.Tests;

/// <summary>Agents in a network of both families, over underlays of both or of one, with a real etcd.</summary>
public sealed class DualStackTests : IDisposable
{
    private AgentLab _lab = null!;

    [RequiresRootFact]
    public void Hosts_of_both_families_reach_each_other_in_both_each_over_its_own_and_one_that_leaves_takes_six_entries_with_it()
    {
        (AgentHost a, AgentHost b) = Two(LabFamilies.Both);
        AgentHost c = _lab.StartDualHost();
        foreach (AgentHost other in (AgentHost[])[b, c])
        {
            ShouldReach(a, other, "twill.1", "twill-v6.1");
        }

        _lab.Etcd.Get($"{AgentLab.Prefix}/subnets/{Key(b)}")
            .Should()
            .Contain($"\"PublicIP\":\"{b.Address}\",\"PublicIPv6\":\"{b.AddressV6}\"")
            .And.Contain($"\"BackendData\":{{\"VNI\":1,\"VtepMAC\":\"{MacOf(b, "twill.1")}\"}}")
            .And.Contain($"\"BackendV6Data\":{{\"VNI\":1,\"VtepMAC\":\"{MacOf(b, "twill-v6.1")}\"}}");
        Entries(a).Should().HaveCount(12);

        b.Agent!.Stop();
        _lab.Etcd.Etcdctl("del", $"{AgentLab.Prefix}/subnets/{Key(b)}");

        Eventually.Pass(() => Entries(a).Should().HaveCount(6).And.NotContain(line => line.Contains(b.Base) || line.Contains(b.AddressV6)));
        ShouldReach(a, c, "twill.1", "twill-v6.1");
    }

    [RequiresRootFact]
    public void A_host_of_both_families_that_comes_and_goes_costs_its_six_entries_and_no_look_at_everything()
    {
        _lab = new AgentLab(LabFamilies.Both);
        AgentHost a = _lab.StartDualHost(args: ["--listen", "127.0.0.1:9116", "--interval", "3600"]);
        Eventually.True(
            "the agent is at rest",
            () => a.Ns.HasLink("twill-v6.1") && PeersTests.AtRest(a),
            TimeSpan.FromSeconds(20),
            () => a.Log
        );
        (double everything, double entries) = (
            PeersTests.Metric(a, "kind=\"everything\""),
            PeersTests.Metric(a, "twill_kernel_entries_total{")
        );
        string key = $"{AgentLab.Prefix}/subnets/10.244.250.0-24&fc00:1:0:250::-64";

        _lab.Etcd.Put(
            key,
            """
            {"PublicIP":"192.168.64.77","PublicIPv6":"fd00:64::77","BackendType":"vxlan",
             "BackendData":{"VNI":1,"VtepMAC":"02:cc:00:00:00:77"},"BackendV6Data":{"VNI":1,"VtepMAC":"02:cc:00:00:00:78"}}
            """
        );
        Eventually.Pass(() => Entries(a).Should().HaveCount(6, a.Log));
        PeersTests.Metric(a, "twill_kernel_entries_total{").Should().Be(entries + 7);
        _lab.Etcd.Etcdctl("del", key);
        Eventually.Pass(() => Entries(a).Should().BeEmpty(a.Log));
        Eventually.Pass(() => PeersTests.Metric(a, "twill_kernel_entries_total{").Should().Be(entries + 14));

        a.WaitForKernelEvents();
        PeersTests.Metric(a, "kind=\"everything\"").Should().Be(everything, a.Log);
    }

    [RequiresRootFact]
    public void An_underlay_of_IPv6_alone_carries_both_families()
    {
        (AgentHost a, AgentHost b) = Two(LabFamilies.IPv6);

        ShouldReach(a, b, "twill-v6.1", "twill-v6.1");
        a.Ns.HasLink("twill.1").Should().BeFalse();
        _lab.Etcd.Get($"{AgentLab.Prefix}/subnets/{Key(b)}")
            .Should()
            .StartWith($"{{\"PublicIP\":\"0.0.0.0\",\"PublicIPv6\":\"{b.AddressV6}\"")
            .And.Contain("BackendV6Data")
            .And.NotContain("BackendData\"");
        (Mtu(a, "twill-v6.1"), Mtu(a, "twill0")).Should().Be((1430, 1430));
    }

    [RequiresRootFact]
    public void An_underlay_of_IPv4_alone_carries_both_families()
    {
        (AgentHost a, AgentHost b) = Two(LabFamilies.IPv4);

        ShouldReach(a, b, "twill.1", "twill.1");
        a.Ns.HasLink("twill-v6.1").Should().BeFalse();
        (Mtu(a, "twill.1"), Mtu(a, "twill0")).Should().Be((1450, 1450));
    }

    [RequiresRootTheory]
    [InlineData("""{ "type": "host-gw" }""", false)]
    [InlineData("""{ "type": "vxlan", "directRouting": true }""", true)]
    public void Without_the_overlay_each_family_leads_by_way_of_the_hosts_address_of_that_family(string backend, bool hasDevices)
    {
        (AgentHost a, AgentHost b) = Two(LabFamilies.Both, backend);

        ShouldReach(a, b, "eth0", "eth0");
        a.Ns.Ip("-6 route show proto 116").Should().StartWith($"{b.SubnetV6} via {b.AddressV6} dev eth0 metric 1");
        a.Ns.HasLink("twill-v6.1").Should().Be(hasDevices);
    }

    [RequiresRootFact]
    public void A_new_IPv6_address_is_published_and_reached_and_keeps_the_lease()
    {
        (AgentHost a, AgentHost b) = Two(LabFamilies.Both);
        ShouldReach(a, b, "twill.1", "twill-v6.1");
        string key = Key(b),
            leaseId = b.State("subnet.json").GetProperty("leaseId").GetRawText();

        b.Ns.Sh(
            "ip address del fd00:64::3/64 dev eth0; ip address add fd00:64::77/64 dev eth0; ip -6 route replace default via fd00:64::1"
        );

        Eventually.True(
            "the new address is used",
            () => a.Ns.Bridge("fdb show dev twill-v6.1").Contains("dst fd00:64::77"),
            onFailure: () => a.Log + b.Log
        );
        ShouldReach(a, b, "twill.1", "twill-v6.1");
        (Key(b), b.State("subnet.json").GetProperty("leaseId").GetRawText()).Should().Be((key, leaseId));
        a.WaitForLog($"peer {b.SubnetV6} moved from fd00:64::3 to fd00:64::77");
        b.Log.Should().NotContain("twill.1 deleted", "IPv4 has nothing to do with it");
    }

    [RequiresRootFact]
    public void IPv6_that_comes_to_the_underlay_later_is_used_and_the_MTU_follows()
    {
        (AgentHost a, AgentHost b) = Two(LabFamilies.IPv4);
        ShouldReach(a, b, "twill.1", "twill.1");

        foreach (AgentHost host in (AgentHost[])[a, b])
        {
            host.Ns.Ip($"address add {host.AddressV6}/64 dev eth0 nodad");
        }

        ShouldReach(a, b, "twill.1", "twill-v6.1");
        Eventually.Pass(() => (Mtu(a, "twill.1"), Mtu(a, "twill-v6.1"), Mtu(a, "twill0")).Should().Be((1450, 1430, 1430)));
        a.Ns.Ip("link set eth0 mtu 1600");
        Eventually.Pass(() => (Mtu(a, "twill.1"), Mtu(a, "twill-v6.1"), Mtu(a, "twill0")).Should().Be((1550, 1530, 1530)));
    }

    [RequiresRootFact]
    public void An_IPv6_address_that_is_away_for_a_moment_takes_nothing_apart()
    {
        (AgentHost a, AgentHost b) = Two(LabFamilies.Both, args: ["--listen", AgentHost.Listen, "--interval", "0.5"]);
        ShouldReach(a, b, "twill.1", "twill-v6.1");
        string device = a.Ns.Ip("-o link show dev twill-v6.1").Split(':')[0];

        a.Ns.Ip("-6 address del fd00:64::2/64 dev eth0");
        a.WaitForLooksAtEverything(2);
        a.Ns.Ip("address add fd00:64::2/64 dev eth0 nodad");

        ShouldReach(a, b, "twill.1", "twill-v6.1");
        a.Ns.Ip("-o link show dev twill-v6.1").Split(':')[0].Should().Be(device, a.Log);
    }

    public void Dispose() => _lab.Dispose();

    private (AgentHost A, AgentHost B) Two(LabFamilies underlay, string backend = DualHosts.Vxlan, string[]? args = null)
    {
        _lab = new AgentLab(underlay);
        return (_lab.StartDualHost(backend, args), _lab.StartDualHost(backend, args));
    }
}
