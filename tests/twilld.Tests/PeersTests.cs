using System.Globalization;
using Twill.Testing;

namespace Twill.Agent.Tests;

/// <summary>Agents on several hosts with a real etcd: hosts that come, go and change.</summary>
public sealed class PeersTests : IDisposable
{
    private readonly AgentLab _lab = new();

    [RequiresRootFact]
    public void Hosts_lead_to_each_other_and_one_that_joins_shows_on_all()
    {
        AgentHost a = _lab.StartHost(),
            b = _lab.StartHost();
        a.WaitForPeers(b);
        b.WaitForPeers(a);
        a.Reaches(b).Should().BeTrue(a.Log);

        AgentHost c = _lab.StartHost();

        a.WaitForPeers(b, c);
        b.WaitForPeers(a, c);
        c.WaitForPeers(a, b);
        c.Reaches(a).Should().BeTrue(c.Log);
        a.WaitForLog($"peer {c.Subnet} via {c.Address} added");
    }

    /// <summary>As before an older version is installed: `twilld --once --no-nexthops`.</summary>
    [RequiresRootFact]
    public void Routes_name_nexthop_objects_unless_told_otherwise_and_the_change_is_told_as_nobodys_fault()
    {
        AgentHost a = _lab.StartHost(),
            b = _lab.StartHost();
        a.WaitForPeers(b);
        b.WaitForPeers(a);
        a.Ns.Ip("-4 route show proto 116").Should().Contain(" nhid ");
        a.Agent!.Stop();
        using Traffic pings = Traffic.Start(a.Ns, b.Gateway, milliseconds: 10);

        CmdResult once = a.Run("--once", "--no-nexthops");
        once.ExitCode.Should().Be(0, once.Stderr);
        once.Stderr.Should().Contain("1 route leads without a nexthop object now").And.NotContain("put back");
        a.ShouldLeadTo(b);
        a.Ns.Ip("-4 route show proto 116").Should().NotContain("nhid");
        a.Ns.IpJson("nexthop show").GetArrayLength().Should().Be(0);

        a.Start();
        a.WaitForLog("1 route leads by a nexthop object now");
        a.WaitForPeers(b);
        a.Ns.Ip("-4 route show proto 116").Should().Contain(" nhid ");
        a.Log.Should().NotContain("put back");
        pings.WaitForMore(10);
        pings.Lost().Should().BeEmpty();
    }

    [RequiresRootFact]
    public void A_host_that_comes_and_goes_costs_its_four_entries_and_no_look_at_everything()
    {
        AgentHost a = _lab.AddHost();
        a.Configure("pods", leaseTtl: 3600); // a renewal is followed by a look at everything
        a.Start("--listen", "127.0.0.1:9116", "--interval", "3600");
        a.WaitForSubnet();
        Eventually.True("the agent is at rest", () => a.Ns.HasLink("twill.1") && AtRest(a), TimeSpan.FromSeconds(20), () => a.Log);
        (double everything, double entries) = (Metric(a, "kind=\"everything\""), Metric(a, "twill_kernel_entries_total{"));
        string key = $"{AgentLab.Prefix}/subnets/10.244.250.0-24";

        _lab.Etcd.Put(
            key,
            """{"PublicIP":"192.168.64.77","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"02:cc:00:00:00:77"}}"""
        );
        Eventually.Pass(() =>
            a.Ns.Ip("route show proto 116").Should().StartWith("10.244.250.0/24 ", a.Log).And.Contain(" via 10.244.250.0 dev twill.1")
        );
        Eventually.Pass(() => Metric(a, "twill_kernel_entries_total{").Should().Be(entries + 4));
        _lab.Etcd.Etcdctl("del", key);
        Eventually.Pass(() => a.Ns.Ip("route show proto 116").Should().BeEmpty(a.Log));
        Eventually.Pass(() => Metric(a, "twill_kernel_entries_total{").Should().Be(entries + 8));

        a.WaitForKernelEvents();
        Metric(a, "kind=\"everything\"").Should().Be(everything, a.Log);
        Metric(a, "kind=\"peers\"").Should().BeGreaterThanOrEqualTo(2);
    }

    [RequiresRootFact]
    public void A_host_that_left_is_removed_from_the_others()
    {
        AgentHost a = _lab.StartHost(),
            b = _lab.StartHost(),
            c = _lab.StartHost();
        a.WaitForPeers(b, c);

        b.Agent!.Stop().Should().Be(0);
        _lab.Etcd.Etcdctl("del", $"{AgentLab.Prefix}/subnets/{b.Subnet.Replace('/', '-')}");

        a.WaitForPeers(c);
        c.WaitForPeers(a);
        a.WaitForLog($"peer {b.Subnet} via {b.Address} removed");
    }

    [RequiresRootFact]
    public void A_host_that_left_while_the_agent_was_down_is_removed_at_its_start()
    {
        AgentHost a = _lab.StartHost(),
            b = _lab.StartHost(),
            c = _lab.StartHost();
        a.WaitForPeers(b, c);
        a.Agent!.Stop();
        b.Agent!.Stop();
        _lab.Etcd.Etcdctl("del", $"{AgentLab.Prefix}/subnets/{b.Subnet.Replace('/', '-')}");

        a.Start();

        a.WaitForPeers(c);
        a.WaitForLog("1 peer already in place");
        a.WaitForLog($"stale route {b.Subnet}");
    }

    [RequiresRootFact]
    public void A_host_with_a_new_address_keeps_its_lease_and_is_reached_there()
    {
        AgentHost a = _lab.StartHost(),
            b = _lab.StartHost();
        a.WaitForPeers(b);
        string subnet = b.Subnet,
            leaseId = b.State("subnet.json").GetProperty("leaseId").GetRawText();

        b.Ns.Sh("ip address del 192.168.64.3/24 dev eth0; ip address add 192.168.64.77/24 dev eth0; ip route add default via 192.168.64.1");

        Eventually.True("the new address is published", () => _lab.Lease(subnet)!.Contains("192.168.64.77"), onFailure: () => b.Log);
        Eventually.True(
            "the new address is used",
            () => a.Ns.Bridge("fdb show dev twill.1").Contains("dst 192.168.64.77"),
            onFailure: () => a.Log
        );
        Eventually.True("it is reached", () => a.Reaches(b), onFailure: () => a.Log + b.Log);
        b.Subnet.Should().Be(subnet);
        b.State("subnet.json").GetProperty("leaseId").GetRawText().Should().Be(leaseId);
        a.WaitForLog($"peer {subnet} moved from 192.168.64.3 to 192.168.64.77");
        b.Log.Should()
            .NotContain("no answer", "etcd is not asked again over a connection of the old address, which would cost its time limit");
    }

    [RequiresRootFact]
    public void With_direct_routing_hosts_on_one_link_reach_each_other_without_the_overlay()
    {
        const string Direct = """{ "type": "vxlan", "directRouting": true }""";
        AgentHost a = _lab.AddHost(),
            b = _lab.AddHost();
        foreach (AgentHost host in (AgentHost[])[a, b])
        {
            host.Configure("pods", backend: Direct);
            host.Start();
            host.WaitForSubnet();
        }

        Eventually.True(
            "a plain route",
            () => a.Ns.Ip("route show proto 116").Contains($"{b.Subnet} via {b.Address} dev eth0"),
            onFailure: () => a.Log
        );
        a.Ns.Bridge("fdb show dev twill.1").Should().BeEmpty();
        Eventually.True("it is reached", () => a.Reaches(b), onFailure: () => b.Log);
    }

    [RequiresRootFact]
    public void With_host_gw_hosts_are_one_route_each_and_there_is_no_overlay_device()
    {
        AgentHost a = _lab.AddHost(),
            b = _lab.AddHost();
        foreach (AgentHost host in (AgentHost[])[a, b])
        {
            host.Configure("pods", backend: """{ "type": "host-gw" }""");
            host.Start();
            host.WaitForSubnet();
        }

        Eventually.True(
            "a plain route",
            () => a.Ns.Ip("route show proto 116").Contains($"{b.Subnet} via {b.Address} dev eth0"),
            onFailure: () => a.Log
        );
        Eventually.True("it is reached", () => a.Reaches(b), onFailure: () => b.Log);
        a.Ns.HasLink("twill.1").Should().BeFalse();
        a.State("node.json").GetProperty("mtu").GetInt32().Should().Be(1500);
        _lab.Lease(a.Subnet).Should().Be($$"""{"PublicIP":"{{a.Address}}","PublicIPv6":null,"BackendType":"host-gw"}""");
    }

    public void Dispose() => _lab.Dispose();

    /// <summary>Whether nothing that the kernel has told the agent up to now makes it look at everything, and no address is still to be
    /// announced as usable.</summary>
    internal static bool AtRest(AgentHost host)
    {
        double before = Metric(host, "kind=\"everything\"");
        host.WaitForKernelEvents();
        return Metric(host, "kind=\"everything\"") == before && host.Ns.Ip("-6 address show tentative").Length == 0;
    }

    internal static double Metric(AgentHost host, string part) =>
        host
            .Ns.Sh("curl -s http://127.0.0.1:9116/metrics")
            .Split('\n')
            .Where(line => line.Contains(part, StringComparison.Ordinal))
            .Sum(line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));
}
