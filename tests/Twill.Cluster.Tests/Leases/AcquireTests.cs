using System.Globalization;
using System.Net;
using Twill.Testing;

namespace Twill.Cluster.Tests.Leases;

[Collection(nameof(SharedEtcd))]
[RequiresEtcd]
public sealed class AcquireTests(SharedEtcd etcd)
{
    private readonly string _prefix = SharedEtcd.NewPrefix();

    [Fact]
    public async Task A_lease_is_a_key_and_value_in_flannels_form_that_lives_by_the_etcd_lease()
    {
        using TestNode node = new(etcd.Server, _prefix, 7);
        double before = SharedEtcd.Clock();

        HeldLease held = await node.Acquire(ttl: 100);

        IPNetwork subnet = held.Subnets.Should().ContainSingle().Which.Subnet;
        string key = $"{_prefix}/subnets/{subnet.BaseAddress}-20";
        etcd.Server.Get(key)
            .Should()
            .Be(
                """{"PublicIP":"192.0.2.7","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"02:00:00:00:00:07"}}"""
            );
        string lease = held.LeaseId.ToString("x", CultureInfo.InvariantCulture);
        etcd.Server.Etcdctl("lease", "timetolive", "--keys", lease)
            .Should()
            .Contain("granted with TTL(100s)")
            .And.Contain($"attached keys([{key}])");
        etcd.Server.Get($"{_prefix}/twill/nodes/node-7")
            .Should()
            .Be($$"""{"publicIP":"192.0.2.7","lease":"{{lease}}","subnets":["{{subnet}}"]}""");
        held.Ttl.Should().Be(100);
        held.Deadline.Should().BeInRange(before + 100, SharedEtcd.Clock() + 100);
    }

    [Fact]
    public async Task Keys_that_can_be_no_lease_of_the_network_keep_nobody_from_leasing()
    {
        NetworkConfig four = NetworkConfig.Create(IPNetwork.Parse("10.9.0.0/22"));
        string[] keys = ["0.0.0.0-0", "10.0.0.0-8", "10.9.0.0-22", "10.9.1.1-32", "010.9.1.0-24", "10.9.2.7-24", "10.8.0.0-24"];
        foreach (string key in keys)
        {
            etcd.Server.Put($"{_prefix}/subnets/{key}", """{"PublicIP":"192.0.2.77","PublicIPv6":null}""");
        }

        for (int n = 1; n <= 3; n++)
        {
            using TestNode node = new(etcd.Server, _prefix, n);
            (await node.Acquire(four)).Subnets.Should().ContainSingle();
        }
    }

    [Fact]
    public async Task A_host_that_joins_reads_what_the_others_have_once()
    {
        const int Others = 400;
        NetworkConfig large = NetworkConfig.Create(IPNetwork.Parse("10.0.0.0/8"));
        await Task.WhenAll(
            Enumerable.Range(0, 8).Select(part => Task.Run(() =>
            {
                for (int i = part; i < Others; i += 8)
                {
                    string subnet = $"10.{i / 250}.{i % 250 + 1}.0";
                    etcd.Server.Put($"{_prefix}/subnets/{subnet}-24", """{"PublicIP":"192.0.2.77","PublicIPv6":null}""");
                    etcd.Server.Put(
                        $"{_prefix}/twill/nodes/other-{i}",
                        $$"""{"publicIP":"192.0.2.77","lease":"{{i + 1:x}}","subnets":["{{subnet}}/24"]}"""
                    );
                }
            }))
        );
        using TestNode node = new(etcd.Server, _prefix, 1);
        await node.Store.RememberedAsync(); // the connection is there

        long before = await Sent();
        await node.Store.ListAsync();
        long list = await Sent() - before;
        await node.Acquire(large);
        long join = await Sent() - before - list;

        // The list has keys and values of the leases, a look at the cluster their keys, and keys and values of the memories.
        join.Should().BeInRange(list / 2, list * 3, "read three times it is five times that list");

        async Task<long> Sent()
        {
            using HttpClient http = new();
            string metrics = await http.GetStringAsync($"{etcd.Server.Endpoint}/metrics");
            const string Name = "etcd_network_client_grpc_sent_bytes_total ";
            string line = metrics.Split('\n').Single(one => one.StartsWith(Name, StringComparison.Ordinal));
            return (long)double.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture);
        }
    }

    [Fact]
    public async Task The_first_subnet_is_leased_only_when_subnetMin_names_it()
    {
        NetworkConfig four = NetworkConfig.Create(IPNetwork.Parse("10.9.0.0/22"));
        ((int)four.IPv4.Count).Should().Be(3);
        for (int n = 1; n <= 3; n++)
        {
            using TestNode node = new(etcd.Server, _prefix, n);
            await node.Acquire(four);
        }
        etcd.Keys($"{_prefix}/subnets/")
            .Should()
            .BeEquivalentTo($"{_prefix}/subnets/10.9.1.0-24", $"{_prefix}/subnets/10.9.2.0-24", $"{_prefix}/subnets/10.9.3.0-24");

        using TestNode last = new(etcd.Server, _prefix, 4);
        HeldLease held = await last.Acquire(NetworkConfig.Create(IPNetwork.Parse("10.9.0.0/22"), subnetMin: IPAddress.Parse("10.9.0.0")));
        held.Subnets.Should().Equal(SharedEtcd.Lease("10.9.0.0/24"));
    }

    [Fact]
    public async Task Reservations_and_foreign_leases_of_any_length_and_family_are_kept_clear_of()
    {
        NetworkConfig config = NetworkConfig.Create(IPNetwork.Parse("10.8.0.0/21"), 24, IPAddress.Parse("10.8.0.0"));
        const string Value = """{"PublicIP":"192.0.2.77","PublicIPv6":null}""";
        string[] foreign = ["10.8.0.0-24", "10.8.2.0-23", "10.8.4.128-26", "10.8.5.0-24&fc00:1:2::-64", "10.8.6.0-24"];
        foreach (string key in foreign)
        {
            etcd.Server.Put($"{_prefix}/subnets/{key}", Value);
        }

        etcd.Server.Put($"{_prefix}/subnets/garbage", "x");
        using TestNode one = new(etcd.Server, _prefix, 1),
            two = new(etcd.Server, _prefix, 2),
            three = new(etcd.Server, _prefix, 3);

        HeldLease first = await one.Acquire(config),
            second = await two.Acquire(config);
        Func<Task> third = () => three.Acquire(config);

        first.Subnets.Concat(second.Subnets).Should().BeEquivalentTo([SharedEtcd.Lease("10.8.1.0/24"), SharedEtcd.Lease("10.8.7.0/24")]);
        (await third.Should().ThrowAsync<ClusterException>()).Which.Kind.Should().Be(ClusterErrorKind.NetworkFull);
        foreach (string key in foreign)
        {
            etcd.Server.Get($"{_prefix}/subnets/{key}").Should().Be(Value);
        }

        etcd.Server.Etcdctl("lease", "list").Should().Contain(first.LeaseId.ToString("x", CultureInfo.InvariantCulture));
        etcd.Server.Get($"{_prefix}/twill/nodes/node-3").Should().BeNull();
    }

    [Fact]
    public async Task A_failed_acquire_gives_its_etcd_lease_back()
    {
        foreach (int third in new[] { 0, 64, 128, 192 })
        {
            etcd.Server.Put($"{_prefix}/subnets/10.8.0.{third}-26", "reserved");
        }

        string[] before = Leases();
        using TestNode node = new(etcd.Server, _prefix, 1);

        Func<Task> acquire = () => node.Acquire(NetworkConfig.Create(IPNetwork.Parse("10.8.0.0/24"), 26));

        await acquire.Should().ThrowAsync<ClusterException>();
        Leases().Should().BeSubsetOf(before, "leases of other tests may run out meanwhile");
    }

    [Fact]
    public async Task A_node_that_comes_back_after_its_lease_expired_gets_its_own_subnet_and_others_avoid_it_meanwhile()
    {
        using TestNode node = new(etcd.Server, _prefix, 1);
        HeldLease held = await node.Acquire();
        etcd.Server.Etcdctl("lease", "revoke", held.LeaseId.ToString("x", CultureInfo.InvariantCulture));

        for (int n = 2; n <= 16; n++)
        {
            using TestNode other = new(etcd.Server, _prefix, n);
            (await other.Acquire()).Subnets.Should().NotContain(held.Subnets[0]);
        }
        HeldLease again = await node.Acquire();

        again.Subnets.Should().Equal(held.Subnets);
        again.LeaseId.Should().NotBe(held.LeaseId);
    }

    [Fact]
    public async Task When_no_unused_subnet_is_left_the_longest_expired_is_taken_and_its_old_owner_gets_another()
    {
        List<(TestNode Node, HeldLease Held)> nodes = [];
        for (int n = 1; n <= 16; n++)
        {
            TestNode node = new(etcd.Server, _prefix, n);
            nodes.Add((node, await node.Acquire()));
        }
        // Node 3 is seen last: its renewal refreshes what etcd remembers of it. Of the two, node 5 has been away longer.
        await nodes[2].Node.Renew(nodes[2].Held);
        foreach (int gone in new[] { 2, 4 })
        {
            etcd.Server.Etcdctl("lease", "revoke", nodes[gone].Held.LeaseId.ToString("x", CultureInfo.InvariantCulture));
        }

        using TestNode newcomer = new(etcd.Server, _prefix, 20);
        HeldLease taken = await newcomer.Acquire();
        HeldLease returned = await nodes[4].Node.Acquire();

        taken.Subnets.Should().Equal(nodes[4].Held.Subnets);
        returned.Subnets.Should().Equal(nodes[2].Held.Subnets);
        etcd.Server.Get($"{_prefix}/twill/nodes/node-3").Should().BeNull("its only subnet belongs to another node now");
        nodes.ForEach(n => n.Node.Dispose());
    }

    [Fact]
    public async Task After_a_reboot_a_living_key_of_ones_own_is_taken_over_with_new_attributes()
    {
        using TestNode node = new(etcd.Server, _prefix, 1);
        HeldLease before = await node.Acquire();
        node.Attributes = SharedEtcd.Host(101);

        HeldLease after = await node.Acquire(ttl: 30);

        after.Subnets.Should().Equal(before.Subnets);
        after.Ttl.Should().Be(30);
        etcd.Keys($"{_prefix}/subnets/").Should().HaveCount(1);
        etcd.Server.Get(node.Store.Keys.Subnet(after.Subnets[0])).Should().Contain("192.0.2.101");
        etcd.Server.Etcdctl("lease", "list").Should().NotContain(before.LeaseId.ToString("x", CultureInfo.InvariantCulture));
    }

    [Fact]
    public async Task A_key_made_a_reservation_or_taken_by_flannel_while_away_is_left_alone()
    {
        using TestNode node = new(etcd.Server, _prefix, 1);
        HeldLease before = await node.Acquire();
        string key = node.Store.Keys.Subnet(before.Subnets[0]);
        etcd.Server.Put(key, "reserved"); // without a lease

        HeldLease after = await node.Acquire();

        after.Subnets.Should().ContainSingle().Which.Should().NotBe(before.Subnets[0]);
        etcd.Server.Get(key).Should().Be("reserved");
    }

    [Fact]
    public async Task Growing_adds_subnets_under_the_same_lease_and_all_come_back_after_a_reboot()
    {
        using TestNode node = new(etcd.Server, _prefix, 1);
        HeldLease held = await node.Acquire();

        held = await node.Store.GrowAsync(held, TestNode.Sixteen, node.Attributes);
        held = await node.Store.GrowAsync(held, TestNode.Sixteen, node.Attributes);

        held.Subnets.Should().HaveCount(3).And.OnlyHaveUniqueItems();
        etcd.Server.Etcdctl("lease", "timetolive", "--keys", held.LeaseId.ToString("x", CultureInfo.InvariantCulture))
            .Split("/subnets/")
            .Should()
            .HaveCount(4);
        (await node.Acquire()).Subnets.Should().Equal(held.Subnets);
    }

    [Fact]
    public async Task Garbage_in_the_memory_of_nodes_is_no_obstacle()
    {
        etcd.Server.Put(
            $"{_prefix}/twill/nodes/node-1",
            "{\"subnets\":[\"10.1.2.3/99\",\"x\",\"fd00::/64\",\"10.244.16.0/20\"],\"lease\":\"zz\"}"
        );
        etcd.Server.Put($"{_prefix}/twill/nodes/node-2", "{\"subnets\":\"");
        using TestNode one = new(etcd.Server, _prefix, 1),
            two = new(etcd.Server, _prefix, 2);

        (await one.Acquire()).Subnets.Should().Equal(SharedEtcd.Lease("10.244.16.0/20"));
        (await two.Acquire()).Subnets.Should().ContainSingle();
    }

    private string[] Leases() =>
        [.. etcd.Server.Etcdctl("lease", "list").Split('\n').Where(line => line.Length > 0 && !line.StartsWith("found"))];
}
