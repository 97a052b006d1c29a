using System.Net;
using Twill.Host.Backends;
using Twill.Host.Reconcile;
using Twill.Host.Tests.Backends;

namespace Twill.Host.Tests.Reconcile;

/// <summary>What is done about peers of a WireGuard device.</summary>
public sealed class TunnelPlanTests
{
    private static readonly WireGuardBackend WireGuard = new(51820);
    private static readonly TunnelEnd Three = new("twill-wg.51820", Leases.Key(3)),
        Four = new("twill-wg.51820", Leases.Key(4));
    private static readonly IPEndPoint Elsewhere = IPEndPoint.Parse("203.0.113.9:4242");

    private static Desired Want(params PeerLease[] peers) =>
        WireGuard.ComputeDesired(Leases.Self with { WireGuard = new(Leases.OwnKey) }, peers);

    private static Actual Have(Desired desired, Func<TunnelPeer, TunnelPeer>? change = null) =>
        Actual.AsWanted(desired) with
        {
            Tunnels = desired.Tunnels.ToDictionary(t => t.Key, t => change is null ? t.Value : change(t.Value)),
        };

    [Fact]
    public void Nothing_is_done_when_the_device_is_as_it_should_be() =>
        Plan.Between(Want(Leases.WireGuard(7, 3)), Have(Want(Leases.WireGuard(7, 3)))).Count.Should().Be(0);

    [Fact]
    public void A_new_host_is_one_peer_and_one_route()
    {
        Plan plan = Plan.Between(Want(Leases.WireGuard(7, 3), Leases.WireGuard(8, 4)), Have(Want(Leases.WireGuard(7, 3))));

        plan.Count.Should().Be(2);
        plan.PutTunnels.Should().ContainSingle().Which.Key.Should().Be(Four);
    }

    [Fact]
    public void One_more_subnet_of_a_host_changes_its_peer()
    {
        Plan plan = Plan.Between(Want(Leases.WireGuard(7, 3), Leases.WireGuard(8, 3)), Have(Want(Leases.WireGuard(7, 3))));

        plan.PutTunnels.Should().ContainSingle().Which.Value.AllowedIPs.Should().HaveCount(2);
        plan.RemoveTunnels.Should().BeEmpty();
    }

    [Fact]
    public void A_host_with_a_new_key_is_a_new_peer_in_the_place_of_the_old()
    {
        Plan plan = Plan.Between(Want(Leases.WireGuard(7, 4).At("192.168.64.3")), Have(Want(Leases.WireGuard(7, 3))));

        plan.PutTunnels.Should().ContainSingle().Which.Key.Should().Be(Four);
        plan.RemoveTunnels.Should().Equal(Three);
        plan.Count.Should().Be(2, "the route stays");
    }

    [Fact]
    public void A_peer_that_nobody_published_is_removed() =>
        Plan.Between(Want(), Have(Want(Leases.WireGuard(7, 3)))).RemoveTunnels.Should().Equal(Three);

    [Fact]
    public void A_host_that_moved_is_followed_at_once() =>
        Plan.Between(Want(Leases.WireGuard(7, 3).At("192.168.64.9")), Actual.AsWanted(Want(Leases.WireGuard(7, 3))))
            .PutTunnels.Should()
            .ContainSingle()
            .Which.Value.Endpoint.Should()
            .Be(IPEndPoint.Parse("192.168.64.9:51820"));

    [Fact]
    public void Another_endpoint_is_put_right_when_nothing_is_heard_from_there() =>
        Plan.Between(Want(Leases.WireGuard(7, 3)), Have(Want(Leases.WireGuard(7, 3)), peer => peer with { Endpoint = Elsewhere }))
            .PutTunnels.Should()
            .ContainSingle()
            .Which.Value.Endpoint.Should()
            .Be(IPEndPoint.Parse("192.168.64.3:51820"));

    [Fact]
    public void Another_endpoint_that_the_host_is_heard_from_is_left()
    {
        Desired wanted = Want(Leases.WireGuard(7, 3));

        Plan.Between(wanted, Have(wanted, peer => peer with { Endpoint = Elsewhere, IsHeardOf = true })).Count.Should().Be(0);
        Plan.Between(wanted, Have(wanted, peer => peer with { Endpoint = Elsewhere, IsHeardOf = true, KeepaliveSeconds = 7 }))
            .PutTunnels.Should()
            .ContainSingle()
            .Which.Value.Endpoint.Should()
            .BeNull("only what is wrong is put right");
    }

    [Fact]
    public void Whatever_somebody_changed_about_a_peer_is_put_right()
    {
        Desired wanted = Want(Leases.WireGuard(7, 3));
        Func<TunnelPeer, TunnelPeer>[] changes =
        [
            peer => peer with { AllowedIPs = [] },
            peer => peer with { AllowedIPs = [.. peer.AllowedIPs, IPNetwork.Parse("0.0.0.0/0")] },
            peer => peer with { PresharedKey = Leases.OwnKey },
            peer => peer with { KeepaliveSeconds = 1 },
            peer => peer with { Endpoint = null },
        ];
        foreach (Func<TunnelPeer, TunnelPeer> change in changes)
        {
            KeyValuePair<TunnelEnd, TunnelPeer> put = Plan.Between(wanted, Have(wanted, change)).PutTunnels.Should().ContainSingle().Which;
            put.Key.Should().Be(Three);
            (put.Value with { Endpoint = wanted.Tunnels[Three].Endpoint }).Should().Be(wanted.Tunnels[Three]);
        }
    }

    [Fact]
    public void Hosts_that_share_a_key_change_together()
    {
        PeerLease first = Leases.WireGuard(7, 3),
            second = Leases.WireGuard(8, 3),
            other = Leases.WireGuard(9, 4);

        PeerChange.Of([first], [], [second, other]).After.Should().Equal(second);
    }
}
