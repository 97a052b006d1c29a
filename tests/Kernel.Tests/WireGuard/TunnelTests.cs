using System.Text.Json;
using Twill.Host;
using Twill.Host.Backends;
using Twill.Host.Reconcile;
using Twill.Linux;
using Twill.Testing;

namespace Kernel.Tests.WireGuard;

/// <summary>A WireGuard device that a program runs, as `wg` and `ip` see it.</summary>
public sealed class TunnelTests
{
    [RequiresRootFact]
    public void A_host_without_WireGuard_is_told_what_to_do()
    {
        using WireGuardHost host = new();
        Action reconcile = () => host.Reconcile();

        if (WireGuardHost.KernelHasIt)
        {
            reconcile();
            host.Ns.IpJson($"link show dev {host.Device}")[0]
                .GetProperty("linkinfo")
                .GetProperty("info_kind")
                .GetString()
                .Should()
                .Be("wireguard");
            return;
        }

        reconcile
            .Should()
            .Throw<HostException>()
            .WithMessage($"*no WireGuard*modprobe wireguard*'wireguard-go {host.Device}'*twill-wireguard@{host.Device}*");
    }

    [RequiresRootFact]
    public void The_device_of_a_program_gets_key_port_address_peers_and_routes()
    {
        using WireGuardHost host = new();
        host.StartProgram();

        ReconcileResult round = host.Reconcile(WireGuardHost.Peer(7, 3), WireGuardHost.Peer(8, 3), WireGuardHost.Peer(9, 4));

        round.Refusals.Should().BeEmpty();
        host.Dump()[0].Should().Equal(host.KeyText, host.Key.PublicKey.ToString(), $"{host.Port}", "off");
        host.Peers()
            .Should()
            .Equal(
                new[]
                {
                    $"{WireGuardHost.KeyOf(3)} 192.168.64.3:51820 10.244.7.0/24,10.244.8.0/24 off",
                    $"{WireGuardHost.KeyOf(4)} 192.168.64.4:51820 10.244.9.0/24 off",
                }.Order(StringComparer.Ordinal)
            );
        host.OurRoutes()
            .Should()
            .Equal(
                $"10.244.7.0/24 dev {host.Device} scope link",
                $"10.244.8.0/24 dev {host.Device} scope link",
                $"10.244.9.0/24 dev {host.Device} scope link",
                "unreachable 10.244.0.0/16 metric 4294967295"
            );
        JsonElement link = host.Ns.IpJson($"address show dev {host.Device}")[0];
        link.GetProperty("mtu").GetInt32().Should().Be(1440);
        link.GetProperty("ifalias").GetString().Should().Be("twill overlay of pods");
        link.GetProperty("addr_info")
            .EnumerateArray()
            .Select(a => $"{a.GetProperty("local").GetString()}/{a.GetProperty("prefixlen").GetInt32()}")
            .Should()
            .Equal("10.244.1.0/32");
        link.GetProperty("flags").EnumerateArray().Select(f => f.GetString()).Should().Contain("UP");
    }

    [RequiresRootFact]
    public void A_device_that_is_right_is_not_touched()
    {
        using WireGuardHost host = new();
        host.StartProgram();
        PeerLease[] peers = [WireGuardHost.Peer(7, 3), WireGuardHost.Peer(8, 4)];
        host.Reconcile(peers);

        ReconcileResult again = host.Reconcile(peers);

        again.WasInOrder.Should().BeTrue(string.Join("; ", again.Baseline.Devices.SelectMany(d => d.Changes)));
    }

    [RequiresRootFact]
    public void Whatever_somebody_changed_is_put_right_without_a_new_device()
    {
        using WireGuardHost host = new();
        host.StartProgram();
        PeerLease[] peers = [WireGuardHost.Peer(7, 3), WireGuardHost.Peer(8, 4)];
        host.Reconcile(peers);
        string[] whole = host.Peers(),
            routes = host.OurRoutes();
        string[] device = host.Dump()[0];
        int index = host.Ns.IndexOf(host.Device);
        string stranger = WireGuardHost.KeyOf(9).ToString();
        string[] damages =
        [
            $"wg set {host.Device} peer {WireGuardHost.KeyOf(3)} remove",
            $"wg set {host.Device} peer {stranger} allowed-ips 0.0.0.0/0",
            $"wg set {host.Device} peer {WireGuardHost.KeyOf(3)} allowed-ips 10.244.99.0/24",
            $"wg set {host.Device} peer {WireGuardHost.KeyOf(3)} endpoint 192.0.2.9:9",
            $"wg set {host.Device} peer {WireGuardHost.KeyOf(3)} persistent-keepalive 7",
            $"wg genpsk | wg set {host.Device} peer {WireGuardHost.KeyOf(3)} preshared-key /dev/stdin",
            $"wg set {host.Device} listen-port 19999",
            $"wg genkey | wg set {host.Device} private-key /dev/stdin",
            $"wg set {host.Device} fwmark 7",
            $"ip link set {host.Device} down",
            $"ip link set {host.Device} mtu 1300",
            $"ip address flush dev {host.Device}",
            $"ip address add 10.9.9.9/24 dev {host.Device}",
            $"ip link set {host.Device} alias ''",
            "ip route del 10.244.7.0/24",
            "ip route del unreachable 10.244.0.0/16 metric 4294967295",
            "ip route flush proto 116",
        ];
        foreach (string damage in damages)
        {
            host.Ns.Sh(damage);

            host.Reconcile(peers).WasInOrder.Should().BeFalse(damage);

            host.Peers().Should().Equal(whole, damage);
            host.OurRoutes().Should().Equal(routes, damage);
            host.Dump()[0].Should().Equal(device, damage);
            host.Ns.IndexOf(host.Device).Should().Be(index, damage);
            host.Reconcile(peers).WasInOrder.Should().BeTrue(damage);
        }
    }

    [RequiresRootFact]
    public void After_its_program_was_started_again_the_device_has_everything_again()
    {
        using WireGuardHost host = new();
        host.StartProgram();
        host.Reconcile(WireGuardHost.Peer(7, 3));
        string[] whole = host.Peers();
        host.EndProgram();
        host.StartProgram();

        ReconcileResult round = host.Reconcile(WireGuardHost.Peer(7, 3));

        round.Baseline.Devices.Should().ContainSingle().Which.IsNew.Should().BeTrue();
        host.Peers().Should().Equal(whole);
    }

    [RequiresRootFact]
    public void One_host_more_or_less_is_a_change_of_one_peer_and_one_route()
    {
        using WireGuardHost host = new();
        host.StartProgram();
        Baseline basis = host.Reconcile(WireGuardHost.Peer(7, 3)).Baseline;

        IncrementalResult more = host.Run(route =>
            Reconciler.Follow(route, host.Backend, basis, new PeerChange([], [WireGuardHost.Peer(8, 4)]))
        );
        string[] both = host.Peers();
        IncrementalResult less = host.Run(route =>
            Reconciler.Follow(route, host.Backend, basis, new PeerChange([WireGuardHost.Peer(7, 3)], []))
        );

        (more.Plan.Count, less.Plan.Count).Should().Be((2, 2));
        both.Should().HaveCount(2);
        host.Peers().Should().ContainSingle().Which.Should().StartWith(WireGuardHost.KeyOf(4).ToString());
        host.OurRoutes().Should().HaveCount(2).And.NotContain(route => route.StartsWith("10.244.7.0/24"));
    }

    [RequiresRootFact]
    public void Keepalive_and_preshared_key_reach_the_device_and_leave_it()
    {
        using WireGuardHost host = new();
        host.StartProgram();
        LocalNode with = host.Self with { WireGuard = new LocalWireGuard(host.Key, host.Key, KeepaliveSeconds: 25) };

        host.Reconcile(with, WireGuardHost.Peer(7, 3));
        string[] peer = host.Dump()[1];
        host.Reconcile(WireGuardHost.Peer(7, 3));

        (peer[1], peer[7]).Should().Be((host.KeyText, "25"));
        (host.Dump()[1][1], host.Dump()[1][7]).Should().Be(("(none)", "off"));
    }

    [RequiresRootFact]
    public void A_tun_device_that_no_program_serves_is_refused()
    {
        using WireGuardHost host = new();
        host.Ns.Ip($"tuntap add dev {host.Device} mode tun");

        Action reconcile = () => host.Reconcile();

        reconcile.Should().Throw<HostException>().WithMessage($"*{host.Device}*no program serves /run/wireguard/{host.Device}.sock*");
    }

    [RequiresRootFact]
    public void A_port_that_is_taken_is_told_with_what_to_do()
    {
        using WireGuardHost host = new();
        host.StartProgram();
        using Daemon other = Daemon.Start(
            "socat",
            [.. host.Ns.Enter, "socat", "-u", $"UDP-RECV:{host.Port}", "OPEN:/dev/null"],
            Path.GetTempFileName()
        );
        Eventually.True("the port is taken", () => host.Ns.Sh("ss -lunH").Contains($":{host.Port} "));

        Action reconcile = () => host.Reconcile();

        reconcile.Should().Throw<HostException>().WithMessage($"UDP port {host.Port}, which {host.Device} needs, is taken*");
    }

    [RequiresRootFact]
    public void A_change_of_backend_takes_the_device_and_routes_of_the_other_away()
    {
        using WireGuardHost host = new();
        VxlanBackend vxlan = new(Vni: 1, Port: 4789, DirectRouting: false);
        LocalNode self = host.Self with
        {
            Addresses = new(host.Self.Addresses.V4!.Value with { VtepMac = MacAddress.Parse("02:aa:00:00:00:01") }, null),
        };
        host.Run(route => Reconciler.Run(route, vxlan, self, []));
        host.StartProgram();

        host.Reconcile(WireGuardHost.Peer(7, 3));
        host.Ns.HasLink("twill.1").Should().BeFalse();
        host.OurRoutes().Should().HaveCount(2);

        host.Run(route => Reconciler.Run(route, vxlan, self, []));
        host.Ns.HasLink(host.Device).Should().BeFalse("with it its keys are gone");
        host.OurRoutes().Should().BeEmpty();
    }
}
