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

    private static readonly OverlayHop s_seven = new("twill.1", IPAddress.Parse("10.244.7.0"));

    [Fact]
    public void A_kernel_with_nexthop_objects_gets_one_for_a_route_to_name()
    {
        Plan plan = Plan.Between(Want(Leases.Vxlan(7, 3)), Empty());

        PeerNexthop put = plan.PutNexthops.Should().ContainSingle().Subject;
        put.Hop.Should().Be(s_seven);
        NexthopIds.IsInRange(put.Id).Should().BeTrue();
        plan.PutRoutes.Should().ContainSingle().Which.NexthopId.Should().Be(put.Id);
        plan.Count.Should().Be(4);
    }

    [Fact]
    public void A_route_that_names_its_object_is_in_order_and_both_go_with_their_host()
    {
        Actual have = With(Empty(), Leases.Vxlan(7, 3), Leases.Vxlan(8, 4));

        Plan.Between(Want(Leases.Vxlan(7, 3), Leases.Vxlan(8, 4)), have).Count.Should().Be(0);
        Plan plan = Plan.Between(Want(Leases.Vxlan(8, 4)), have);
        plan.Count.Should().Be(4);
        plan.RemoveNexthops.Should().Equal(have.NexthopIds!.IdOf(s_seven));
        plan.RemoveRoutes.Should().ContainSingle().Which.NexthopId.Should().Be(have.NexthopIds.IdOf(s_seven));
    }

    [Fact]
    public void Todays_route_gives_way_to_one_by_an_object_and_back()
    {
        Actual plain = Have(Leases.Vxlan(7, 3)) with { NexthopIds = new NexthopIds() };

        Plan there = Plan.Between(Want(Leases.Vxlan(7, 3)), plain);
        (there.PutNexthops.Count, there.PutRoutes.Count, there.RemoveRoutes.Count, there.Count).Should().Be((1, 1, 1, 3));
        there.RemoveRoutes[0].NexthopId.Should().Be(0);

        Actual named = With(Empty(), Leases.Vxlan(7, 3));
        Plan back = Plan.Between(Want(Leases.Vxlan(7, 3)), named.WithoutNexthops());
        (back.PutRoutes.Count, back.RemoveRoutes.Count, back.RemoveNexthops.Count, back.Count).Should().Be((1, 1, 1, 3));
        back.PutRoutes[0].NexthopId.Should().Be(0);
    }

    [Fact]
    public void A_number_that_is_taken_is_passed_over_and_never_touched()
    {
        uint first = Plan.Between(Want(Leases.Vxlan(7, 3)), Empty()).PutNexthops[0].Id;
        Actual taken = Empty();
        taken.NexthopIds!.AddOther(first);

        Plan plan = Plan.Between(Want(Leases.Vxlan(7, 3)), taken);

        plan.PutNexthops.Should().ContainSingle().Which.Id.Should().Be(first + 1);
        plan.RemoveNexthops.Should().BeEmpty();
    }

    [Fact]
    public void A_route_that_was_moved_to_another_object_is_moved_back_and_that_object_is_left_alone()
    {
        Actual have = With(Empty(), Leases.Vxlan(7, 3));
        Actual moved = have with { Routes = new HashSet<PeerRoute>(have.Routes.Select(route => route with { NexthopId = 77 })) };

        Plan plan = Plan.Between(Want(Leases.Vxlan(7, 3)), moved);

        plan.PutRoutes.Should().ContainSingle().Which.NexthopId.Should().Be(have.NexthopIds!.IdOf(s_seven));
        plan.RemoveRoutes.Should().ContainSingle().Which.NexthopId.Should().Be(77);
        plan.Count.Should().Be(2);
    }

    [Fact]
    public void Routes_on_the_underlay_and_of_IPv6_name_no_objects()
    {
        Desired desired = Direct.ComputeDesired(Leases.Self, [Leases.Vxlan(7, 3)]);
        desired.Routes.Add(PeerRoute.Overlay(IPNetwork.Parse("fc00:1:0:7::/64"), Leases.Mac(3), "twill.1"));

        Plan plan = Plan.Between(desired, Empty());

        plan.PutNexthops.Should().BeEmpty();
        plan.PutRoutes.Should().HaveCount(2).And.OnlyContain(route => route.NexthopId == 0);
    }

    [Fact]
    public void Thousands_of_objects_have_each_a_number_of_its_own()
    {
        Desired desired = new();
        for (int n = 0; n < 20_000; n++)
        {
            IPAddress address = new([10, (byte)(n >> 8), (byte)n, 0]);
            desired.Routes.Add(PeerRoute.Overlay(new IPNetwork(address, 24), Leases.Mac(3), "twill.1"));
        }

        Plan plan = Plan.Between(desired, Empty());

        plan.PutNexthops.Select(put => put.Id).Should().HaveCount(20_000).And.OnlyHaveUniqueItems();
    }

    /// <summary>A kernel with nexthop objects, none of which are ours.</summary>
    private static Actual Empty() => Actual.Empty with { NexthopIds = new NexthopIds() };

    /// <summary>That kernel after what the hosts need was written.</summary>
    private static Actual With(Actual before, params PeerLease[] peers)
    {
        Desired desired = Want(peers);
        before.NexthopIds!.Record(Plan.Between(desired, before));
        return Actual.AsWanted(desired, before.NexthopIds);
    }

    private static Desired Want(params PeerLease[] peers) => Vxlan.ComputeDesired(Leases.Self, peers);

    private static Actual Have(params PeerLease[] peers)
    {
        Desired was = Want(peers);
        return new Actual(was.Routes, was.Neighbours, was.Fdb, new HashSet<OverlayFdbEntry>());
    }
}
