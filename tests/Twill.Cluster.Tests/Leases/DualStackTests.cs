using System.Globalization;
using System.Net;
using Twill.Testing;

namespace Twill.Cluster.Tests.Leases;

/// <summary>Leases of one subnet of each family, as flannel's keys hold them, on a real etcd; judged by etcdctl.</summary>
[Collection(nameof(SharedEtcd))]
[RequiresEtcd]
public sealed class DualStackTests(SharedEtcd etcd)
{
    private readonly string _prefix = SharedEtcd.NewPrefix();

    /// <summary>10.244.16.0/20 to 10.244.240.0/20, and fc00:1:0:1::/64 to fc00:1:0:ffff::/64.</summary>
    private static readonly NetworkConfig s_dual = NetworkConfig.Create(
        SubnetRange.Create(IPNetwork.Parse("10.244.0.0/16"), 20),
        SubnetRange.Create(IPNetwork.Parse("fc00:1::/48")),
        BackendSettings.Vxlan(1, 4789)
    );

    private static readonly NetworkConfig s_before = s_dual with { IPv6 = null };

    [Fact]
    public async Task A_lease_is_one_key_with_both_subnets_and_a_value_with_both_addresses_in_flannels_form()
    {
        using TestNode node = Node(7);

        HeldLease held = await node.Acquire(s_dual, 100);

        int number = Number(held.Subnets.Should().ContainSingle().Subject);
        string key = $"{_prefix}/subnets/10.244.{16 * number}.0-20&fc00:1:0:{number:x}::-64";
        etcd.Keys($"{_prefix}/subnets/").Should().Equal(key);
        etcd.Server.Get(key)
            .Should()
            .Be(
                """{"PublicIP":"192.0.2.7","PublicIPv6":"2001:db8::7","BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"02:00:00:00:00:07"},"""
                    + """ "BackendV6Data":{"VNI":1,"VtepMAC":"02:00:00:00:06:07"}}""".TrimStart()
            );
        etcd.Server.Get($"{_prefix}/twill/nodes/node-7")
            .Should()
            .Contain($"\"subnets\":[\"10.244.{16 * number}.0/20\",\"fc00:1:0:{number:x}::/64\"]");
        etcd.Server.Etcdctl("lease", "timetolive", "--keys", Hex(held)).Should().Contain($"attached keys([{key}])");
        held.Prefixes.Should().Equal(IPNetwork.Parse($"10.244.{16 * number}.0/20"), IPNetwork.Parse($"fc00:1:0:{number:x}::/64"));
    }

    [Fact]
    public async Task The_configuration_has_flannels_fields_and_is_read_back_the_same()
    {
        using TestNode node = Node(1);

        (await node.Store.EnsureConfigAsync(s_dual)).Should().Be(s_dual);

        etcd.Server.Get($"{_prefix}/config")
            .Should()
            .Be(
                """{"EnableIPv4":true,"EnableIPv6":true,"EnableNFTables":false,"Network":"10.244.0.0/16","IPv6Network":"fc00:1::/48","""
                    + """ "SubnetMin":"10.244.16.0","IPv6SubnetMin":"fc00:1:0:1::","SubnetMax":"10.244.240.0","IPv6SubnetMax":"fc00:1:0:ffff::",""".TrimStart()
                    + """ "SubnetLen":20,"IPv6SubnetLen":64,"Backend":{"Type":"vxlan","VNI":1,"Port":4789,"GBP":false,"Learning":false,"DirectRouting":false}}""".TrimStart()
            );
        (await node.Store.EnsureConfigAsync(s_dual)).Should().BeEquivalentTo(s_dual, o => o.Excluding(config => config.WrittenAt));
    }

    [Fact]
    public async Task Neither_subnet_overlaps_one_of_another_key_whatever_its_form()
    {
        string[] inside = ["10.8.0.0-24&fc00:2::-64", "10.8.1.0-24", "10.8.3.128-25&fc00:2:0:2::-63"],
            outside = ["192.0.2.0-24&fc00:2:0:1::-64", "10.8.2.0-24&2001:db8::-64"];
        foreach (string key in inside.Concat(outside))
        {
            etcd.Server.Put($"{_prefix}/subnets/{key}", """{"PublicIP":"192.0.2.77","PublicIPv6":null}""");
        }

        NetworkConfig four = NetworkConfig.Create(
            SubnetRange.Create(IPNetwork.Parse("10.8.0.0/21"), 24, IPAddress.Parse("10.8.0.0")),
            SubnetRange.Create(IPNetwork.Parse("fc00:2::/61"), 64, IPAddress.Parse("fc00:2::"), IPAddress.Parse("fc00:2:0:4::"))
        );
        using TestNode one = Node(1),
            two = Node(2),
            three = Node(3);

        SubnetKey[] leased = [(await one.Acquire(four)).Subnets.Single(), (await two.Acquire(four)).Subnets.Single()];
        Func<Task> third = () => three.Acquire(four);

        leased.Select(l => l.SubnetV6).Should().BeEquivalentTo([IPNetwork.Parse("fc00:2:0:1::/64"), IPNetwork.Parse("fc00:2:0:4::/64")]);
        leased
            .Select(l => l.Subnet.ToString())
            .Should()
            .OnlyHaveUniqueItems()
            .And.BeSubsetOf(["10.8.2.0/24", "10.8.4.0/24", "10.8.5.0/24", "10.8.6.0/24", "10.8.7.0/24"]);
        (await third.Should().ThrowAsync<ClusterException>())
            .Which.Message.Should()
            .Contain("all 5 subnets (/64, fc00:2:: to fc00:2:0:4::) of fc00:2::/61 are leased");
    }

    [Fact]
    public async Task A_key_whose_IPv6_subnet_an_older_one_has_gives_way_and_both_of_its_subnets_are_lost()
    {
        using TestNode node = Node(1);
        HeldLease held = await node.Acquire(s_dual);
        SubnetKey lease = held.Subnets[0];
        string key = node.Store.Keys.Subnet(lease),
            another = lease.Subnet.ToString() == "10.244.16.0/20" ? "10.244.32.0" : "10.244.16.0",
            older = $"{_prefix}/subnets/{another}-20&{lease.SubnetV6!.Value.BaseAddress}-64",
            value = etcd.Server.Get(key)!;
        etcd.Server.Etcdctl("del", key);
        etcd.Server.Put(older, "another owner");
        etcd.Server.Etcdctl("put", key, value, "--lease", Hex(held));

        RenewResult renewed = await node.Renew(held);

        renewed.Lost.Should().Equal(lease);
        renewed.Held.Subnets.Should().BeEmpty();
        etcd.Keys($"{_prefix}/subnets/").Should().Equal(older);
        etcd.Server.Get(older).Should().Be("another owner");
    }

    [Fact]
    public async Task Both_subnets_are_renewed_grown_remembered_and_released_together()
    {
        using TestNode node = Node(1);
        HeldLease held = await node.Acquire(s_dual);
        held = await node.Store.GrowAsync(held, s_dual, node.Attributes);
        etcd.Server.Etcdctl("lease", "revoke", Hex(held));

        RenewResult renewed = await node.Renew(held);
        HeldLease rebooted = await node.Acquire(s_dual);

        renewed.Restored.Should().Equal(held.Subnets).And.HaveCount(2).And.OnlyContain(lease => lease.SubnetV6 != null);
        rebooted.Subnets.Should().Equal(held.Subnets);
        (await node.Store.RememberedAsync()).Should().Equal(held.Subnets);
        await node.Store.ReleaseAsync(rebooted);
        etcd.Keys($"{_prefix}/").Should().BeEmpty();
    }

    [Fact]
    public async Task Of_twelve_dual_hosts_at_once_each_gets_subnets_of_its_own_in_both_families()
    {
        HeldLease[] all = await Task.WhenAll(
            Enumerable
                .Range(1, 12)
                .Select(n =>
                    Task.Run(async () =>
                    {
                        using TestNode node = Node(n);
                        await node.Store.EnsureConfigAsync(s_dual);
                        return await node.Acquire(s_dual);
                    })
                )
        );

        all.SelectMany(held => held.Prefixes).Should().HaveCount(24).And.OnlyHaveUniqueItems();
        etcd.Keys($"{_prefix}/subnets/").Should().HaveCount(12).And.OnlyContain(key => key.Contains('&'));
    }

    /// <summary>Here etcd's own comparison of keys sees no conflict: the IPv4 parts always differ.</summary>
    [Fact]
    public async Task Of_eight_hosts_that_race_for_three_IPv6_subnets_three_win_distinct_ones()
    {
        NetworkConfig scarce = NetworkConfig.Create(
            SubnetRange.Create(IPNetwork.Parse("10.9.0.0/16"), 24),
            SubnetRange.Create(IPNetwork.Parse("fc00:3::/62"), 64)
        );

        HeldLease?[] all = await Task.WhenAll(
            Enumerable
                .Range(1, 8)
                .Select(n =>
                    Task.Run(async () =>
                    {
                        using TestNode node = Node(n);
                        try
                        {
                            return await node.Acquire(scarce);
                        }
                        catch (ClusterException e) when (e.Kind == ClusterErrorKind.NetworkFull)
                        {
                            return null;
                        }
                    })
                )
        );

        all.Where(held => held is not null)
            .Select(held => held!.Subnets.Single().SubnetV6)
            .Should()
            .BeEquivalentTo([IPNetwork.Parse("fc00:3:0:1::/64"), IPNetwork.Parse("fc00:3:0:2::/64"), IPNetwork.Parse("fc00:3:0:3::/64")]);
        etcd.Keys($"{_prefix}/subnets/").Should().HaveCount(3);
    }

    [Fact]
    public async Task A_host_with_IPv6_in_a_network_without_is_refused_with_both_values_and_what_to_do()
    {
        using TestNode old = Node(1),
            dual = Node(2);
        await old.Store.EnsureConfigAsync(s_before);

        Func<Task> ensure = () => dual.Store.EnsureConfigAsync(s_dual);

        (await ensure.Should().ThrowAsync<ClusterException>())
            .Which.Message.Should()
            .Contain("EnableIPv6 is true here and false in etcd")
            .And.Contain($"\"EnableIPv6\":true,\"IPv6Network\":\"fc00:1::/48\",\"IPv6SubnetLen\":64 to the value of that key (etcdctl put)")
            .And.Contain($"{_prefix}/config");
    }

    [Fact]
    public async Task A_host_without_IPv6_in_a_network_that_has_got_it_is_told_what_its_configuration_lacks()
    {
        using TestNode old = Node(1),
            dual = Node(2);
        await dual.Store.EnsureConfigAsync(s_dual);

        Func<Task> ensure = () => old.Store.EnsureConfigAsync(s_before);

        (await ensure.Should().ThrowAsync<ClusterException>())
            .Which.Message.Should()
            .Contain("EnableIPv6 is false here and true in etcd")
            .And.Contain("put \"ipv6Network\":\"fc00:1::/48\",\"ipv6SubnetLen\":64 into ipam");
    }

    [Fact]
    public async Task When_the_network_gets_IPv6_a_host_keeps_its_IPv4_subnets_and_has_an_IPv6_one_beside_each()
    {
        using TestNode node = Node(1),
            other = Node(2);
        HeldLease before = await node.Acquire(s_before),
            others = await other.Acquire(s_before);
        before = await node.Store.GrowAsync(before, s_before, node.Attributes);

        HeldLease after = await node.Acquire(s_dual);

        after.Subnets.Select(lease => lease.Subnet).Should().Equal(before.Subnets.Select(lease => lease.Subnet));
        after.Subnets.Should().OnlyContain(lease => s_dual.Leases(lease)).And.OnlyHaveUniqueItems(lease => lease.SubnetV6);
        etcd.Keys($"{_prefix}/subnets/").Should().BeEquivalentTo(after.Subnets.Append(others.Subnets[0]).Select(node.Store.Keys.Subnet));
        etcd.Server.Etcdctl("lease", "list").Should().NotContain(Hex(before));
        (await node.Renew(after)).Held.Subnets.Should().Equal(after.Subnets);
    }

    [Fact]
    public async Task An_IPv6_subnet_that_another_took_meanwhile_costs_a_host_that_was_away_no_IPv4_subnet_in_a_new_network()
    {
        using TestNode node = Node(1),
            other = Node(2);
        NetworkConfig one = s_dual with
        {
            IPv6 = SubnetRange.Create(IPNetwork.Parse("fc00:1::/48"), 64, IPAddress.Parse("fc00:1:0:1::"), IPAddress.Parse("fc00:1:0:1::")),
        };
        HeldLease before = await node.Acquire(one);
        etcd.Server.Etcdctl("lease", "revoke", Hex(before));
        await other.Acquire(one); // the one IPv6 subnet there is

        HeldLease after = await node.Acquire(s_dual);

        after.Subnets.Single().Subnet.Should().Be(before.Subnets.Single().Subnet);
        after.Subnets.Single().SubnetV6.Should().NotBe(before.Subnets.Single().SubnetV6);
    }

    private static int Number(SubnetKey lease) => lease.Subnet.BaseAddress.GetAddressBytes()[2] / 16;

    private static string Hex(HeldLease held) => held.LeaseId.ToString("x", CultureInfo.InvariantCulture);

    private TestNode Node(int n) => new(etcd.Server, _prefix, n) { Attributes = SharedEtcd.DualHost(n) };
}
