using System.Text.Json;
using Twill.Testing;

namespace Twill.Agent.Tests;

/// <summary>What people and programs break on a host is put back, and what is theirs is left alone.</summary>
public sealed class DriftTests : IDisposable
{
    private readonly AgentLab _lab = new();

    [RequiresRootFact]
    public void Everything_that_somebody_deletes_is_put_back_soon()
    {
        AgentHost a = _lab.StartHost("--interval", "3600"),
            b = _lab.StartHost(); // soon: because the kernel tells of it
        a.WaitForPeers(b);
        string[] damages =
        [
            $"ip route del {b.Subnet}",
            $"ip route replace {b.Subnet} via 192.168.64.99",
            "ip nexthop flush proto 116",
            "for id in $(ip -o nexthop show | cut -d' ' -f2); do ip nexthop replace id $id via 192.168.64.99 dev eth0 proto 116; done",
            "for id in $(ip -o nexthop show | cut -d' ' -f2); do ip nexthop replace id $id blackhole; done",
            $"ip nexthop add id 9 blackhole; ip route change {b.Subnet} nhid 9 proto 116",
            $"ip neigh del {b.Base} dev twill.1",
            $"bridge fdb del {b.VtepMac} dev twill.1",
            $"bridge fdb replace {b.VtepMac} dev twill.1 dst 192.168.64.99 self permanent",
            $"bridge fdb replace {b.VtepMac} dev twill.1 dst {b.Address} port 4790 self permanent extern_learn",
            $"bridge fdb replace {b.VtepMac} dev twill.1 dst {b.Address} vni 9 self permanent",
            $"bridge fdb replace {b.VtepMac} dev twill.1 dst {b.Address} port 4790; bridge fdb del {b.VtepMac} dev twill.1",
            "ip link set twill.1 type vxlan remote 192.168.64.99",
            "ip link set twill.1 down",
            "ip link del twill.1",
            "ip link set twill.1 address 02:00:00:00:00:99",
            $"ip address del {a.Base}/32 dev twill.1",
        ];
        foreach (string damage in damages)
        {
            a.Ns.Sh(damage);

            a.WaitForPeers(b);
            Eventually.True($"{damage}: the other host is reached again", () => a.Reaches(b), onFailure: () => a.Log);
            Eventually.True(
                "the device has its address",
                () => a.Ns.Ip("address show dev twill.1").Contains($"{a.Base}/32"),
                onFailure: () => a.Log
            );
        }
    }

    [RequiresRootFact]
    public void The_bridge_is_put_back_with_its_containers()
    {
        AgentHost a = _lab.StartHost();
        AddHostEnd(a, "tw0123456789abc");
        string before = StateOf(a);
        string[] damages =
        [
            "ip link del twill0",
            "ip link set twill0 down",
            "ip address flush dev twill0",
            "ip route flush dev twill0",
            "ip link set twill0 address 02:00:00:00:00:98",
            "ip link del twill0; ip link add twill0 address 02:00:00:00:00:98 up type bridge",
            "ip link set tw0123456789abc nomaster",
            "ip link set tw0123456789abc down",
            "echo 0 >/proc/sys/net/ipv4/conf/twill0/forwarding",
        ];
        foreach (string damage in damages)
        {
            // Asleep meanwhile: a bridge that is deleted and made by hand must not meet the one that the agent makes.
            a.Agent!.Send(Signal.Stop);
            a.Ns.Sh(damage);
            a.Agent.Send(Signal.Cont);

            Eventually.Pass(() => StateOf(a).Should().Be(before, $"{damage}\n{a.Log}"));
        }
    }

    [RequiresRootFact]
    public void A_host_end_past_the_bridges_ports_and_one_on_another_bridge_and_foreign_links_are_left_where_they_are()
    {
        AgentHost a = _lab.StartHost("--listen", AgentHost.Listen, "--interval", "0.5");
        AddHostEnd(a, "twroutedrouted0");
        a.Ns.Sh("ip link add theirs up type bridge");
        a.Ns.Sh("ip link add name mine up type veth peer name mine1");
        AddHostEnd(a, "twmovedmovedmov");
        a.Ns.Sh("ip link set twmovedmovedmov master theirs");
        // still without the address that an ADD gives it
        a.Ns.Sh("ip link set twroutedrouted0 group 116; ip link set twroutedrouted0 nomaster");

        a.WaitForLooksAtEverything(2);

        MasterOf(a, "twroutedrouted0").Should().BeNull();
        MasterOf(a, "twmovedmovedmov").Should().Be("theirs");
        MasterOf(a, "mine").Should().BeNull();
    }

    [RequiresRootFact]
    public void An_MTU_that_the_underlay_gets_while_the_agent_runs_is_the_overlays_and_the_bridges()
    {
        AgentHost a = _lab.StartHost();

        a.Ns.Ip("link set eth0 mtu 1400");

        Eventually.Pass(() =>
            (MtuOf(a, "twill.1"), MtuOf(a, "twill0"), a.State("node.json").GetProperty("mtu").GetInt32()).Should().Be((1350, 1350, 1350))
        );
        a.Ns.Ip("link set eth0 mtu 1500");
        Eventually.Pass(() => (MtuOf(a, "twill.1"), MtuOf(a, "twill0")).Should().Be((1450, 1450)));
    }

    [RequiresRootFact]
    public void After_a_restart_of_the_hosts_network_all_is_as_before()
    {
        AgentHost a = _lab.StartHost(),
            b = _lab.StartHost();
        a.WaitForPeers(b);

        a.Ns.Sh(
            "ip address flush dev eth0; ip link set eth0 down; ip nexthop flush proto 116; ip address flush dev twill.1; ip address "
                + "flush dev twill0"
        );
        a.WaitForLog("no IPv4 default route");
        a.Ns.Sh($"ip address add {a.Address}/24 dev eth0; ip link set eth0 up; ip route add default via 192.168.64.1");

        a.WaitForPeers(b);
        Eventually.True("the other host is reached again", () => a.Reaches(b), onFailure: () => a.Log);
        _lab.Lease(a.Subnet).Should().Contain(a.Address);
    }

    [RequiresRootFact]
    public void Forwarding_and_firewall_are_put_back()
    {
        AgentHost a = _lab.StartHost();
        string[] damages =
        [
            "nft delete table inet twill-pods",
            "nft flush chain inet twill-pods postrouting",
            "nft flush ruleset",
            "sysctl -q -w net.ipv4.ip_forward=0",
        ];
        foreach (string damage in damages)
        {
            a.Ns.Sh(damage);

            Eventually.True(
                $"{damage}: forwarding and masquerading are on",
                () =>
                    a.Ns.Run("nft", "list", "table", "inet", "twill-pods").Stdout.Contains("masquerade")
                    && a.Ns.Sh("cat /proc/sys/net/ipv4/ip_forward").Trim() == "1",
                onFailure: () => a.Log
            );
        }
    }

    [RequiresRootFact]
    public void What_belongs_to_others_stays()
    {
        AgentHost a = _lab.StartHost("--listen", AgentHost.Listen, "--interval", "0.5"),
            b = _lab.StartHost();
        a.WaitForPeers(b);
        a.Ns.Sh("ip route add 10.9.0.0/16 via 192.168.64.99");
        a.Ns.Sh("ip route add 10.244.0.0/17 via 192.168.64.99");
        a.Ns.Sh("nft add table inet other; ip link add name mine type bridge");

        a.WaitForLooksAtEverything(2);

        a.Ns.Ip("route show").Should().Contain("10.9.0.0/16 via 192.168.64.99").And.Contain("10.244.0.0/17 via 192.168.64.99");
        a.Ns.Nft("list tables").Should().Contain("table inet other");
        a.Ns.HasLink("mine").Should().BeTrue();
    }

    public void Dispose() => _lab.Dispose();

    /// <summary>A pair as an ADD makes it, without the container.</summary>
    private static void AddHostEnd(AgentHost host, string name) =>
        host.Ns.Sh(
            $"ip link add {name} master twill0 up type veth peer name {name[..^2]} && ip link set {name} alias 'twill pods {name} "
                + $"eth0' && bridge link set dev {name} hairpin on"
        );

    private static string? MasterOf(AgentHost host, string link) =>
        host.Ns.IpJson($"link show dev {link}")[0].TryGetProperty("master", out JsonElement master) ? master.GetString() : null;

    private static int MtuOf(AgentHost host, string link) => host.Ns.IpJson($"link show dev {link}")[0].GetProperty("mtu").GetInt32();

    /// <summary>The bridge with addresses and routes, what hangs on it, and forwarding.</summary>
    private static string StateOf(AgentHost host) =>
        host.Ns.Sh(
            """
            ip -br link show type bridge; ip -4 -br address show dev twill0; ip route show dev twill0 | sed 's/ linkdown//'; ip -br link show master twill0
            bridge -d link show dev tw0123456789abc | grep -o 'hairpin [a-z]*'; cat /proc/sys/net/ipv4/conf/twill0/forwarding
            """
        );
}
