using System.Diagnostics;
using System.Net;
using System.Text;
using Etcdserverpb;
using Grpc.Net.Client;
using Twill.Testing;

namespace Twill.Cluster.Tests.Leases;

/// <summary>What becomes of leases and watches when real etcd processes fail, fill up or are set back.</summary>
[RequiresEtcd]
public sealed class EtcdFaultTests
{
    private const string Prefix = "/twill/net";
    private static readonly TimeSpan s_callLimit = TimeSpan.FromSeconds(3);

    [Fact]
    public async Task When_the_leader_dies_leases_live_on_and_watches_miss_nothing()
    {
        using EtcdCluster cluster = new(3);
        using EtcdClient client = Client(cluster),
            observer = Client(cluster);
        LeaseStore node = Store(client, 1);
        HeldLease held = await node.AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(1), 30);
        await using Observed watch = new(Store(observer, 9));
        await watch.Until(held.Prefixes);

        cluster.Kill(cluster.Leader);
        RenewResult renewed = await Eventually(() => node.RenewAsync(held, SharedEtcd.Host(1)));
        HeldLease second = await Eventually(() => Store(client, 2).AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(2), 30));

        renewed.Held.LeaseId.Should().Be(held.LeaseId, "the new leader goes on with the lease");
        (renewed.Lost.Count, renewed.Restored.Count).Should().Be((0, 0));
        renewed.Held.Deadline.Should().BeGreaterThan(held.Deadline);
        await watch.Until([.. held.Prefixes, .. second.Prefixes]);
    }

    [Fact]
    public async Task A_member_that_is_gone_costs_nobody_a_lease_and_without_a_quorum_the_deadline_stands()
    {
        using EtcdCluster cluster = new(3);
        int gone = (cluster.Leader + 1) % 3;
        cluster.Kill(gone);
        string[] endpoints = [cluster.Endpoints[gone], .. cluster.Endpoints.Where((_, i) => i != gone)];
        using EtcdClient client = new(new EtcdOptions(endpoints, CallTimeout: s_callLimit));
        LeaseStore node = Store(client, 1);
        HeldLease held = await node.AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(1), 30);
        held = (await node.RenewAsync(held, SharedEtcd.Host(1))).Held;
        int left = cluster.Leader;

        cluster.Kill(left);
        long start = Stopwatch.GetTimestamp();
        Func<Task> renew = () => node.RenewAsync(held, SharedEtcd.Host(1));
        EtcdException e = (await renew.Should().ThrowAsync<EtcdException>()).Which;

        e.IsTransient.Should().BeTrue();
        e.Message.Should().Contain(endpoints[0]).And.Contain(cluster.Endpoints[left]);
        Stopwatch.GetElapsedTime(start).Should().BeLessThan(s_callLimit * 3);
        cluster.Start(gone);
        cluster.Start(left);
        RenewResult renewed = await Eventually(() => node.RenewAsync(held, SharedEtcd.Host(1)));
        renewed.Held.Subnets.Should().Equal(held.Subnets);
        renewed.Lost.Should().BeEmpty();
        cluster.Etcdctl("get", "--prefix", "--keys-only", $"{Prefix}/subnets/").Should().Contain(node.Keys.Subnet(held.Subnets[0]));
    }

    [Fact]
    public async Task After_a_restore_from_a_backup_who_was_forgotten_gets_its_subnet_back_or_hears_that_it_is_lost()
    {
        using EtcdCluster cluster = new(1);
        using EtcdClient client = Client(cluster),
            observer = Client(cluster);
        HeldLease old = await Store(client, 1).AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(1), 60);
        string backup = cluster.Backup();
        HeldLease second = await Store(client, 2).AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(2), 60);
        HeldLease third = await Store(client, 3).AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(3), 60);
        await using Observed watch = new(Store(observer, 9));
        await watch.Until([.. old.Prefixes, .. second.Prefixes, .. third.Prefixes]);

        cluster.Restore(backup);
        await watch.Until(old.Prefixes);
        RenewResult first = await Eventually(() => Store(client, 1).RenewAsync(old, SharedEtcd.Host(1)));
        RenewResult again = await Store(client, 2).RenewAsync(second, SharedEtcd.Host(2));
        // Of the third nothing is remembered: somebody else may take its subnet before it comes to renew.
        string taken = Store(client, 3).Keys.Subnet(third.Subnets[0]);
        cluster.Etcdctl("put", taken, Encoding.UTF8.GetString(SharedEtcd.Host(4).ToJson()));
        RenewResult late = await Store(client, 3).RenewAsync(third, SharedEtcd.Host(3));

        (first.Held.LeaseId, first.Lost.Count, first.Restored.Count).Should().Be((old.LeaseId, 0, 0));
        again.Restored.Should().Equal(second.Subnets);
        late.Lost.Should().Equal(third.Subnets);
        cluster.Etcdctl("get", "--print-value-only", taken).Should().Contain("192.0.2.4");
        await watch.Until([.. old.Prefixes, .. second.Prefixes, .. third.Prefixes]);
    }

    [Fact]
    public async Task A_restored_etcd_whose_revision_has_overtaken_is_known_by_its_history()
    {
        using EtcdCluster cluster = new(1);
        using EtcdClient client = Client(cluster),
            observer = Client(cluster);
        HeldLease old = await Store(client, 1).AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(1), 60);
        string backup = cluster.Backup();
        LeaseStore second = Store(client, 2);
        HeldLease forgotten = await second.AcquireAsync(TestNode.Sixteen, SharedEtcd.Host(2), 60);
        await using IAsyncEnumerator<LeaseEvent> watch = Store(observer, 9).WatchAsync().GetAsyncEnumerator();
        await Next<LeaseSnapshot>(watch);

        cluster.Restore(backup);
        await Next<WatchInterrupted>(watch); // nothing is listed again before the next event is asked for
        for (int n = 0; n < 30; n++)
        {
            cluster.Etcdctl("put", "/other", "later");
        }

        LeaseSnapshot after = await Next<LeaseSnapshot>(watch);

        after.IsSetBack.Should().BeFalse("the revision is higher than it was");
        after.Leases.Should().ContainSingle().Which.Subnet.Should().Be(old.Subnets[0].Subnet);
        after.MayHaveForgotten(second.Keys.Subnet(forgotten.Subnets[0]), forgotten.LeaseId).Should().BeTrue();
    }

    [Fact]
    public async Task What_was_given_up_while_a_watch_was_broken_is_told_when_it_goes_on()
    {
        using EtcdServer etcd = EtcdServer.Start();
        using TestNode stays = new(etcd, Prefix, 1),
            leaves = new(etcd, Prefix, 2);
        HeldLease held = await stays.Acquire();
        HeldLease given = await leaves.Acquire();
        string key = leaves.Store.Keys.Subnet(given.Subnets[0]);
        using EtcdClient observer = new(new EtcdOptions([etcd.Endpoint]));
        await using IAsyncEnumerator<LeaseEvent> watch = Store(observer, 9).WatchAsync().GetAsyncEnumerator();
        await Next<LeaseSnapshot>(watch);
        Task interrupted = Next<WatchInterrupted>(watch); // begins the watch
        await stays.Store.RepublishAsync(held, SharedEtcd.Host(3));

        etcd.Stop();
        await interrupted;
        etcd.Start();
        await Eventually(async () =>
        {
            await leaves.Store.ReleaseAsync(given);
            return true;
        });
        (await Next<LeaseRemoved>(watch)).Key.Should().Be(key, "it is told as what it is, and not as missing from a list");
    }

    [Fact]
    public async Task A_full_etcd_keeps_the_leases_there_are_and_gives_no_new_ones()
    {
        using EtcdServer etcd = EtcdServer.Start();
        using TestNode node = new(etcd, Prefix, 1),
            comer = new(etcd, Prefix, 2);
        HeldLease held = await node.Acquire();
        await Alarm(etcd, "Activate");

        RenewResult renewed = await node.Renew(held);
        Func<Task> acquire = () => comer.Acquire();
        EtcdException e = (await acquire.Should().ThrowAsync<EtcdException>()).Which;

        renewed.Held.Subnets.Should().Equal(held.Subnets);
        renewed.Held.Deadline.Should().BeGreaterThan(held.Deadline);
        e.Kind.Should().Be(EtcdErrorKind.NoSpace);
        e.Message.Should().Contain("etcdctl alarm disarm");
        etcd.Etcdctl("alarm", "disarm");
        (await comer.Acquire()).Subnets.Should().ContainSingle();
    }

    [Fact]
    public async Task Compaction_under_a_running_watch_is_not_noticed()
    {
        using EtcdServer etcd = EtcdServer.Start();
        using EtcdClient client = new(new EtcdOptions([etcd.Endpoint]));
        await using Observed watch = new(Store(client, 9));
        await watch.Until(() => watch.Snapshots == 1, "what there is");
        etcd.Put($"{Prefix}/subnets/10.244.20.0-24", Encoding.UTF8.GetString(SharedEtcd.Host(20).ToJson()));
        await watch.Until([IPNetwork.Parse("10.244.20.0/24")]); // the watch stands

        for (int n = 0; n < 20; n++)
        {
            etcd.Put($"{Prefix}/subnets/10.244.{n}.0-24", Encoding.UTF8.GetString(SharedEtcd.Host(n).ToJson()));
            etcd.Compact();
        }

        await watch.Until([.. Enumerable.Range(0, 21).Select(n => IPNetwork.Parse($"10.244.{n}.0/24"))]);

        watch.Interruptions.Should().Be(0);
        watch.Snapshots.Should().Be(1);
    }

    private static async Task<T> Next<T>(IAsyncEnumerator<LeaseEvent> watch)
        where T : LeaseEvent
    {
        while (await watch.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(60)))
        {
            if (watch.Current is T wanted)
            {
                return wanted;
            }
        }

        throw new InvalidOperationException("the watch has ended");
    }

    private static EtcdClient Client(EtcdCluster cluster) => new(new EtcdOptions(cluster.Endpoints, CallTimeout: s_callLimit));

    private static LeaseStore Store(EtcdClient client, int node) =>
        new(client, Prefix, $"node-{node}", SharedEtcd.Clock) { WatchProbeInterval = TimeSpan.FromMilliseconds(500) };

    private static async Task Alarm(EtcdServer etcd, string action)
    {
        using GrpcChannel channel = GrpcChannel.ForAddress(etcd.Endpoint);
        await new Maintenance.MaintenanceClient(channel).AlarmAsync(
            new AlarmRequest { Action = Enum.Parse<AlarmRequest.Types.AlarmAction>(action), Alarm = AlarmType.Nospace }
        );
        etcd.Etcdctl("alarm", "list").Should().Contain("NOSPACE");
    }

    /// <summary>Tries again so long as etcd is only not there for the moment.</summary>
    private static async Task<T> Eventually<T>(Func<Task<T>> call)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                return await call();
            }
            catch (EtcdException e) when (e.IsTransient && Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(20))
            {
                await Task.Delay(100);
            }
        }
    }

    /// <summary>What a watch has told so far.</summary>
    private sealed class Observed : IAsyncDisposable
    {
        private readonly Dictionary<string, NodeLease> _leases = [];
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _watching;

        public Observed(LeaseStore store) => _watching = Watch(store);

        public int Interruptions { get; private set; }

        public int Snapshots { get; private set; }

        /// <summary>Waits until exactly these subnets are leased by what was told.</summary>
        public Task Until(IReadOnlyList<IPNetwork> subnets) =>
            Until(() => _leases.Values.Select(l => l.Subnet).ToHashSet().SetEquals(subnets), string.Join(", ", subnets));

        /// <summary>Waits until this is so, looking at nothing that is just being told.</summary>
        public async Task Until(Func<bool> isSo, string what)
        {
            long start = Stopwatch.GetTimestamp();
            while (true)
            {
                bool isLastLook = Stopwatch.GetElapsedTime(start) > TimeSpan.FromSeconds(20);
                lock (_leases)
                {
                    if (isSo())
                    {
                        return;
                    }
                }
                if (isLastLook)
                {
                    throw new TimeoutException($"the watch does not tell of {what}");
                }

                await Task.Delay(20);
            }
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await ((Task)_watching).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _stop.Dispose();
        }

        private async Task Watch(LeaseStore store)
        {
            await foreach (LeaseEvent told in store.WatchAsync(_stop.Token))
            {
                lock (_leases)
                {
                    told.ApplyTo(_leases);
                    if (told is LeaseSnapshot)
                    {
                        Snapshots++;
                    }

                    if (told is WatchInterrupted)
                    {
                        Interruptions++;
                    }
                }
            }
        }
    }
}
