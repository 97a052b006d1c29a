using System.Net;
using System.Net.Sockets;
using Twill.Host.Backends;
using Twill.Host.Reconcile;
using Twill.Linux.Routes;

namespace Twill.Host.Tests.Backends;

public sealed class WireGuardBackendTests
{
    private const string Device = "twill-wg.51820";

    private static readonly WireGuardBackend Backend = new(51820);

    private static readonly LocalNode Self = Leases.Self with { WireGuard = new LocalWireGuard(Leases.OwnKey) };

    private static TunnelEnd End(int host) => new(Device, Leases.Key(host));

    private static IPNetwork[] Subnets(params int[] subnets) => [.. subnets.Select(n => IPNetwork.Parse($"10.244.{n}.0/24"))];

    private static Desired Wanted(params PeerLease[] others) => Backend.ComputeDesired(Self, others);

    [Fact]
    public void A_remote_subnet_is_one_route_and_its_host_one_peer()
    {
        Desired wanted = Wanted(Leases.WireGuard(7, 3));

        wanted
            .Tunnels.Should()
            .ContainSingle()
            .Which.Should()
            .BeEquivalentTo(
                KeyValuePair.Create(
                    End(3),
                    new TunnelPeer(IPEndPoint.Parse("192.168.64.3:51820"), Subnets(7), PresharedKey: null, KeepaliveSeconds: 0)
                )
            );
        wanted.Routes.Should().Contain(new PeerRoute(IPNetwork.Parse("10.244.7.0/24"), Via: null, Device, OnLink: false)).And.HaveCount(2);
        wanted
            .Peers.Should()
            .Equal(new PeerPath(IPNetwork.Parse("10.244.7.0/24"), IPAddress.Parse("192.168.64.3"), VtepMac: null, Leases.Key(3)));
        (wanted.Skipped.Count, wanted.Neighbours.Count, wanted.Fdb.Count).Should().Be((0, 0, 0));
    }

    [Fact]
    public void What_no_host_has_goes_nowhere() =>
        Wanted()
            .Routes.Should()
            .Equal(
                new PeerRoute(IPNetwork.Parse("10.244.0.0/16"), Via: null, "", OnLink: false, uint.MaxValue)
                {
                    Type = RouteType.Unreachable,
                }
            );

    [Fact]
    public void All_subnets_of_a_host_are_allowed_to_its_one_peer_in_order() =>
        Wanted(Leases.WireGuard(9, 3), Leases.WireGuard(7, 3))
            .Tunnels.Should()
            .ContainSingle()
            .Which.Value.AllowedIPs.Should()
            .Equal(Subnets(7, 9));

    [Fact]
    public void The_device_has_the_hosts_key_port_and_base_address() =>
        Wanted()
            .Devices.Should()
            .Equal(new WireGuardSpec(Device, 51820, Leases.OwnKey, 1450, new(IPNetwork.Parse("10.244.1.0/32"), null), "pods"));

    [Fact]
    public void What_the_network_says_of_keepalive_and_preshared_key_goes_to_every_peer()
    {
        LocalNode self = Self with { WireGuard = new LocalWireGuard(Leases.OwnKey, Leases.OwnKey, KeepaliveSeconds: 25) };

        Backend
            .ComputeDesired(self, [Leases.WireGuard(7, 3), Leases.WireGuard(8, 4)])
            .Tunnels.Values.Should()
            .HaveCount(2)
            .And.OnlyContain(peer => peer.KeepaliveSeconds == 25 && Equals(peer.PresharedKey, Leases.OwnKey));
    }

    [Fact]
    public void A_host_of_both_families_is_one_peer_with_one_endpoint_for_the_subnets_of_both()
    {
        LocalNode self = Leases.Dual with { WireGuard = Self.WireGuard };
        WireGuardEnd end = new(Leases.Key(3), 51820);
        PeerLease v4 = Leases.WireGuard(7, 3) with
        {
            Addresses = new(
                new PeerAddress(IPAddress.Parse("192.168.64.3"), WireGuard: end),
                new PeerAddress(IPAddress.Parse("fd00:64::3"), WireGuard: end)
            ),
        };

        Desired wanted = Backend.ComputeDesired(self, [v4, v4 with { Subnet = IPNetwork.Parse("fc00:1:0:7::/64") }]);

        TunnelPeer peer = wanted.Tunnels.Should().ContainSingle().Which.Value;
        peer.Endpoint.Should().Be(IPEndPoint.Parse("192.168.64.3:51820"));
        peer.AllowedIPs.Should().Equal(IPNetwork.Parse("10.244.7.0/24"), IPNetwork.Parse("fc00:1:0:7::/64"));
        wanted.Routes.Should().Contain(new PeerRoute(IPNetwork.Parse("fc00:1:0:7::/64"), Via: null, Device, OnLink: false, Metric: 1));
        wanted.Routes.Count(route => route.Type == RouteType.Unreachable).Should().Be(2, "one for each family's network");
        ((WireGuardSpec)wanted.Devices[0]).Addresses.Should().Equal(IPNetwork.Parse("10.244.1.0/32"), IPNetwork.Parse("fc00:1:0:1::/128"));
        wanted.Devices[0].Mtu.Should().Be(1430, "what fits both ways");
    }

    [Fact]
    public void A_host_that_only_the_other_family_reaches_is_reached_by_that()
    {
        LocalNode self = Leases.Dual with { WireGuard = Self.WireGuard };
        PeerLease only = Leases.WireGuard(7, 3) with
        {
            Addresses = new(null, new PeerAddress(IPAddress.Parse("fd00:64::3"), WireGuard: new(Leases.Key(3), 51821))),
        };

        Backend.ComputeDesired(self, [only]).Tunnels[End(3)].Endpoint.Should().Be(IPEndPoint.Parse("[fd00:64::3]:51821"));
    }

    [Fact]
    public void Two_hosts_with_one_key_are_told_apart_by_nothing_so_the_second_is_skipped()
    {
        PeerLease copy = Leases.WireGuard(8, 4).With(a => a with { WireGuard = new WireGuardEnd(Leases.Key(3), 51820) });

        Desired wanted = Wanted(copy, Leases.WireGuard(7, 3));

        wanted.Skipped.Should().ContainSingle().Which.Why.Should().Contain("is also published by another host");
        wanted.Tunnels[End(3)].AllowedIPs.Should().Equal(Subnets(7));
    }

    [Fact]
    public void A_later_lease_with_a_hosts_key_and_a_lower_subnet_takes_nothing_from_that_host()
    {
        PeerLease established = Leases.WireGuard(7, 3) with { Created = 5 },
            copy = Leases.WireGuard(3, 4).With(a => a with { WireGuard = new WireGuardEnd(Leases.Key(3), 51820) }) with { Created = 6 };

        Desired wanted = Wanted(copy, established);

        wanted.Peers.Should().ContainSingle().Which.Subnet.Should().Be(established.Subnet);
        wanted.Tunnels.Should().ContainSingle().Which.Value.Endpoint.Should().Be(IPEndPoint.Parse("192.168.64.3:51820"));
        wanted.Skipped.Should().ContainSingle().Which.Peer.Should().Be(copy);
    }

    [Fact]
    public void A_host_with_this_hosts_own_key_is_skipped() =>
        Why(Leases.WireGuard(7, 3).With(a => a with { WireGuard = new WireGuardEnd(Leases.OwnKey.PublicKey, 51820) }))
            .Should()
            .Contain("is this host's own");

    [Fact]
    public void A_host_without_a_key_or_port_is_skipped()
    {
        Why(Leases.WireGuard(7, 3).With(a => a with { WireGuard = null })).Should().Be("it publishes no WireGuard public key");
        Why(Leases.WireGuard(7, 3).With(a => a with { WireGuard = new WireGuardEnd(default, 51820) })).Should().Contain("is nobody's");
        Why(Leases.WireGuard(7, 3).With(a => a with { WireGuard = new WireGuardEnd(Leases.Key(3), 0) })).Should().Contain("is nobody's");
    }

    [Fact]
    public void A_host_with_another_backend_is_skipped_so_that_nothing_goes_to_it_in_clear()
    {
        Desired wanted = Wanted(Leases.Vxlan(7, 3), Leases.HostGw(8, 4));

        wanted.Skipped.Should().HaveCount(2).And.OnlyContain(skip => skip.Why.Contains("this host \"wireguard\""));
        wanted.Routes.Should().OnlyContain(route => route.Type == RouteType.Unreachable);
    }

    [Theory]
    [InlineData(AddressFamily.InterNetwork, 60)]
    [InlineData(AddressFamily.InterNetworkV6, 80)]
    public void The_overhead_is_that_of_the_outer_packets(AddressFamily outer, int bytes) => Backend.Overhead(outer).Should().Be(bytes);

    private static string Why(PeerLease peer)
    {
        Desired wanted = Wanted(peer);
        wanted.Tunnels.Should().BeEmpty();
        return wanted.Skipped.Should().ContainSingle().Which.Why;
    }
}
