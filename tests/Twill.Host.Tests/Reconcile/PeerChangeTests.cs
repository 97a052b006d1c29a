using System.Net;
using Twill.Host.Backends;
using Twill.Host.Reconcile;
using Twill.Host.Tests.Backends;

namespace Twill.Host.Tests.Reconcile;

/// <summary>What is done for a few hosts that changed is what a look at all of them would have done.</summary>
public sealed class PeerChangeTests
{
    [Fact]
    public void One_change_among_many_is_about_that_one()
    {
        PeerLease[] many = [.. Enumerable.Range(2, 200).Select(n => Leases.Vxlan(n, n))];

        PeerChange change = PeerChange.Of([], [Leases.Vxlan(210, 210)], many);

        change.Before.Should().BeEmpty();
        change.After.Should().Equal(Leases.Vxlan(210, 210));
    }

    [Fact]
    public void A_host_alone_with_its_marks_has_nothing_to_do_with_the_others()
    {
        SharedMarks marks = new();
        for (int n = 2; n < 200; n++)
        {
            marks.Add(Leases.Vxlan(n, n));
        }

        marks.AreWithOthers([Leases.Vxlan(210, 210)], []).Should().BeFalse();
        marks.AreWithOthers([], [Leases.Vxlan(7, 7)]).Should().BeFalse("it is the one that is counted");
        marks.AreWithOthers([Leases.Vxlan(210, 7)], []).Should().BeTrue("7 has its hardware address");
        marks.Add(Leases.Vxlan(210, 8));
        marks.AreWithOthers([], [Leases.Vxlan(7, 7), Leases.Vxlan(210, 8)]).Should().BeTrue("8 has the second one's");

        marks.Remove(Leases.Vxlan(8, 8));
        marks.AreWithOthers([Leases.Vxlan(8, 8)], [Leases.Vxlan(210, 8)]).Should().BeFalse();
    }

    [Fact]
    public void Who_shares_a_hardware_address_or_the_beginning_of_a_subnet_is_looked_at_too_and_who_shares_with_those()
    {
        PeerLease sameMac = Leases.Vxlan(8, 3),
            half = Leases.Vxlan(9, 4) with { Subnet = IPNetwork.Parse("10.244.8.0/25") },
            other = Leases.Vxlan(10, 5);

        PeerChange change = PeerChange.Of([Leases.Vxlan(7, 3)], [], [other, half, sameMac]);

        change.Before.Should().BeEquivalentTo([Leases.Vxlan(7, 3), sameMac, half]);
        change.After.Should().BeEquivalentTo([sameMac, half]);
    }

    /// <summary>Hosts with few hardware addresses, few subnets of several sizes and few addresses, so that they collide all the
    /// time.</summary>
    [Theory]
    [InlineData("vxlan", false)]
    [InlineData("vxlan", true)]
    [InlineData("host-gw", false)]
    public void Following_changes_leaves_the_same_as_looking_at_all_hosts(string type, bool directRouting)
    {
        IBackend backend = type == VxlanBackend.TypeName ? new VxlanBackend(DirectRouting: directRouting) : new HostGwBackend();
        Random random = new(20261120);
        for (int run = 0; run < 60; run++)
        {
            Dictionary<int, PeerLease> leases = [];
            SharedMarks marks = new();
            HashSet<PeerRoute> routes = [];
            Dictionary<OverlayHop, OverlayNeighbour> neighbours = [];
            HashSet<OverlayFdbEntry> fdb = [];
            for (int step = 0; step < 40; step++)
            {
                Dictionary<int, PeerLease?> before = [];
                for (int changes = random.Next(1, 4); changes > 0; changes--)
                {
                    int key = random.Next(12);
                    before.TryAdd(key, leases.GetValueOrDefault(key));
                    if (leases.Remove(key, out PeerLease? gone))
                    {
                        marks.Remove(gone);
                    }

                    if (random.Next(3) > 0)
                    {
                        leases[key] = AnyLease(random, type);
                        marks.Add(leases[key]);
                    }
                }

                PeerLease[] was = [.. before.Values.OfType<PeerLease>()],
                    now = [.. before.Keys.Select(key => leases.GetValueOrDefault(key)).OfType<PeerLease>()];
                PeerChange change = PeerChange.Of(
                    was,
                    now,
                    marks.AreWithOthers(was, now) ? leases.Where(l => !before.ContainsKey(l.Key)).Select(l => l.Value) : []
                );
                Apply(
                    Plan.Between(
                        backend.ComputeDesired(Leases.Dual, change.After),
                        Actual.AsWanted(backend.ComputeDesired(Leases.Dual, change.Before))
                    ),
                    routes,
                    neighbours,
                    fdb
                );

                Desired all = backend.ComputeDesired(Leases.Dual, leases.Values);
                routes.Should().BeEquivalentTo(all.Routes);
                neighbours.Should().BeEquivalentTo(all.Neighbours);
                fdb.Should().BeEquivalentTo(all.Fdb);
            }
        }
    }

    private static PeerLease AnyLease(Random random, string type)
    {
        int subnet = random.Next(1, 8),
            length = random.Next(2);
        bool v6 = random.Next(2) == 1;
        return new PeerLease(
            v6 ? IPNetwork.Parse($"fc00:1:0:{subnet}::/{64 + length}") : IPNetwork.Parse($"10.244.{subnet}.0/{24 + length}"),
            new(
                random.Next(4) > 0 ? AnyAddress($"192.168.{random.Next(64, 66)}.{random.Next(2, 6)}") : null,
                random.Next(4) > 0 ? AnyAddress($"fd00:{random.Next(64, 66)}::{random.Next(2, 6)}") : null
            ),
            type
        );

        PeerAddress AnyAddress(string publicIP) =>
            type == "vxlan"
                ? new PeerAddress(IPAddress.Parse(publicIP), Leases.Mac(random.Next(2, 6)), (uint)random.Next(1, 9) / 8 + 1)
                : new PeerAddress(IPAddress.Parse(publicIP));
    }

    /// <summary>What the kernel makes of a plan.</summary>
    private static void Apply(
        Plan plan,
        HashSet<PeerRoute> routes,
        Dictionary<OverlayHop, OverlayNeighbour> neighbours,
        HashSet<OverlayFdbEntry> fdb
    )
    {
        foreach (OverlayFdbEntry entry in plan.PutFdb)
        {
            fdb.RemoveWhere(e => e.Mac == entry.Mac && e.Device == entry.Device);
            fdb.Add(entry);
        }

        foreach ((OverlayHop address, OverlayNeighbour neighbour) in plan.PutNeighbours)
        {
            neighbours[address] = neighbour;
        }

        routes.UnionWith(plan.PutRoutes);
        routes.ExceptWith(plan.RemoveRoutes);
        foreach (OverlayHop address in plan.RemoveNeighbours)
        {
            neighbours.Remove(address);
        }

        fdb.ExceptWith(plan.RemoveFdb);
    }
}
