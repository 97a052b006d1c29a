using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using System.Threading.Channels;
using Etcdserverpb;
using Google.Protobuf;
using Twill.Cluster.Tests.Etcd;
using Twill.Testing;

namespace Twill.Cluster.Tests.Leases;

/// <summary>A watch under all that may happen to etcd. Each test starts its own.</summary>
[RequiresEtcd]
public sealed class WatchTests : IDisposable
{
    private const string Prefix = "/twill/net";
    private readonly EtcdServer _etcd = EtcdServer.Start(
        new EtcdServerOptions { Arguments = ["--experimental-watch-progress-notify-interval", "1s"] }
    );
    private readonly CancellationTokenSource _end = new(TimeSpan.FromSeconds(60));

    [Fact]
    public async Task It_tells_a_snapshot_then_each_change_within_a_fraction_of_a_second()
    {
        Put(1);
        _etcd.Put($"{Prefix}/subnets/nonsense", "x");
        _etcd.Put($"{Prefix}/subnets2/10.244.99.0-24", "not under the prefix");
        using Watcher watcher = Watch();
        LeaseSnapshot first = await watcher.Next<LeaseSnapshot>();
        first
            .Leases.Should()
            .ContainSingle()
            .Which.Should()
            .Match<NodeLease>(l =>
                l.Subnet.ToString() == "10.244.1.0/24" && l.Attributes.PublicIP.ToString() == "192.0.2.1" && l.LeaseId == 0
            );
        first.Unreadable.Should().ContainSingle().Which.Key.Should().Be($"{Prefix}/subnets/nonsense");

        TimeSpan best = TimeSpan.MaxValue;
        for (int i = 0; i < 5 && best > TimeSpan.FromSeconds(1); i++) // again if the machine was slow
        {
            long start = Stopwatch.GetTimestamp();
            Put(2);
            (await watcher.Next<LeaseChanged>()).Lease.Subnet.Should().Be(IPNetwork.Parse("10.244.2.0/24"));
            best = Stopwatch.GetElapsedTime(start) < best ? Stopwatch.GetElapsedTime(start) : best;
        }
        best.Should().BeLessThan(TimeSpan.FromSeconds(1));

        Put(2, host: 22);
        (await watcher.Next<LeaseChanged>()).Lease.Attributes.PublicIP.Should().Be(IPAddress.Parse("192.0.2.22"));
        _etcd.Etcdctl("del", Key(1));
        (await watcher.Next<LeaseRemoved>()).Key.Should().Be(Key(1));
        _etcd.Put(Key(2), "garbage");
        LeaseRemoved spoilt = await watcher.Next<LeaseRemoved>();
        spoilt.Key.Should().Be(Key(2));
        spoilt.Unreadable!.Reason.Should().NotBeEmpty();
        _etcd.Put(
            $"{Prefix}/subnets/10.244.3.0-24&fc00:1:2::-64",
            """{"PublicIP":"192.0.2.3","PublicIPv6":"fd00::3","BackendType":"vxlan"}"""
        );
        (await watcher.Next<LeaseChanged>()).Lease.SubnetV6.Should().Be(IPNetwork.Parse("fc00:1:2::/64"));
    }

    [Fact]
    public async Task A_lease_that_runs_out_is_told_as_removed()
    {
        using Watcher watcher = Watch();
        await watcher.Next<LeaseSnapshot>();
        string lease = _etcd.Etcdctl("lease", "grant", "600").Split(' ')[1];
        _etcd.Etcdctl("put", Key(4), Value(4), "--lease", lease);
        (await watcher.Next<LeaseChanged>())
            .Lease.LeaseId.Should()
            .Be(long.Parse(lease, NumberStyles.HexNumber, CultureInfo.InvariantCulture));

        _etcd.Etcdctl("lease", "revoke", lease);

        (await watcher.Next<LeaseRemoved>()).Key.Should().Be(Key(4));
    }

    [Fact]
    public async Task Two_hundred_changes_at_once_are_all_told()
    {
        using Watcher watcher = Watch();
        await watcher.Next<LeaseSnapshot>();
        using EtcdClient client = new(new EtcdOptions([_etcd.Endpoint]));

        await Task.WhenAll(Enumerable.Range(0, 200).Select(n => client.PutAsync(Key(n), SharedEtcd.Host(n).ToJson())));

        HashSet<string> told = [];
        while (told.Count < 200)
        {
            told.Add((await watcher.Next<LeaseChanged>()).Lease.Key);
        }

        told.Should().BeEquivalentTo(Enumerable.Range(0, 200).Select(Key));
    }

    [Fact]
    public async Task After_a_restart_it_goes_on_where_it_was_and_misses_nothing()
    {
        Put(1);
        Put(2);
        using Watcher watcher = Watch();
        await watcher.Next<LeaseSnapshot>();

        for (int time = 0; time < 2; time++)
        {
            _etcd.Kill();
            (await watcher.Next<WatchInterrupted>()).Error.IsTransient.Should().BeTrue();
            _etcd.Start();
            _etcd.Etcdctl("del", Key(1 + time)); // the second time the newest change that the watch has seen
            Put(3 + time);
            await watcher.Next<WatchResumed>();
            await watcher.Until([.. Enumerable.Range(2 + time, 2).Select(Key)]);
        }

        Put(5);
        await watcher.Until(Key(3), Key(4), Key(5));
        watcher.Snapshots.Should().Be(1, "what changed is all that is told");
    }

    [Fact]
    public async Task Another_history_under_the_same_key_and_revision_is_listed_anew()
    {
        using EtcdServer other = EtcdServer.Start();
        Put(1);
        other.Put(Key(1), Value(7));
        other.Put("/other", "so that its revision is not behind");
        using Watcher watcher = Watch([_etcd.Endpoint, other.Endpoint]);
        await watcher.Next<LeaseSnapshot>();

        _etcd.Kill();

        LeaseSnapshot after = await watcher.Next<LeaseSnapshot>();
        after.IsAfterGap.Should().BeTrue();
        after.Leases.Should().ContainSingle().Which.Attributes.PublicIP.Should().Be(IPAddress.Parse("192.0.2.7"));
    }

    [Fact]
    public async Task Compaction_while_it_is_away_leads_to_a_new_list()
    {
        Put(1);
        using Watcher watcher = Watch();
        await watcher.Next<LeaseSnapshot>();
        _etcd.Kill();
        _etcd.Start();
        _etcd.Etcdctl("del", Key(1));
        Put(2);
        _etcd.Compact();

        await watcher.Until(Key(2));
    }

    [Fact]
    public async Task A_watch_that_seemed_to_go_on_says_that_it_does_not_until_all_is_listed()
    {
        Put(1);
        using Watcher watcher = Watch();
        await watcher.Next<LeaseSnapshot>();
        _etcd.Put("/other", "so that the key's change is history");
        _etcd.Put("/other", "of which nothing is left");
        _etcd.Compact();

        _etcd.Kill();
        await watcher.Next<WatchInterrupted>();
        _etcd.Start();

        await watcher.Next<WatchResumed>();
        (await watcher.Next<WatchInterrupted>()).Error.Kind.Should().Be(EtcdErrorKind.Compacted);
        (await watcher.Next<LeaseSnapshot>()).Leases.Should().ContainSingle();
    }

    [Fact]
    public async Task A_watch_from_a_compacted_revision_ends_with_that_reason()
    {
        Put(1);
        Put(1);
        Put(1);
        _etcd.Compact();
        using EtcdClient client = new(new EtcdOptions([_etcd.Endpoint]));
        Func<Task> watch = async () =>
        {
            await foreach (EtcdWatchBatch batch in client.WatchAsync(EtcdRange.Prefix(Prefix), 2, TimeSpan.FromSeconds(5)))
            {
                batch.Events.Should().BeEmpty();
            }
        };

        EtcdException e = (await watch.Should().ThrowAsync<EtcdException>()).Which;

        (e.Kind, e.IsTransient).Should().Be((EtcdErrorKind.Compacted, true));
    }

    [Fact]
    public async Task A_frozen_server_is_noticed_although_its_connection_stands()
    {
        Put(1);
        using Watcher watcher = Watch();
        await watcher.Next<LeaseSnapshot>();
        long start = Stopwatch.GetTimestamp();

        _etcd.Pause();
        EtcdException e = (await watcher.Next<WatchInterrupted>()).Error;
        Stopwatch.GetElapsedTime(start).Should().BeLessThan(TimeSpan.FromSeconds(20));
        (e.Kind, e.Endpoint).Should().Be((EtcdErrorKind.Timeout, _etcd.Endpoint));
        _etcd.Resume();
        Put(2);

        await watcher.Until(Key(1), Key(2));
    }

    [Fact]
    public async Task A_silent_member_is_left_for_another_endpoint()
    {
        using FakeEtcd silent = FakeMember();
        Put(1);
        using Watcher watcher = Watch([silent.Endpoint, _etcd.Endpoint]);
        (await watcher.Next<LeaseSnapshot>()).Leases.Should().BeEmpty("the first endpoint knows of none");

        await watcher.Next<WatchInterrupted>();

        (await watcher.Next<LeaseSnapshot>()).Leases.Should().ContainSingle();
    }

    [Fact]
    public async Task Everything_is_listed_again_from_time_to_time_although_the_watch_runs()
    {
        using Watcher watcher = Watch(relist: TimeSpan.FromMilliseconds(600));

        await watcher.Next<LeaseSnapshot>();
        await watcher.Next<LeaseSnapshot>();
        await watcher.Next<LeaseSnapshot>();
    }

    [Fact]
    public async Task It_begins_before_etcd_is_there()
    {
        _etcd.Stop();
        using Watcher watcher = Watch();
        (await watcher.Next<WatchInterrupted>()).Error.Kind.Should().Be(EtcdErrorKind.Unreachable);

        _etcd.Start();

        await watcher.Next<LeaseSnapshot>();
    }

    public void Dispose()
    {
        _etcd.Dispose();
        _end.Dispose();
    }

    private static string Key(int n) => $"{Prefix}/subnets/10.244.{n}.0-24";

    private static string Value(int host) => Encoding.UTF8.GetString(SharedEtcd.Host(host).ToJson());

    private void Put(int n, int? host = null) => _etcd.Put(Key(n), Value(host ?? n));

    private Watcher Watch(string[]? endpoints = null, TimeSpan? relist = null) =>
        new(endpoints ?? [_etcd.Endpoint], relist ?? TimeSpan.FromMinutes(10), _end.Token);

    /// <summary>A member that lists, opens a watch, and then answers nothing any more.</summary>
    private static FakeEtcd FakeMember()
    {
        int requests = 0;
        ResponseHeader header = new() { Revision = 1 };
        return FakeEtcd.By(async call =>
        {
            if (Interlocked.Increment(ref requests) > 2)
            {
                await Task.Delay(Timeout.Infinite, call.Cancelled);
            }

            if (call.Method == "Watch")
            {
                await call.SendAsync(FakeCall.Framed(new WatchResponse { Header = header, Created = true }.ToByteArray()));
                await Task.Delay(Timeout.Infinite, call.Cancelled);
            }

            await call.AnswerAsync(new RangeResponse { Header = header });
        });
    }

    /// <summary>Runs a watch and queues what it tells.</summary>
    private sealed class Watcher : IDisposable
    {
        private readonly Channel<LeaseEvent> _events = Channel.CreateUnbounded<LeaseEvent>();
        private readonly CancellationTokenSource _stop;
        private readonly Dictionary<string, NodeLease> _leases = [];
        private readonly EtcdClient _client;

        public Watcher(string[] endpoints, TimeSpan relist, CancellationToken end)
        {
            _stop = CancellationTokenSource.CreateLinkedTokenSource(end);
            _client = new EtcdClient(new EtcdOptions(endpoints, CallTimeout: TimeSpan.FromSeconds(5)));
            LeaseStore store = new(_client, Prefix, "watcher", SharedEtcd.Clock)
            {
                WatchProbeInterval = TimeSpan.FromMilliseconds(500),
                WatchRelistInterval = relist,
            };
            _ = Run(store);
        }

        /// <summary>How many snapshots were told.</summary>
        public int Snapshots { get; private set; }

        /// <summary>The next event, which has to be of this kind; interruptions in a row count as one.</summary>
        public async Task<T> Next<T>()
            where T : LeaseEvent
        {
            LeaseEvent told;
            do
            {
                told = await Read();
            } while (told is WatchInterrupted && typeof(T) != typeof(WatchInterrupted));
            return told.Should().BeOfType<T>().Subject;
        }

        /// <summary>Reads on until exactly these keys are there by what was told.</summary>
        public async Task Until(params string[] keys)
        {
            while (!_leases.Keys.ToHashSet().SetEquals(keys))
            {
                await Read();
            }
        }

        public void Dispose()
        {
            _stop.Cancel();
            _client.Dispose();
            _stop.Dispose();
        }

        private async Task<LeaseEvent> Read()
        {
            LeaseEvent told = await _events.Reader.ReadAsync(_stop.Token).AsTask().WaitAsync(TimeSpan.FromSeconds(20));
            told.ApplyTo(_leases);
            Snapshots += told is LeaseSnapshot ? 1 : 0;
            return told;
        }

        private async Task Run(LeaseStore store)
        {
            try
            {
                await foreach (LeaseEvent e in store.WatchAsync(_stop.Token))
                {
                    await _events.Writer.WriteAsync(e);
                }
            }
            catch (Exception e)
            {
                _events.Writer.Complete(e);
            }
        }
    }
}
