using Twill.Testing;

namespace Twill.Cluster.Tests.Leases;

/// <summary>Two networks of one host under one prefix, and two hosts with one node id, as the store sees them.</summary>
[Collection(nameof(SharedEtcd))]
[RequiresEtcd]
public sealed class SharedPrefixTests(SharedEtcd etcd)
{
    private readonly string _prefix = SharedEtcd.NewPrefix();

    [Fact]
    public async Task A_second_network_with_the_prefix_of_the_first_is_refused_and_nothing_is_written()
    {
        using EtcdClient client = etcd.NewClient();
        LeaseStore first = Store(client, "first", "boot"),
            second = Store(client, "second", "boot", holds: "first");
        HeldLease held = await first.AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(1), 60);
        HeldLease other = await Store(client, "second", "boot", prefix: SharedEtcd.NewPrefix())
            .AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(1), 60);
        string before = Everything();

        foreach (
            Func<Task> attempt in (Func<Task>[])
                [
                    () => second.AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(1), 60),
                    () => second.RenewAsync(other, SharedEtcd.Host(1)),
                    () => second.ReleaseAsync(),
                    () => second.ReleaseAsync(other),
                ]
        )
        {
            (await attempt.Should().ThrowAsync<ClusterException>())
                .Which.Message.Should()
                .Contain($"prefix {_prefix} in etcd is that of this host's network 'first'")
                .And.Contain(held.Prefixes[0].ToString())
                .And.Contain("ipam.etcd.prefix");
        }

        Everything().Should().Be(before);
        (await first.RenewAsync(held, SharedEtcd.Host(1))).Held.Subnets.Should().Equal(held.Subnets);
    }

    [Fact]
    public async Task A_network_that_was_renamed_has_its_prefix_and_its_subnet_back_when_the_former_name_holds_nothing_here()
    {
        using EtcdClient client = etcd.NewClient();
        HeldLease held = await Store(client, "former", "boot").AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(1), 60);

        HeldLease renamed = await Store(client, "present", "boot").AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(1), 60);

        renamed.Subnets.Should().Equal(held.Subnets);
    }

    [Fact]
    public async Task A_copy_takes_nothing_from_a_host_without_an_agent_and_both_are_told_when_that_renews()
    {
        using EtcdClient client = etcd.NewClient();
        LeaseStore original = Store(client, "n", "boot 1"),
            copy = Store(client, "n", "boot 2");
        HeldLease held = await original.AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(1), 60);
        HeldLease taken = await copy.AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(2), 60); // nobody answers: there is no agent
        taken.Subnets.Should().NotIntersectWith(held.Subnets);

        await ShouldBeRefused(() => original.RenewAsync(held, SharedEtcd.Host(1)));

        await ShouldBeRefused(() => copy.RenewAsync(taken, SharedEtcd.Host(2)));
        string before = Everything();
        await ShouldBeRefused(() => original.RenewAsync(held, SharedEtcd.Host(1)));
        await ShouldBeRefused(() => copy.RenewAsync(taken, SharedEtcd.Host(2)));
        (await copy.Invoking(one => one.ReleaseAsync(taken)).Should().ThrowAsync<ClusterException>())
            .Which.Kind.Should()
            .Be(ClusterErrorKind.IdentityConflict);
        Everything().Should().Be(before);
    }

    [Fact]
    public async Task A_host_that_was_rebooted_at_its_address_has_its_subnet_back_without_asking()
    {
        using EtcdClient client = etcd.NewClient();
        HeldLease held = await Store(client, "n", "boot 1").AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(1), 60);

        HeldLease rebooted = await Store(client, "n", "boot 2").AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(1), 60);

        rebooted.Subnets.Should().Equal(held.Subnets);
        etcd.Keys(_prefix).Should().NotContain(key => key.Contains("claims"));
    }

    [Fact]
    public async Task A_backup_of_before_the_last_reboot_that_is_restored_is_no_copy()
    {
        using EtcdClient client = etcd.NewClient();
        LeaseStore before = Store(client, "n", "boot 1");
        HeldLease former = await before.AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(1), 60);
        string key = before.Keys.Subnet(former.Subnets[0]),
            memory = etcd.Server.Get(before.Keys.Node("node"))!;
        LeaseStore now = Store(client, "n", "boot 2");
        HeldLease held = await now.AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(1), 60);
        string lease = etcd.Server.Etcdctl("lease", "grant", "60").Split(' ')[1];
        etcd.Server.Etcdctl("put", key, etcd.Server.Get(key)!, $"--lease={lease}");
        etcd.Server.Put(before.Keys.Node("node"), memory.Replace($"{former.LeaseId:x}", lease));

        RenewResult renewed = await now.RenewAsync(held, SharedEtcd.Host(1));

        renewed.Held.Subnets.Should().Equal(held.Subnets);
        renewed.Lost.Should().BeEmpty();
    }

    [Fact]
    public async Task Two_running_copies_of_a_machines_memory_find_each_other_as_one_writes_the_others_key()
    {
        using EtcdClient client = etcd.NewClient();
        LeaseStore original = Store(client, "n", "boot 1", pause: 300),
            copy = Store(client, "n", "boot 1", pause: 300);
        HeldLease held = await original.AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(1), 60);
        await copy.RepublishAsync(held, SharedEtcd.Host(2)); // it has the lease, and another address

        Task first = original.RenewAsync(held, SharedEtcd.Host(1));
        Eventually.Pass(() => etcd.Keys(_prefix).Should().ContainSingle(key => key.Contains("claims")));
        await ShouldBeRefused(() => copy.RenewAsync(held, SharedEtcd.Host(2)));
        await ShouldBeRefused(() => first);

        string before = Everything();
        await ShouldBeRefused(() => original.RenewAsync(held, SharedEtcd.Host(1)));
        await ShouldBeRefused(() => copy.RenewAsync(held, SharedEtcd.Host(2)));
        Everything().Should().Be(before);
        (await original.IsPublishedByAsync(held, "node", SharedEtcd.Host(2))).Should().BeFalse("it is in dispute");
    }

    [Fact]
    public async Task A_host_whose_former_claim_outlived_its_dispute_is_told_of_the_next_copy()
    {
        using EtcdClient client = etcd.NewClient();
        LeaseStore original = Store(client, "n", "boot 1"),
            copy = Store(client, "n", "boot 2");
        HeldLease held = await original.AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(1), 60);
        string claim = original.Keys.Claim("node", "boot 1");
        etcd.Server.Put(claim, """{"publicIP":"192.0.2.1"}"""); // etcd was away when it was to end
        await ShouldBeRefused(() => copy.AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(2), 60));
        etcd.Server.Etcdctl("del", claim); // now it ended, and the original has not looked since
        string before = Written();

        await ShouldBeRefused(() => copy.AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(2), 60));

        Written().Should().NotBe(before, "that wakes the agent of the original");
        await ShouldBeRefused(() => original.RenewAsync(held, SharedEtcd.Host(1)));
        before = Written();
        await ShouldBeRefused(() => copy.AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(2), 60));
        Written().Should().Be(before, "both know");

        string Written() =>
            etcd.Server.Etcdctl("get", original.Keys.Subnet(held.Subnets[0]), "-w", "fields")
                .Split('\n')
                .Single(line => line.StartsWith("\"ModRevision\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_key_that_says_another_address_is_written_as_it_was_when_nobody_answers_for_it()
    {
        using EtcdClient client = etcd.NewClient();
        LeaseStore host = Store(client, "n", "boot 1");
        HeldLease held = await host.AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(1), 60);
        string key = host.Keys.Subnet(held.Subnets[0]),
            said = etcd.Server.Get(key)!;
        await host.RenewAsync(held, SharedEtcd.Host(1));
        etcd.Server.Etcdctl("put", key, said.Replace("192.0.2.1", "192.0.2.99"), $"--lease={held.LeaseId:x}");

        (await host.RenewAsync(held, SharedEtcd.Host(1))).Lost.Should().BeEmpty();

        etcd.Server.Get(key).Should().Be(said);
        etcd.Keys(_prefix).Should().NotContain(one => one.Contains("claims"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_claim_whose_end_etcd_did_not_hear_is_the_hosts_own_and_ends_the_next_time(bool isRestarted)
    {
        using EtcdClient client = etcd.NewClient();
        DeafEtcd deaf = new(client);
        LeaseStore host = Store(deaf, "n", "boot 1");
        HeldLease held = await host.AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(1), 60);
        string key = host.Keys.Subnet(held.Subnets[0]),
            said = etcd.Server.Get(key)!;
        void SayOtherwise() =>
            etcd.Server.Etcdctl("put", key, said.Replace("192.0.2.1", "192.0.2.99"), $"--lease={held.LeaseId:x}");
        await host.RenewAsync(held, SharedEtcd.Host(1));
        SayOtherwise();
        deaf.IsDeaf = true;
        await host.RenewAsync(held, SharedEtcd.Host(1)); // nobody answers, and etcd does not hear that the claim is to end
        etcd.Keys(_prefix).Should().ContainSingle(one => one.Contains("claims"));
        deaf.IsDeaf = false;
        if (isRestarted)
        {
            host = Store(deaf, "n", "boot 1, anew");
            await host.RepublishAsync(held, SharedEtcd.Host(1));
        }

        SayOtherwise();
        await host.RenewAsync(held, SharedEtcd.Host(1));

        etcd.Server.Get(key).Should().Be(said);
        etcd.Keys(_prefix).Should().NotContain(one => one.Contains("claims"));
    }

    [Fact]
    public async Task A_host_whose_address_changes_asks_nobody()
    {
        using EtcdClient client = etcd.NewClient();
        LeaseStore host = Store(client, "n", "boot 1", pause: 60_000);
        HeldLease held = await host.AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(1), 60);

        await host.RenewAsync(held, SharedEtcd.Host(2));
        await host.RepublishAsync(held, SharedEtcd.Host(2));
        await host.RenewAsync(held, SharedEtcd.Host(2));
        await host.RenewAsync(held, SharedEtcd.Host(3));

        etcd.Keys(_prefix).Should().NotContain(key => key.Contains("claims"));
    }

    private static async Task ShouldBeRefused(Func<Task> attempt) =>
        (await attempt.Should().ThrowAsync<ClusterException>())
            .Which.Message.Should()
            .Contain("two hosts have the node id")
            .And.Contain("192.0.2.1")
            .And.Contain("192.0.2.2")
            .And.Contain("On the host that is the copy run: the remedy");

    private LeaseStore Store(
        IEtcd client,
        string network,
        string incarnation,
        string holds = "",
        string? prefix = null,
        int pause = 10
    ) =>
        new(client, prefix ?? _prefix, "node", SharedEtcd.Clock, Random.Shared)
        {
            Instance = new HostInstance(incarnation, network, name => name == holds, "the remedy") { Renew = former => former + ", anew" },
            ClaimPause = TimeSpan.FromMilliseconds(pause),
        };

    /// <summary>What etcd holds under the prefix, with revisions.</summary>
    private string Everything() => etcd.Server.Etcdctl("get", "--prefix", _prefix, "-w", "fields").Split("\"Key\"", 2)[^1];

    /// <summary>An etcd that does not hear which leases are to end.</summary>
    private sealed class DeafEtcd(EtcdClient etcd) : IEtcd
    {
        internal bool IsDeaf { get; set; }

        public Task<bool> LeaseRevokeAsync(long lease, CancellationToken cancel = default) =>
            IsDeaf
                ? throw new EtcdException(EtcdErrorKind.Unreachable, "", "etcd lease revoke: the connection broke")
                : etcd.LeaseRevokeAsync(lease, cancel);

        public Task<RangeResult> RangeAsync(EtcdRange range, CancellationToken cancel = default) => etcd.RangeAsync(range, cancel);

        public Task<KeyValue?> GetAsync(string key, CancellationToken cancel = default) => etcd.GetAsync(key, cancel);

        public Task<long> DeleteAsync(EtcdRange range, CancellationToken cancel = default) => etcd.DeleteAsync(range, cancel);

        public Task<TxnResult> TxnAsync(EtcdTxn txn, CancellationToken cancel = default) => etcd.TxnAsync(txn, cancel);

        public Task<LeaseGrant> LeaseGrantAsync(long ttl, CancellationToken cancel = default) => etcd.LeaseGrantAsync(ttl, cancel);

        public Task<LeaseGrant> LeaseKeepAliveAsync(long lease, CancellationToken cancel = default) =>
            etcd.LeaseKeepAliveAsync(lease, cancel);

        public IAsyncEnumerable<EtcdWatchBatch> WatchAsync(
            EtcdRange range,
            long startRevision,
            TimeSpan probeInterval,
            CancellationToken cancel = default
        ) => etcd.WatchAsync(range, startRevision, probeInterval, cancel);
    }
}
