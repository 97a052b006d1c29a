using System.Globalization;
using System.Net;
using System.Text;
using Twill.Testing;

namespace Twill.Cluster.Tests.Etcd;

[Collection(nameof(SharedEtcd))]
[RequiresEtcd]
public sealed class EtcdClientTests(SharedEtcd etcd) : IDisposable
{
    private readonly EtcdClient _client = etcd.NewClient();
    private readonly string _prefix = SharedEtcd.NewPrefix();

    [Fact]
    public async Task What_is_put_is_what_etcdctl_gets_and_the_other_way_round()
    {
        string key = $"{_prefix}/a&b/\u00fc";

        long revision = await _client.PutAsync(key, "v\u00e4lue"u8.ToArray());
        etcd.Server.Get(key).Should().Be("v\u00e4lue");
        etcd.Server.Put(key, "two");
        KeyValue? found = await _client.GetAsync(key);

        found!.Text.Should().Be("two");
        (found.CreateRevision, found.ModRevision, found.Lease).Should().Be((revision, revision + 1, 0));
        (await _client.GetAsync($"{key}x")).Should().BeNull();
        _client.LocalAddress.Should().Be(IPAddress.Loopback);
        _client.LastContact.Should().BeCloseTo(DateTimeOffset.UtcNow, TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task A_prefix_holds_all_keys_that_start_with_it_and_no_other()
    {
        foreach (string name in new[] { "s", "s/", "s/1", "s/2", "s/\u00ff", "s0", "t" })
        {
            etcd.Server.Put($"{_prefix}/{name}", "x");
        }

        RangeResult found = await _client.RangeAsync(EtcdRange.Prefix($"{_prefix}/s/"));

        found.Items.Select(i => i.Key[(_prefix.Length + 1)..]).Should().Equal("s/", "s/1", "s/2", "s/\u00ff");
        (await _client.DeleteAsync(EtcdRange.Prefix($"{_prefix}/s/"))).Should().Be(4);
        etcd.Keys(_prefix).Should().Equal($"{_prefix}/s", $"{_prefix}/s0", $"{_prefix}/t");
        (await _client.DeleteAsync(EtcdRange.Prefix($"{_prefix}/s/"))).Should().Be(0);
    }

    [Fact]
    public async Task Each_condition_of_a_transaction_decides()
    {
        string key = $"{_prefix}/k";
        LeaseGrant lease = await _client.LeaseGrantAsync(60);
        (await Txn(t => t.IfAbsent(key), lease.Id)).Should().BeTrue();
        KeyValue now = (await _client.GetAsync(key))!;
        now.Lease.Should().Be(lease.Id);

        (await Txn(t => t.IfAbsent(key))).Should().BeFalse();
        (await Txn(t => t.IfPrefixAbsent(key[..^1]))).Should().BeFalse();
        (await Txn(t => t.IfModRevision(key, now.ModRevision - 1))).Should().BeFalse();
        (await Txn(t => t.IfLease(key, 0))).Should().BeFalse();
        etcd.Server.Etcdctl("get", key, "-w", "json").Should().Contain("\"version\":1");

        (
            await Txn(t =>
                t.IfPrefixAbsent($"{key}/x").IfModRevision($"{key}/x", 0).IfModRevision(key, now.ModRevision).IfLease(key, lease.Id)
            )
        )
            .Should()
            .BeTrue();
        (await Txn(t => t.IfLease(key, 0))).Should().BeTrue("it was written without a lease");

        Task<bool> Txn(Action<EtcdTxn> conditions, long by = 0) => Run(conditions, EtcdOp.Put(key, "v", by));
    }

    [Fact]
    public async Task A_transaction_reads_several_ranges_at_one_revision()
    {
        etcd.Server.Put($"{_prefix}/a/1", "one");
        etcd.Server.Put($"{_prefix}/b/1", "two");

        TxnResult result = await _client.TxnAsync(
            new EtcdTxn()
                .Then(EtcdOp.Get(EtcdRange.Prefix($"{_prefix}/a/")))
                .Then(EtcdOp.Get(EtcdRange.Prefix($"{_prefix}/c/")))
                .Then(EtcdOp.Get(EtcdRange.Of($"{_prefix}/b/1"), keysOnly: true))
        );

        result.Ranges.Should().HaveCount(3);
        result.Ranges[0].Items.Single().Text.Should().Be("one");
        result.Ranges[1].Items.Should().BeEmpty();
        result.Ranges[2].Items.Single().Value.Length.Should().Be(0);
        result.Ranges.Should().OnlyContain(r => r.Revision == result.Revision);
    }

    [Fact]
    public async Task A_lease_lives_by_keep_alives_and_takes_its_keys_with_it()
    {
        LeaseGrant lease = await _client.LeaseGrantAsync(60);
        etcd.Server.Etcdctl("lease", "list").Should().Contain(lease.Id.ToString("x", CultureInfo.InvariantCulture));
        await _client.PutAsync($"{_prefix}/k", Encoding.UTF8.GetBytes("v"), lease.Id);

        (await _client.LeaseKeepAliveAsync(lease.Id)).Should().Be(new LeaseGrant(lease.Id, 60));
        (await _client.LeaseRevokeAsync(lease.Id)).Should().BeTrue();

        etcd.Server.Get($"{_prefix}/k").Should().BeNull();
        (await _client.LeaseKeepAliveAsync(lease.Id)).Ttl.Should().Be(0);
        (await _client.LeaseRevokeAsync(lease.Id)).Should().BeFalse();
        Func<Task> put = () => _client.PutAsync($"{_prefix}/k", default, lease.Id);
        (await put.Should().ThrowAsync<EtcdException>()).Which.Kind.Should().Be(EtcdErrorKind.LeaseNotFound);
    }

    [Fact]
    public async Task A_refusal_is_told_in_etcds_words_with_the_endpoint()
    {
        Func<Task> put = () => _client.PutAsync("", default);

        EtcdException e = (await put.Should().ThrowAsync<EtcdException>()).Which;

        (e.Kind, e.IsTransient, e.Endpoint).Should().Be((EtcdErrorKind.Refused, false, etcd.Server.Endpoint));
        e.Message.Should().Contain("etcd put").And.Contain(etcd.Server.Endpoint).And.Contain("key is not provided");
    }

    [Fact]
    public async Task A_full_database_is_told_with_what_to_do()
    {
        using EtcdServer small = EtcdServer.Start(new EtcdServerOptions { Arguments = ["--quota-backend-bytes", "1000000"] });
        using EtcdClient client = new(new EtcdOptions([small.Endpoint]));
        Func<Task> fill = async () =>
        {
            for (int i = 0; i < 200; i++)
            {
                await client.PutAsync($"/fill/{i}", new byte[100_000]);
            }
        };

        EtcdException e = (await fill.Should().ThrowAsync<EtcdException>()).Which;

        e.Kind.Should().Be(EtcdErrorKind.NoSpace);
        e.Message.Should().Contain("alarm disarm");
    }

    [Fact]
    public async Task A_watch_from_a_revision_that_etcd_has_not_reached_ends()
    {
        long revision = (await _client.RangeAsync(EtcdRange.Prefix(_prefix))).Revision;
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(20));
        Func<Task> watch = async () =>
        {
            await foreach (
                EtcdWatchBatch batch in _client.WatchAsync(
                    EtcdRange.Prefix(_prefix),
                    revision + 1000,
                    TimeSpan.FromMilliseconds(200),
                    limit.Token
                )
            )
            {
                batch.Events.Should().BeEmpty();
            }
        };

        EtcdException e = (await watch.Should().ThrowAsync<EtcdException>()).Which;

        (e.Kind, e.IsTransient).Should().Be((EtcdErrorKind.Unreachable, true));
        e.Message.Should().Contain("set back").And.Contain(etcd.Server.Endpoint);
    }

    [Fact]
    public async Task The_callers_own_cancellation_stays_a_cancellation()
    {
        using CancellationTokenSource cancelled = new();
        await cancelled.CancelAsync();

        Func<Task> get = () => _client.GetAsync("k", cancelled.Token);

        await get.Should().ThrowAsync<OperationCanceledException>();
    }

    public void Dispose() => _client.Dispose();

    private async Task<bool> Run(Action<EtcdTxn> conditions, EtcdOp then)
    {
        EtcdTxn txn = new();
        conditions(txn);
        return (await _client.TxnAsync(txn.Then(then))).Succeeded;
    }
}
