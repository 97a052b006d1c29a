using System.Globalization;
using Twill.Testing;

namespace Twill.Cluster.Tests.Leases;

/// <summary>Keys that somebody wrote by hand, and leases that are to last for another time.</summary>
[Collection(nameof(SharedEtcd))]
[RequiresEtcd]
public sealed class ChangedLeaseTests(SharedEtcd etcd)
{
    private readonly string _prefix = SharedEtcd.NewPrefix();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_key_that_somebody_wrote_by_hand_as_it_was_is_taken_back(bool withLease)
    {
        using TestNode node = new(etcd.Server, _prefix, 1);
        HeldLease held = await node.Acquire();
        string key = node.Store.Keys.Subnet(held.Subnets[0]),
            value = etcd.Server.Get(key)!;
        if (withLease)
        {
            etcd.Server.PutLeased(key, value);
        }
        else
        {
            etcd.Server.Put(key, value);
        }

        RenewResult kept = await node.Store.KeepAliveAsync(held, node.Attributes),
            renewed = await node.Renew(held);

        kept.Lost.Should().BeEmpty("to keep alive alone loses nothing either");
        renewed.Lost.Should().BeEmpty();
        renewed.Held.Subnets.Should().Equal(held.Subnets);
        etcd.Server.Etcdctl("lease", "timetolive", "--keys", Hex(held)).Should().Contain(key, "it lives by the node's lease again");
    }

    [Fact]
    public async Task A_key_that_somebody_wrote_by_hand_for_another_host_is_lost()
    {
        using TestNode node = new(etcd.Server, _prefix, 1);
        HeldLease held = await node.Acquire();
        string key = node.Store.Keys.Subnet(held.Subnets[0]),
            value = etcd.Server.Get(key)!.Replace("192.0.2.1", "192.0.2.9");
        etcd.Server.Put(key, value);

        (await node.Renew(held)).Lost.Should().Equal(held.Subnets);

        etcd.Server.Get(key).Should().Be(value);
    }

    [Fact]
    public async Task A_lease_that_is_to_last_for_another_time_does_so_from_the_next_renewal()
    {
        using TestNode node = new(etcd.Server, _prefix, 1);
        HeldLease held = await node.Acquire(ttl: 86400);
        double sent = SharedEtcd.Clock();

        RenewResult renewed = await node.Store.RenewAsync(held, node.Attributes, 60, CancellationToken.None);
        RenewResult again = await node.Store.RenewAsync(renewed.Held, node.Attributes, 60, CancellationToken.None);

        renewed.Held.Subnets.Should().Equal(held.Subnets);
        (renewed.Lost.Count, renewed.Restored.Count).Should().Be((0, 0));
        renewed.Held.Ttl.Should().Be(60);
        renewed.Held.Deadline.Should().BeInRange(sent + 60, SharedEtcd.Clock() + 60);
        again.Held.LeaseId.Should().Be(renewed.Held.LeaseId);
        etcd.Server.Etcdctl("lease", "timetolive", "--keys", Hex(renewed.Held))
            .Should()
            .Contain("TTL(60s)")
            .And.Contain(node.Store.Keys.Subnet(held.Subnets[0]));
        etcd.Server.Etcdctl("lease", "timetolive", Hex(held)).Should().Contain("expired", "nothing lives by the former one");
    }

    [Fact]
    public async Task A_shorter_lease_than_etcd_grants_changes_nothing_and_is_asked_for_once()
    {
        using TestNode node = new(etcd.Server, _prefix, 1);
        HeldLease held = await node.Acquire(ttl: 1); // etcd grants 2
        held.Ttl.Should().BeGreaterThan(1);

        for (int i = 0; i < 3; i++)
        {
            (await node.Store.RenewAsync(held, node.Attributes, 1, CancellationToken.None)).Held.LeaseId.Should().Be(held.LeaseId);
        }
    }

    private static string Hex(HeldLease held) => held.LeaseId.ToString("x", CultureInfo.InvariantCulture);
}
