using System.Net;
using Twill.Host.Backends;
using Twill.Host.Reconcile;
using Twill.Host.Tests.Backends;

namespace Twill.Host.Tests.Reconcile;

public sealed class PlanTests
{
    private static readonly VxlanBackend Vxlan = new(Vni: 1, Port: 4789, DirectRouting: false);
    private static readonly VxlanBackend Direct = new(Vni: 1, Port: 4789, DirectRouting: true);

    [Fact]
    public void Nothing_is_done_when_the_kernel_is_as_it_should_be() =>
        Plan.Between(Want(Leases.Vxlan(7, 3)), Have(Leases.Vxlan(7, 3))).Count.Should().Be(0);

    [Fact]
    public void A_new_host_is_written_and_nothing_else_is_touched()
    {
        Plan plan = Plan.Between(Want(Leases.Vxlan(7, 3), Leases.Vxlan(8, 4)), Have(Leases.Vxlan(7, 3)));

        plan.Count.Should().Be(3);
        plan.PutFdb.Should().ContainSingle().Which.Dst.Should().Be(IPAddress.Parse("192.168.64.4"));
        plan.PutNeighbours.Should().ContainSingle().Which.Key.Should().Be(new OverlayHop("twill.1", IPAddress.Parse("10.244.8.0")));
        plan.PutRoutes.Should().ContainSingle().Which.Subnet.Should().Be(IPNetwork.Parse("10.244.8.0/24"));
    }

    [Fact]
    public void A_host_that_left_is_removed_entirely()
    {
        Plan plan = Plan.Between(Want(), Have(Leases.Vxlan(7, 3)));

        plan.Count.Should().Be(3);
        plan.RemoveRoutes.Should().HaveCount(1);
        plan.RemoveNeighbours.Should().Equal(new OverlayHop("twill.1", IPAddress.Parse("10.244.7.0")));
        plan.RemoveFdb.Should().Equal(new OverlayFdbEntry("twill.1", Leases.Mac(3), IPAddress.Parse("192.168.64.3")));
    }

    [Fact]
    public void A_host_that_left_keeps_its_FDB_entry_while_another_of_its_subnets_stays()
    {
        Plan plan = Plan.Between(Want(Leases.Vxlan(7, 3)), Have(Leases.Vxlan(7, 3), Leases.Vxlan(8, 3)));

        plan.RemoveRoutes.Should().HaveCount(1);
        plan.RemoveFdb.Should().BeEmpty();
    }

    [Fact]
    public void A_host_that_moved_to_another_address_gets_a_new_FDB_entry_and_nothing_else()
    {
        PeerLease moved = Leases.Vxlan(7, 3).At("192.168.64.33");

        Plan plan = Plan.Between(Want(moved), Have(Leases.Vxlan(7, 3)));

        plan.PutFdb.Should().Equal(new OverlayFdbEntry("twill.1", Leases.Mac(3), IPAddress.Parse("192.168.64.33")));
        plan.RemoveFdb.Should().Equal(new OverlayFdbEntry("twill.1", Leases.Mac(3), IPAddress.Parse("192.168.64.3")));
        plan.Count.Should().Be(2);
    }

    [Fact]
    public void A_host_with_a_new_MAC_address_keeps_its_route()
    {
        Plan plan = Plan.Between(Want(Leases.Vxlan(7, 3).WithMac(Leases.Mac(99))), Have(Leases.Vxlan(7, 3)));

        plan.PutNeighbours.Should().ContainSingle().Which.Value.Mac.Should().Be(Leases.Mac(99));
        plan.RemoveNeighbours.Should().BeEmpty();
        plan.PutFdb.Should().HaveCount(1);
        plan.RemoveFdb.Should().HaveCount(1);
        plan.Count.Should().Be(3);
    }

    [Fact]
    public void A_subnet_that_changed_hands_leads_to_the_new_host()
    {
        Plan plan = Plan.Between(Want(Leases.Vxlan(7, 4)), Have(Leases.Vxlan(7, 3)));

        plan.PutFdb.Should().ContainSingle().Which.Mac.Should().Be(Leases.Mac(4));
        plan.RemoveFdb.Should().ContainSingle().Which.Mac.Should().Be(Leases.Mac(3));
        plan.PutRoutes.Should().BeEmpty();
        plan.RemoveRoutes.Should().BeEmpty();
    }

    [Fact]
    public void A_neighbour_that_is_no_longer_permanent_is_written_again()
    {
        Actual actual = Have(Leases.Vxlan(7, 3));
        Dictionary<OverlayHop, OverlayNeighbour> changed = actual.Neighbours.ToDictionary(
            n => n.Key,
            n => n.Value with { Permanent = false }
        );

        Plan.Between(Want(Leases.Vxlan(7, 3)), actual with { Neighbours = changed }).PutNeighbours.Should().HaveCount(1);
    }

    [Fact]
    public void A_foreign_FDB_entry_gives_way_only_on_a_wanted_MAC_address()
    {
        OverlayFdbEntry inTheWay = new("twill.1", Leases.Mac(3), IPAddress.Parse("192.168.64.66"));
        OverlayFdbEntry elsewhere = new("twill.1", Leases.Mac(77), IPAddress.Parse("192.168.64.77"));

        Plan plan = Plan.Between(
            Want(Leases.Vxlan(7, 3)),
            Actual.Empty with
            {
                ForeignFdb = new HashSet<OverlayFdbEntry> { inTheWay, elsewhere },
            }
        );

        plan.EvictFdb.Should().Equal(inTheWay);
        plan.PutFdb.Should().HaveCount(1);
        plan.RemoveFdb.Should().BeEmpty();
    }

    [Fact]
    public void Switching_to_direct_routing_replaces_three_entries_by_one()
    {
        Plan plan = Plan.Between(Direct.ComputeDesired(Leases.Self, [Leases.Vxlan(7, 3)]), Have(Leases.Vxlan(7, 3)));

        plan.PutRoutes.Should().ContainSingle().Which.Device.Should().Be("eth0");
        plan.RemoveRoutes.Should().ContainSingle().Which.Device.Should().Be("twill.1");
        plan.RemoveNeighbours.Should().HaveCount(1);
        plan.RemoveFdb.Should().HaveCount(1);
        plan.Count.Should().Be(4);
    }

    private static Desired Want(params PeerLease[] peers) => Vxlan.ComputeDesired(Leases.Self, peers);

    private static Actual Have(params PeerLease[] peers)
    {
        Desired was = Want(peers);
        return new Actual(was.Routes, was.Neighbours, was.Fdb, new HashSet<OverlayFdbEntry>());
    }
}
