using Twill.EndToEnd.Tests.Cli;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.WireGuard;

/// <summary>What an operator sees of WireGuard, and gets rid of it by.</summary>
public sealed class OperatorTests
{
    private const string Device = WireGuardCluster.Device;

    [RequiresRootFact]
    public void Status_peers_and_doctor_tell_how_it_is_and_what_is_wrong()
    {
        using WireGuardCluster cluster = WireGuardCluster.Start(2);
        LabHost host = cluster.Hosts[0],
            other = cluster.Hosts[1];
        LabContainer one = host.AddContainer("one"),
            two = other.AddContainer("two");
        Wiretap.Ping(one, two.Address).Should().BeTrue();

        host.Twill("status")
            .Stdout.Should()
            .Contain($"wireguard, UDP port 51820, public key {WireGuardCluster.PublicKey(host)}, {host.Address} on eth0");
        CmdResult peers = host.Twill("peers");
        peers.ExitCode.Should().Be(0, peers.ToString());
        peers.Stdout.Should().Contain(WireGuardCluster.PublicKey(other)).And.Contain(other.Address).And.Contain(" ago");
        host.Complaints().Where(complaint => complaint.Outcome == "failed").Should().BeEmpty();

        host.Agent!.Send(Signal.Stop);
        host.Sh(
            $"wg set {Device} peer {WireGuardCluster.PublicKey(other)} remove; wg set {Device} listen-port 19999; ip route del "
                + $"unreachable 10.244.0.0/16"
        );
        string[] told = [.. host.Complaints().Where(complaint => complaint.Outcome == "failed").Select(complaint => complaint.Text)];
        told.Should()
            .Contain(text => text.Contains("its UDP port is 19999, not 51820"))
            .And.Contain(text => text.Contains("WireGuard peer missing"))
            .And.Contain(text => text.Contains("route unreachable 10.244.0.0/16"));
        host.Twill("peers").ExitCode.Should().Be(1);

        host.Agent.Send(Signal.Cont);
        Eventually.True(
            "the agent mends it",
            () => WireGuardCluster.Peers(host).Length == 1 && host.Sh($"wg show {Device} listen-port").Trim() == "51820",
            TimeSpan.FromSeconds(40),
            () => host.Agent.Log
        );
    }

    [RequiresRootFact]
    public void Cleanup_takes_device_table_and_routes_and_with_the_addresses_the_key()
    {
        using WireGuardCluster cluster = WireGuardCluster.Start(1);
        LabHost host = cluster.Hosts[0];
        host.Agent!.Stop();

        CmdResult done = host.Twill("cleanup --yes --addresses");

        done.ExitCode.Should().Be(0, done.ToString());
        done.Stdout.Should()
            .Contain("route unreachable 10.244.0.0/16")
            .And.Contain($"overlay device {Device}")
            .And.Contain($"systemctl disable --now twill-wireguard@{Device}");
        host.HasLink(Device).Should().BeFalse();
        host.Ip("route show proto 116").Should().BeEmpty();
        host.Nft("list ruleset").Should().NotContain("twill");
        host.Run("ls", "/var/lib/cni/twill").ExitCode.Should().NotBe(0);
    }

    [RequiresRootFact]
    public void A_cluster_goes_over_from_vxlan_to_WireGuard_host_by_host()
    {
        using Cluster cluster = Cluster.Start(2);
        using WireGuardPrograms programs = new();
        LabHost a = cluster.Hosts[0],
            b = cluster.Hosts[1];
        LabContainer one = a.AddContainer("one"),
            two = b.AddContainer("two");
        Eventually.True("they reach each other by vxlan", () => Wiretap.Ping(one, two.Address));

        // The cluster's word comes first; until a host's own configuration follows, it stays as it is.
        cluster.Etcd.Etcdctl(
            "put",
            "/twill/twill/config",
            """{"Network":"10.244.0.0/16","SubnetLen":24,"Backend":{"Type":"wireguard","ListenPort":51820}}"""
        );
        Wiretap.Ping(one, two.Address).Should().BeTrue();
        foreach (LabHost host in cluster.Hosts)
        {
            programs.Start(host);
            host.Configure(SampleConf.WireGuard(cluster.Etcd.Endpoint));
            host.Agent!.Send(Signal.Hup);
        }

        using Wiretap tap = Wiretap.On(cluster.Lab);
        Eventually.True(
            "they reach each other by WireGuard",
            () => Wiretap.Ping(one, two.Address) && tap.SawTunnel,
            TimeSpan.FromSeconds(20),
            () => a.Agent!.Log
        );
        foreach (LabHost host in cluster.Hosts)
        {
            host.HasLink("twill.1").Should().BeFalse();
            Eventually.True("the bridge has the MTU of WireGuard", () => host.Ip("link show dev twill0").Contains("mtu 1440 "));
        }

        cluster
            .Etcd.List(Cluster.Subnets)
            .Should()
            .HaveCount(2)
            .And.OnlyContain(lease => lease.Value.Contains("\"BackendType\":\"wireguard\""));
    }
}
