using System.Globalization;
using System.Net;
using Twill.Testing;

namespace Twill.Cluster.Tests.Leases;

[Collection(nameof(SharedEtcd))]
[RequiresEtcd]
public sealed class RenewTests(SharedEtcd etcd)
{
    private readonly string _prefix = SharedEtcd.NewPrefix();

    [Fact]
    public async Task A_renewal_keeps_lease_and_key_and_moves_the_deadline()
    {
        using TestNode node = new(etcd.Server, _prefix, 1);
        HeldLease held = await node.Acquire(ttl: 30);
        await Task.Delay(3000);
        double sent = SharedEtcd.Clock();

        RenewResult renewed = await node.Renew(held);

        renewed.Held.LeaseId.Should().Be(held.LeaseId);
        renewed.Held.Subnets.Should().Equal(held.Subnets);
        renewed.Lost.Should().BeEmpty();
        renewed.Restored.Should().BeEmpty();
        renewed.Held.Deadline.Should().BeInRange(sent + 30, SharedEtcd.Clock() + 30);
        (TimeToLive(held) + (SharedEtcd.Clock() - sent))
            .Should()
            .BeGreaterThan(28, "etcd tells whole seconds; not renewed, it would be 27 at most");
    }

    [Fact]
    public async Task A_renewal_rewrites_no_key()
    {
        using TestNode node = new(etcd.Server, _prefix, 1);
        HeldLease held = await node.Acquire();
        string key = node.Store.Keys.Subnet(held.Subnets[0]);

        await node.Renew(held);
        await node.Renew(held);

        etcd.Server.Etcdctl("get", key, "-w", "json").Should().Contain("\"version\":1");
        etcd.Server.Etcdctl("get", node.Store.Keys.Node(node.Id), "-w", "json")
            .Should()
            .Contain("\"version\":2", "the memory is refreshed once, not with each renewal");
    }

    [Fact]
    public async Task Kept_alive_only_a_lease_moves_its_deadline_and_etcd_sees_no_write()
    {
        using TestNode node = new(etcd.Server, _prefix, 1);
        HeldLease held = await node.Acquire();
        string before = etcd.Server.Etcdctl("get", "--prefix", _prefix, "-w", "fields");
        double sent = SharedEtcd.Clock();

        RenewResult kept = await node.Store.KeepAliveAsync(held);

        kept.Held.Subnets.Should().Equal(held.Subnets);
        kept.Held.Deadline.Should().BeInRange(sent + 60, SharedEtcd.Clock() + 60);
        Versions(etcd.Server.Etcdctl("get", "--prefix", _prefix, "-w", "fields")).Should().Equal(Versions(before));

        static IEnumerable<string> Versions(string fields) => fields.Split('\n').Where(line => line.Contains("ModRevision"));
    }

    [Fact]
    public async Task Kept_alive_only_a_key_that_is_gone_is_not_written_and_the_old_deadline_stands()
    {
        using TestNode node = new(etcd.Server, _prefix, 1);
        HeldLease held = await node.Acquire();
        string key = node.Store.Keys.Subnet(held.Subnets[0]);
        etcd.Server.Etcdctl("del", key);

        RenewResult kept = await node.Store.KeepAliveAsync(held);

        kept.Held.Should().BeEquivalentTo(held);
        kept.Lost.Should().BeEmpty();
        etcd.Server.Get(key).Should().BeNull();
    }

    [Fact]
    public async Task Kept_alive_only_a_key_that_became_anothers_is_lost()
    {
        using TestNode node = new(etcd.Server, _prefix, 1);
        HeldLease held = await node.Acquire();
        etcd.Server.Put(node.Store.Keys.Subnet(held.Subnets[0]), """{"PublicIP":"192.0.2.99","PublicIPv6":null}""");

        RenewResult kept = await node.Store.KeepAliveAsync(held);

        kept.Held.Subnets.Should().BeEmpty();
        kept.Lost.Should().Equal(held.Subnets);
    }

    [Fact]
    public async Task Whose_addresses_a_lease_was_published_with_is_told_from_anothers()
    {
        using TestNode node = new(etcd.Server, _prefix, 1);
        HeldLease held = await node.Acquire();

        (await node.Store.IsPublishedByAsync(held, node.Id, node.Attributes)).Should().BeTrue();
        (await node.Store.IsPublishedByAsync(held, node.Id, SharedEtcd.Host(2))).Should().BeFalse();
        (await node.Store.IsPublishedByAsync(held, node.Id, LeaseAttributes.Alloc())).Should().BeFalse("no address, no host");
        (await node.Store.IsPublishedByAsync(held with { LeaseId = held.LeaseId + 1 }, node.Id, node.Attributes)).Should().BeFalse();
    }

    [Fact]
    public async Task Once_a_day_the_keys_are_written_again_for_hosts_that_missed_a_change()
    {
        using EtcdClient client = etcd.NewClient();
        double later = 0;
        LeaseStore store = new(client, _prefix, "node-1", () => SharedEtcd.Clock() + later);
        HeldLease held = await store.AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(1), ttl: 60);
        string key = store.Keys.Subnet(held.Subnets[0]),
            value = etcd.Server.Get(key)!;

        foreach ((double hours, int version) in new[] { (22.9, 1), (23.1, 2), (23.2, 2), (46.3, 3) })
        {
            later = hours * 3600;
            held = (await store.RenewAsync(held, SharedEtcd.Host(1))).Held;
            etcd.Server.Etcdctl("get", key, "-w", "json").Should().Contain($"\"version\":{version}", "{0} hours are over", hours);
        }

        etcd.Server.Get(key).Should().Be(value);
    }

    [Fact]
    public async Task A_lease_that_expired_in_etcd_is_restored_with_the_same_subnets_when_nobody_took_them()
    {
        using TestNode node = new(etcd.Server, _prefix, 1);
        HeldLease held = await node.Store.GrowAsync(await node.Acquire(), TestNode.Sixteen, node.Attributes);
        Revoke(held);

        RenewResult renewed = await node.Renew(held);

        renewed.Restored.Should().Equal(held.Subnets);
        renewed.Lost.Should().BeEmpty();
        renewed.Held.Subnets.Should().Equal(held.Subnets);
        renewed.Held.LeaseId.Should().NotBe(held.LeaseId);
        etcd.Keys($"{_prefix}/subnets/").Should().HaveCount(2);
        (await node.Renew(renewed.Held)).Restored.Should().BeEmpty();
    }

    [Fact]
    public async Task A_key_of_another_owner_is_never_overwritten_and_told_as_lost()
    {
        using TestNode node = new(etcd.Server, _prefix, 1);
        HeldLease held = await node.Store.GrowAsync(await node.Acquire(), TestNode.Sixteen, node.Attributes);
        Revoke(held);
        string lost = node.Store.Keys.Subnet(held.Subnets[0]);
        string lease = etcd.Server.Etcdctl("lease", "grant", "60").Split(' ')[1];
        etcd.Server.Etcdctl("put", lost, "another owner", "--lease", lease);

        RenewResult renewed = await node.Renew(held);

        renewed.Lost.Should().Equal(held.Subnets[0]);
        renewed.Held.Subnets.Should().Equal(held.Subnets[1]);
        etcd.Server.Get(lost).Should().Be("another owner");
        HeldLease grown = await node.Store.GrowAsync(renewed.Held, TestNode.Sixteen, node.Attributes);
        grown.Subnets.Should().HaveCount(2).And.NotContain(held.Subnets[0]);
    }

    [Fact]
    public async Task A_key_overwritten_under_a_living_lease_is_lost_too()
    {
        using TestNode node = new(etcd.Server, _prefix, 1);
        HeldLease held = await node.Acquire();
        string key = node.Store.Keys.Subnet(held.Subnets[0]);
        etcd.Server.Put(key, "made a reservation");

        RenewResult renewed = await node.Renew(held);

        renewed.Lost.Should().Equal(held.Subnets);
        renewed.Held.Subnets.Should().BeEmpty();
        etcd.Server.Get(key).Should().Be("made a reservation");
        (await node.Acquire()).Subnets.Should().ContainSingle().Which.Should().NotBe(held.Subnets[0]);
    }

    [Fact]
    public async Task A_subnet_that_overlaps_what_another_took_meanwhile_is_lost()
    {
        using TestNode node = new(etcd.Server, _prefix, 1);
        HeldLease held = await node.Acquire();
        Revoke(held);
        etcd.Server.Put($"{_prefix}/subnets/{held.Subnets[0].Subnet.BaseAddress}-24", "a smaller one inside");

        (await node.Renew(held)).Lost.Should().Equal(held.Subnets);
        etcd.Keys($"{_prefix}/subnets/").Should().HaveCount(1);
    }

    [Fact]
    public async Task A_subnet_that_was_leased_without_the_node_hearing_of_it_is_given_back()
    {
        using TestNode node = new(etcd.Server, _prefix, 1);
        HeldLease held = await node.Acquire();
        await node.Store.GrowAsync(held, TestNode.Sixteen, node.Attributes); // its answer never reaches the state file

        RenewResult renewed = await node.Renew(held);

        renewed.Held.Subnets.Should().Equal(held.Subnets);
        etcd.Keys($"{_prefix}/subnets/").Should().Equal(node.Store.Keys.Subnet(held.Subnets[0]));
        etcd.Server.Get(node.Store.Keys.Node(node.Id)).Should().Contain($"\"subnets\":[\"{held.Subnets[0].Subnet}\"]");
    }

    [Fact]
    public async Task What_is_kept_is_written_once_more_after_what_is_given_back()
    {
        using TestNode node = new(etcd.Server, _prefix, 1);
        HeldLease held = await node.Acquire();
        string kept = node.Store.Keys.Subnet(held.Subnets[0]),
            value = etcd.Server.Get(kept)!;
        HeldLease grown = await node.Store.GrowAsync(held, TestNode.Sixteen, node.Attributes);
        string given = node.Store.Keys.Subnet(grown.Subnets[1]);
        using EtcdClient client = etcd.NewClient();
        long before = (await client.RangeAsync(EtcdRange.Of(kept))).Revision;

        await node.Renew(held);

        List<string> seen = [];
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(20));
        await foreach (
            EtcdWatchBatch batch in client.WatchAsync(
                EtcdRange.Prefix(node.Store.Keys.Subnets),
                before + 1,
                TimeSpan.FromSeconds(5),
                limit.Token
            )
        )
        {
            seen.AddRange(batch.Events.Select(e => $"{(e.IsDelete ? "delete" : "put")} {e.Item.Key}"));
            if (seen.Count >= 2)
            {
                break;
            }
        }

        seen.Should()
            .Equal(
                [$"delete {given}", $"put {kept}"],
                "flannel's hosts took this host's forwarding entry away with the first and make it again with the second"
            );
        etcd.Server.Get(kept).Should().Be(value);
        await node.Renew(held);
        etcd.Server.Etcdctl("get", kept, "-w", "json").Should().Contain("\"version\":2", "it is written once, not with each renewal");
    }

    [Fact]
    public async Task A_key_that_overlaps_an_older_one_gives_way_although_its_writer_could_not_look_at_once()
    {
        using TestNode node = new(etcd.Server, _prefix, 1);
        HeldLease held = await node.Acquire();
        string key = node.Store.Keys.Subnet(held.Subnets[0]),
            older = $"{_prefix}/subnets/{held.Subnets[0].Subnet.BaseAddress}-24";
        string value = etcd.Server.Get(key)!;
        etcd.Server.Etcdctl("del", key);
        etcd.Server.Put(older, "a smaller one inside");
        etcd.Server.Etcdctl("put", key, value, "--lease", Hex(held));

        (await node.Renew(held)).Lost.Should().Equal(held.Subnets);

        etcd.Keys($"{_prefix}/subnets/").Should().Equal(older);
    }

    [Fact]
    public async Task A_deleted_key_is_put_back_under_the_living_lease()
    {
        using TestNode node = new(etcd.Server, _prefix, 1);
        HeldLease held = await node.Acquire();
        etcd.Server.Etcdctl("del", node.Store.Keys.Subnet(held.Subnets[0]));

        RenewResult renewed = await node.Renew(held);

        renewed.Restored.Should().Equal(held.Subnets);
        renewed.Held.LeaseId.Should().Be(held.LeaseId);
        etcd.Server.Get(node.Store.Keys.Subnet(held.Subnets[0])).Should().Contain("192.0.2.1");
    }

    [Fact]
    public async Task Changed_attributes_are_published_under_the_same_lease_and_unchanged_ones_not_written()
    {
        using TestNode node = new(etcd.Server, _prefix, 1);
        HeldLease held = await node.Acquire();
        string key = node.Store.Keys.Subnet(held.Subnets[0]);
        LeaseAttributes moved = LeaseAttributes.Vxlan(1, (IPAddress.Parse("198.51.100.9"), "02:00:00:00:00:01"));

        await node.Store.RepublishAsync(held, moved);
        await node.Store.RepublishAsync(held, moved);

        etcd.Server.Get(key)
            .Should()
            .Be(
                """{"PublicIP":"198.51.100.9","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"02:00:00:00:00:01"}}"""
            );
        etcd.Server.Etcdctl("get", key, "-w", "json").Should().Contain("\"version\":2");
        etcd.Server.Etcdctl("lease", "timetolive", "--keys", Hex(held)).Should().Contain(key);
    }

    [Fact]
    public async Task Republishing_a_key_of_another_owner_reports_it_lost()
    {
        using TestNode node = new(etcd.Server, _prefix, 1);
        HeldLease held = await node.Acquire();
        string key = node.Store.Keys.Subnet(held.Subnets[0]);
        etcd.Server.Put(key, "another owner");

        (await node.Store.RepublishAsync(held, SharedEtcd.Host(9))).Lost.Should().Equal(held.Subnets);
        etcd.Server.Get(key).Should().Be("another owner");
    }

    [Fact]
    public async Task An_unreachable_etcd_is_a_transient_error_and_leaves_the_old_deadline()
    {
        using EtcdServer own = EtcdServer.Start();
        using TestNode node = new(own, _prefix, 1);
        HeldLease held = await node.Acquire();
        own.Stop();

        Func<Task> renew = () => node.Renew(held);

        EtcdException e = (await renew.Should().ThrowAsync<EtcdException>()).Which;
        e.Kind.Should().Be(EtcdErrorKind.Unreachable);
        e.IsTransient.Should().BeTrue();
        e.Message.Should().Contain(own.Endpoint).And.Contain("refused");
    }

    [Fact]
    public async Task Released_subnets_are_gone_with_the_memory_of_the_node_and_releasing_twice_is_harmless()
    {
        using TestNode node = new(etcd.Server, _prefix, 1);
        HeldLease held = await node.Acquire();

        await node.Store.ReleaseAsync(held);
        await node.Store.ReleaseAsync(held);

        etcd.Keys($"{_prefix}/").Should().BeEmpty();
        etcd.Server.Etcdctl("lease", "list").Should().NotContain(Hex(held));
    }

    [Fact]
    public async Task Releasing_without_local_state_finds_the_lease_by_what_etcd_remembers()
    {
        using TestNode node = new(etcd.Server, _prefix, 1),
            other = new(etcd.Server, _prefix, 2);
        await node.Acquire();
        HeldLease stays = await other.Acquire();

        await node.Store.ReleaseAsync();

        etcd.Keys($"{_prefix}/subnets/").Should().Equal(other.Store.Keys.Subnet(stays.Subnets[0]));
    }

    private static string Hex(HeldLease held) => held.LeaseId.ToString("x", CultureInfo.InvariantCulture);

    private void Revoke(HeldLease held) => etcd.Server.Etcdctl("lease", "revoke", Hex(held));

    private int TimeToLive(HeldLease held)
    {
        string text = etcd.Server.Etcdctl("lease", "timetolive", Hex(held)); // "lease 694d.. granted with TTL(5s), remaining(4s)"
        return int.Parse(text.Split("remaining(")[1].Split('s')[0], CultureInfo.InvariantCulture);
    }
}
