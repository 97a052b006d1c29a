using System.Net;
using System.Text;
using Twill.Cluster;
using Twill.Host.Backends;
using Twill.Host.Reconcile;

namespace Twill.Agent.Tests;

public sealed class LeaseCacheTests
{
    private static readonly NetworkConfig s_network = NetworkConfig.Create(IPNetwork.Parse("10.244.0.0/16")) with { WrittenAt = 1 };

    private static readonly TimeSpan s_patience = TimeSpan.FromHours(1);

    private readonly MemoryStream _output = new();
    private readonly ManualClock _clock = new();
    private readonly LeaseCache _table;

    public LeaseCacheTests() => _table = new LeaseCache(new Log(_output, LogLevel.Info, LogFormat.Text, _clock), _clock, s_patience);

    [Fact]
    public void Before_etcd_has_told_of_any_lease_nothing_is_known()
    {
        _table.Any(_ => true).Should().BeFalse();
        Reachable().Should().BeNull();
        _table.TakeChange(_ => false).Should().BeNull();
    }

    [Fact]
    public void What_is_missing_in_a_new_list_is_gone()
    {
        _table.Apply(Snapshot(Lease(1), Lease(2)));
        _table.Apply(Snapshot(Lease(1)));
        Reachable().Should().BeEquivalentTo(Peers(Lease(1)));
    }

    [Fact]
    public void What_a_restored_backup_does_not_hold_stays_reachable_for_as_long_as_a_lease_lasts()
    {
        _table.Apply(Snapshot(Lease(1), Lease(2)));
        _table.Apply(SetBack(Lease(1)));

        _table.Any(lease => lease.LeaseId == 2).Should().BeFalse("etcd does not show it");
        Reachable().Should().BeEquivalentTo(Peers(Lease(1), Lease(2)));
        Encoding
            .UTF8.GetString(_output.ToArray())
            .Should()
            .Contain("etcd was set back")
            .And.Contain("10.244.2.0/24")
            .And.Contain("192.0.2.2");
        _clock.Advance(s_patience);
        Reachable().Should().BeEquivalentTo(Peers(Lease(1)));
    }

    [Fact]
    public void Who_sets_the_time_of_day_ends_no_wait_for_a_forgotten_lease()
    {
        _table.Apply(Snapshot(Lease(1), Lease(2)));
        _table.Apply(SetBack(Lease(1)));
        _clock.Set(2 * s_patience);
        Reachable().Should().BeEquivalentTo(Peers(Lease(1), Lease(2)));
        _clock.Set(-4 * s_patience);
        _clock.Advance(s_patience);
        Reachable().Should().BeEquivalentTo(Peers(Lease(1)));
    }

    [Fact]
    public void After_a_gap_only_what_etcds_history_shows_as_given_up_is_gone()
    {
        _table.Apply(Snapshot(Lease(1), Lease(2), Lease(3), Lease(4)));
        _table.Apply(
            Snapshot(Lease(1)) with
            {
                IsAfterGap = true,
                Former = new Dictionary<string, long> { [Lease(1).Key] = 1, [Lease(2).Key] = 2, [Lease(3).Key] = 99 },
            }
        );
        Reachable().Should().BeEquivalentTo(Peers(Lease(1), Lease(3), Lease(4)), "etcd knows of the end of the second alone");
        _clock.Advance(s_patience);
        Reachable().Should().BeEquivalentTo(Peers(Lease(1)));
    }

    [Fact]
    public void After_a_gap_of_which_etcd_remembers_nothing_all_that_is_missing_stays_for_as_long_as_a_lease_lasts()
    {
        _table.Apply(Snapshot(Lease(1), Lease(2)));
        _table.Apply(Snapshot(Lease(1)) with { IsAfterGap = true });
        Reachable().Should().BeEquivalentTo(Peers(Lease(1), Lease(2)));
        _clock.Advance(s_patience);
        Reachable().Should().BeEquivalentTo(Peers(Lease(1)));
    }

    [Fact]
    public void What_its_host_has_written_again_is_an_ordinary_lease()
    {
        _table.Apply(Snapshot(Lease(1), Lease(2)));
        _table.Apply(SetBack(Lease(1)));
        _table.Apply(new LeaseChanged(Lease(2)));
        Reachable().Should().BeEquivalentTo(Peers(Lease(1), Lease(2)));
        _table.Apply(new LeaseRemoved(Lease(2).Key));
        Reachable().Should().BeEquivalentTo(Peers(Lease(1)));
    }

    [Theory]
    [InlineData("10.244.2.0/24")]
    [InlineData("10.244.2.128/25")]
    [InlineData("10.244.0.0/22")]
    public void What_somebody_else_has_taken_meanwhile_is_theirs(string subnet)
    {
        NodeLease taken = Lease(9) with { Key = subnet, Subnet = IPNetwork.Parse(subnet) };
        _table.Apply(Snapshot(Lease(2)));
        _table.Apply(SetBack());
        _table.Apply(new LeaseChanged(taken));
        Reachable().Should().BeEquivalentTo(Peers(taken));
    }

    [Fact]
    public void A_change_is_told_once_with_what_was_before_and_what_is_now()
    {
        _table.Apply(Snapshot(Lease(1), Lease(2), Lease(3)));
        _table.TakeChange(_ => false).Should().BeNull("all of it is new");
        Reachable();
        NodeLease moved = Lease(2) with { Attributes = LeaseAttributes.HostGw(IPAddress.Parse("192.0.2.22")) };

        _table.Apply(new LeaseChanged(Lease(4)));
        _table.Apply(new LeaseChanged(moved with { LeaseId = 77 }));
        _table.Apply(new LeaseChanged(moved));
        _table.Apply(new LeaseRemoved(Lease(3).Key));

        PeerChange change = _table.TakeChange(_ => false)!;
        change.Before.Should().BeEquivalentTo(Peers(Lease(2), Lease(3)));
        change.After.Should().BeEquivalentTo(Peers(Lease(4), moved));
        _table.TakeChange(_ => false).Should().BeEquivalentTo(new PeerChange([], []));
        Reachable().Should().BeEquivalentTo(Peers(Lease(1), moved, Lease(4)));
    }

    [Fact]
    public void Who_shares_a_hardware_address_with_one_that_changes_changes_with_it()
    {
        NodeLease one = Vxlan(1, "02:00:00:00:00:01"),
            two = Vxlan(2, "02:00:00:00:00:02");
        _table.Apply(Snapshot(one, two, Vxlan(3, "02:00:00:00:00:03")));
        Reachable();

        NodeLease alike = Vxlan(4, "02:00:00:00:00:02");
        _table.Apply(new LeaseChanged(alike));
        PeerChange change = _table.TakeChange(_ => false)!;
        change.Before.Should().BeEquivalentTo(Peers(two));
        change.After.Should().BeEquivalentTo(Peers(alike, two));

        _table.Apply(new LeaseRemoved(two.Key));
        _table.TakeChange(_ => false)!.After.Should().BeEquivalentTo(Peers(alike));

        _table.Apply(new LeaseRemoved(alike.Key));
        _table.TakeChange(_ => false).Should().BeEquivalentTo(new PeerChange(Peers(alike), []));
        _table.Apply(Snapshot(one));
        Reachable();
        _table.Apply(new LeaseChanged(alike));
        _table.TakeChange(_ => false).Should().BeEquivalentTo(new PeerChange([], Peers(alike)), "a new list forgets the former's marks");
    }

    [Fact]
    public void Ones_own_lease_is_no_other_hosts_whatever_becomes_of_it()
    {
        _table.Apply(Snapshot(Lease(1), Lease(2)));
        _table.TakeAll(lease => lease.LeaseId == 2, null).Should().BeEquivalentTo(Peers(Lease(1)));

        _table.Apply(new LeaseRemoved(Lease(2).Key));
        _table.Apply(new LeaseChanged(Lease(2)));

        _table.TakeChange(lease => lease.LeaseId == 2).Should().BeEquivalentTo(new PeerChange([], []));
    }

    [Fact]
    public void A_key_that_is_no_lease_leads_nowhere_and_is_named()
    {
        NodeLease inside = Lease(9) with { Key = "10.244.2.7-32", Subnet = IPNetwork.Parse("10.244.2.7/32"), Created = 2 },
            second = Lease(10) with { Key = "10.244.2.0-24&", Subnet = IPNetwork.Parse("10.244.2.0/24"), Created = 9 };
        UnreadableLease junk = new("junk", "it names no subnet");
        _table.Apply(Snapshot(Lease(1), inside, second, Lease(2)) with { Unreadable = [junk] });

        Reachable().Should().BeEquivalentTo(Peers(Lease(1), Lease(2)));
        _table.Refused.Select(r => r.Key).Should().Equal("10.244.2.0-24&", "10.244.2.7-32", "junk");
        _table.RefusedCount.Should().Be(3);

        _table.Apply(new LeaseRemoved(Lease(2).Key));
        _table.TakeChange(_ => false).Should().BeNull("another may count now");
        Reachable().Should().BeEquivalentTo(Peers(Lease(1), second), "what contradicted it is gone");

        _table.Apply(new LeaseRemoved(inside.Key));
        _table.Apply(new LeaseRemoved("junk"));
        _table.TakeChange(_ => false).Should().BeEquivalentTo(new PeerChange([], []));
        _table.Refused.Should().BeEmpty();
    }

    private List<PeerLease>? Reachable() => _table.TakeAll(_ => false, s_network);

    private static PeerLease[] Peers(params NodeLease[] leases) => [.. leases.SelectMany(PeerLeaseMapper.Peers)];

    private static LeaseSnapshot Snapshot(params NodeLease[] leases) => new(leases, []);

    private static LeaseSnapshot SetBack(params NodeLease[] leases) => Snapshot(leases) with { IsSetBack = true };

    private static NodeLease Vxlan(int n, string mac) =>
        Lease(n) with { Attributes = LeaseAttributes.Vxlan(1, (IPAddress.Parse($"192.0.2.{n}"), mac)) };

    private static NodeLease Lease(int n) =>
        new($"10.244.{n}.0-24", IPNetwork.Parse($"10.244.{n}.0/24"), null, LeaseAttributes.HostGw(IPAddress.Parse($"192.0.2.{n}")), n);
}
