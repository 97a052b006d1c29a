using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.WireGuard;

/// <summary>Hosts that are joined by WireGuard: what gets through, and what a wiretap between them sees.</summary>
public sealed class WireGuardTests
{
    private const string Device = WireGuardCluster.Device;

    [RequiresRootFact]
    public void Containers_and_hosts_reach_each_other_and_a_wiretap_can_read_none_of_it()
    {
        using WireGuardCluster cluster = WireGuardCluster.Start(2);
        LabHost a = cluster.Hosts[0],
            b = cluster.Hosts[1];
        LabContainer one = a.AddContainer("one"),
            two = b.AddContainer("two");
        using Wiretap tap = Wiretap.On(cluster.Cluster.Lab);

        Wiretap.Ping(one, two.Address).Should().BeTrue(a.Agent!.Log);
        Wiretap.Ping(two, one.Address).Should().BeTrue();
        Wiretap.Ping(a, two.Address).Should().BeTrue("a host reaches containers of others");
        Wiretap
            .Ping(one, two.Address.Remove(two.Address.LastIndexOf('.')) + ".1")
            .Should()
            .BeTrue("a container reaches other hosts' bridges");
        one.Run("ping", "-n", "-q", "-c", "1", "-W", "1", "-M", "do", "-s", $"{1440 - 28}", two.Address)
            .ExitCode.Should()
            .Be(0, "1500 bytes less 60 get through whole");

        tap.SawTunnel.Should().BeTrue();
        tap.Readable.Should().BeEmpty();
        one.CanPing(Lab.OutsideAddress).Should().BeTrue("the way out is masqueraded as ever");
    }

    [RequiresRootFact]
    public void IPv6_goes_through_the_same_tunnel_and_nothing_of_it_beside()
    {
        using WireGuardCluster cluster = WireGuardCluster.Start(2, conf => conf.Ipam()["ipv6Network"] = "fc00:1::/48");
        LabHost a = cluster.Hosts[0];
        LabContainer one = a.AddContainer("one"),
            two = cluster.Hosts[1].AddContainer("two");
        string address = (string)JsonNode.Parse(two.Result)!["ips"]![1]!["address"]!;
        using Wiretap tap = Wiretap.On(cluster.Cluster.Lab);

        Eventually.True("one reaches two by IPv6", () => Wiretap.Ping(one, address.Split('/')[0]), onFailure: () => a.Agent!.Log);
        Wiretap.Ping(one, two.Address).Should().BeTrue();
        a.Sh($"wg show {Device} allowed-ips").Should().Contain("10.244.").And.Contain("fc00:1:");
        tap.Readable.Should().BeEmpty();

        a.Agent!.Stop();
        cluster.EndProgram(a);
        a.Sh("ip -6 route flush proto 116; ip -6 route add default dev eth0");
        Wiretap.Ping(one, address.Split('/')[0]).Should().BeFalse();
        tap.Readable.Should().BeEmpty();
    }

    [RequiresRootFact]
    public void With_vxlan_the_same_wiretap_reads_everything()
    {
        using Cluster cluster = Cluster.Start(2);
        LabContainer one = cluster.Hosts[0].AddContainer("one"),
            two = cluster.Hosts[1].AddContainer("two");
        using Wiretap tap = Wiretap.On(cluster.Lab);

        Wiretap.Ping(one, two.Address).Should().BeTrue();

        Eventually.True("the wiretap reads it", () => tap.Readable.Any(line => line.StartsWith("marker")));
    }

    [RequiresRootFact]
    public void The_private_key_is_kept_to_the_host_and_the_lease_has_the_public_one_as_flannel_writes_it()
    {
        using WireGuardCluster cluster = WireGuardCluster.Start(1, traced: true);
        LabHost host = cluster.Hosts[0];
        string file = "/var/lib/cni/twill/twill/wireguard-key",
            key = File.ReadAllText(host.At(file)).Trim();

        host.Sh($"stat -c %a {file}").Trim().Should().Be("600");
        host.Sh($"wg show {Device} private-key").Trim().Should().Be(key);
        string published = cluster.Cluster.Etcd.List(Cluster.Subnets).Should().ContainSingle().Which.Value;
        published
            .Should()
            .Be(
                $$$"""{"PublicIP":"{{{host.Address}}}","PublicIPv6":null,"BackendType":"wireguard","BackendData":{"PublicKey":"{{{WireGuardCluster.PublicKey(host)}}}","Port":51820}}"""
            );
        File.ReadAllText($"/proc/{host.Agent!.Pid}/cmdline").Should().NotContain(key);
        host.Agent.Log.Should().NotContain(key).And.Contain(WireGuardCluster.PublicKey(host));
        host.Agent.Log.Should().NotContain(Convert.ToHexStringLower(Convert.FromBase64String(key)));
        host.Agent.Log.Should().Contain($"wg set {Device} private-key '(secret)'", "it was traced");
        foreach (string path in Directory.EnumerateFiles(host.At("/run/twill"), "*", SearchOption.AllDirectories))
        {
            File.ReadAllText(path).Should().NotContain(key, path);
        }
    }

    [RequiresRootFact]
    public void Without_agent_and_device_nothing_goes_in_clear_and_all_is_back_when_they_are()
    {
        using WireGuardCluster cluster = WireGuardCluster.Start(2);
        LabHost a = cluster.Hosts[0],
            b = cluster.Hosts[1];
        LabContainer one = a.AddContainer("one"),
            two = b.AddContainer("two");
        Wiretap.Ping(one, two.Address).Should().BeTrue();
        using Wiretap tap = Wiretap.On(cluster.Cluster.Lab);
        a.Agent!.Stop();
        cluster.EndProgram(a);

        Wiretap.Ping(one, two.Address).Should().BeFalse();
        Wiretap.Ping(a, two.Address).Should().BeFalse();
        a.Sh("ip route flush proto 116");
        Wiretap.Ping(one, two.Address).Should().BeFalse("the firewall stands where no route does");
        Wiretap.Ping(a, two.Address).Should().BeFalse();
        a.Sh($"ip route add {cluster.Cluster.LeaseOf(b)} via {b.Address}");
        Wiretap.Ping(one, two.Address).Should().BeFalse("nor does it go by a plain route");
        Wiretap.Ping(a, two.Address).Should().BeFalse();
        tap.Readable.Should().BeEmpty();

        a.Sh($"ip route del {cluster.Cluster.LeaseOf(b)} via {b.Address}");
        cluster.StartProgram(a);
        a.StartAgent();
        Eventually.True("they reach each other again", () => Wiretap.Ping(one, two.Address), onFailure: () => a.Agent!.Log);
        tap.Readable.Should().BeEmpty();
    }

    [RequiresRootFact]
    public void Without_any_nftables_rule_a_lost_device_still_sends_nothing_in_clear()
    {
        using WireGuardCluster cluster = WireGuardCluster.Start(2);
        LabHost a = cluster.Hosts[0];
        LabContainer one = a.AddContainer("one"),
            two = cluster.Hosts[1].AddContainer("two");
        using Wiretap tap = Wiretap.On(cluster.Cluster.Lab);
        a.Agent!.Stop();
        cluster.EndProgram(a);
        a.Nft("flush ruleset");

        Wiretap.Ping(one, two.Address).Should().BeFalse();
        Wiretap.Ping(a, two.Address).Should().BeFalse();

        tap.Readable.Should().BeEmpty("the route of last resort leads nowhere");
    }

    [RequiresRootFact]
    public void What_comes_in_clear_from_another_member_is_not_let_in()
    {
        using WireGuardCluster cluster = WireGuardCluster.Start(2);
        LabHost a = cluster.Hosts[0],
            b = cluster.Hosts[1];
        LabContainer one = a.AddContainer("one"),
            two = b.AddContainer("two");
        using SourceWatch watch = SourceWatch.On(one);

        // b turns on its own: its containers' packets leave as they are, by a plain route.
        b.Agent!.Stop();
        b.Sh($"nft flush ruleset; ip route replace {cluster.Cluster.LeaseOf(a)} via {a.Address}");
        Wiretap.Ping(two, one.Address).Should().BeFalse();

        watch.Sources().Should().BeEmpty();
    }

    [RequiresRootFact]
    public void Restarting_and_killing_agents_under_traffic_loses_no_ping_and_no_session()
    {
        using WireGuardCluster cluster = WireGuardCluster.Start(2);
        LabHost a = cluster.Hosts[0],
            b = cluster.Hosts[1];
        LabContainer from = a.AddContainer("from"),
            to = b.AddContainer("to");
        using Traffic traffic = Traffic.Start(from, to.Address);
        string handshake = a.Sh($"wg show {Device} latest-handshakes");

        a.Agent!.Stop().Should().Be(0);
        traffic.WaitForMore(25);
        a.StartAgent();
        traffic.WaitForMore(25);
        b.Agent!.Kill();
        b.StartAgent();
        traffic.WaitForMore(50);

        traffic.Lost().Should().BeEmpty();
        a.Sh($"wg show {Device} latest-handshakes").Should().Be(handshake, "the sessions are the same");
    }

    [RequiresRootFact]
    public void A_key_that_was_deleted_is_another_one_and_peers_follow()
    {
        using WireGuardCluster cluster = WireGuardCluster.Start(2);
        LabHost a = cluster.Hosts[0],
            b = cluster.Hosts[1];
        LabContainer one = a.AddContainer("one"),
            two = b.AddContainer("two");
        string before = WireGuardCluster.PublicKey(a);
        Wiretap.Ping(one, two.Address).Should().BeTrue();
        File.Delete(a.At("/var/lib/cni/twill/twill/wireguard-key"));

        a.Agent!.Send(Signal.Hup);

        Eventually.True("a has another key", () => WireGuardCluster.PublicKey(a) != before, onFailure: () => a.Agent.Log);
        Eventually.True(
            "b knows that alone",
            () => WireGuardCluster.Peers(b).SequenceEqual([WireGuardCluster.PublicKey(a)]),
            onFailure: () => b.Agent!.Log
        );
        Eventually.True("they reach each other", () => Wiretap.Ping(one, two.Address) && Wiretap.Ping(two, one.Address));
    }

    [RequiresRootFact]
    public void A_host_without_WireGuard_says_what_to_do_and_goes_on_once_that_is_done()
    {
        using WireGuardCluster cluster = WireGuardCluster.Start(1);
        LabHost late = cluster.NewHost("late");
        late.StartAgent();
        Eventually.True(
            "the agent says it",
            () => late.Agent!.Log.Contains($"start 'wireguard-go {Device}'"),
            onFailure: () => late.Agent!.Log
        );
        JsonObject conf = SampleConf.WireGuard(cluster.Cluster.Etcd.Endpoint);
        conf["cniVersion"] = "1.1.0";
        late.Plugin("twill")
            .Run("STATUS", conf.ForPlugin().ToJsonString())
            .Stdout.Should()
            .Contain("\"code\":51")
            .And.Contain($"overlay device {Device} is missing");

        cluster.StartProgram(late);

        cluster.Cluster.WaitUntilJoined();
        LabContainer one = cluster.Hosts[0].AddContainer("one"),
            two = late.AddContainer("two");
        Eventually.True("they reach each other", () => Wiretap.Ping(one, two.Address), onFailure: () => late.Agent!.Log);
        late.Plugin("twill").Run("STATUS", conf.ForPlugin().ToJsonString()).ExitCode.Should().Be(0);
    }

    [RequiresRootFact]
    public void A_preshared_key_and_keepalive_in_etcd_are_every_hosts_and_shown_nowhere()
    {
        string psk = Cmd.Run("wg", ["genpsk"]).OrThrow().Stdout.Trim();
        using WireGuardCluster cluster = WireGuardCluster.Start(2, traced: true);
        cluster.Cluster.Etcd.Etcdctl(
            "put",
            "/twill/twill/config",
            $$$"""{"Network":"10.244.0.0/16","SubnetLen":24,"Backend":{"Type":"wireguard","ListenPort":51820,"PSK":"{{{psk}}}","PersistentKeepaliveInterval":25,"Mode":"separate"}}"""
        );

        foreach (LabHost host in cluster.Hosts)
        {
            Eventually.True(
                "the device has both",
                () =>
                    host.Sh($"wg show {Device} preshared-keys").Contains(psk)
                    && host.Sh($"wg show {Device} persistent-keepalive").Contains("\t25"),
                onFailure: () => host.Agent!.Log
            );
            host.Agent!.Log.Should().NotContain(psk).And.NotContain(Convert.ToHexStringLower(Convert.FromBase64String(psk)));
            host.Agent.Log.Should().Contain(" preshared-key '(secret)' ", "it was traced");
        }

        LabContainer one = cluster.Hosts[0].AddContainer("one"),
            two = cluster.Hosts[1].AddContainer("two");
        Eventually.True("they reach each other", () => Wiretap.Ping(one, two.Address));
    }
}
