using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Twill.Testing;

namespace Twill.Cluster.Tests.Etcd;

[Collection(nameof(SharedEtcd))]
[RequiresEtcd]
public sealed class EtcdFailoverTests(SharedEtcd etcd)
{
    private readonly string _key = $"{SharedEtcd.NewPrefix()}/k";

    [Fact]
    public async Task A_refused_first_endpoint_is_passed_over_also_for_writes()
    {
        using EtcdClient client = new(new EtcdOptions(["http://127.0.0.1:1", etcd.Server.Endpoint]));

        (await client.TxnAsync(new EtcdTxn().IfAbsent(_key).Then(EtcdOp.Put(_key, "v")))).Succeeded.Should().BeTrue();

        etcd.Server.Get(_key).Should().Be("v");
    }

    [Fact]
    public async Task An_endpoint_whose_name_does_not_resolve_is_passed_over()
    {
        using EtcdClient client = new(new EtcdOptions(["http://no-such-host.invalid:2379", etcd.Server.Endpoint]));

        await client.PutAsync(_key, "v"u8.ToArray());

        etcd.Server.Get(_key).Should().Be("v");
    }

    [Fact]
    public async Task A_hanging_first_endpoint_costs_its_share_of_the_limit_once_and_is_not_asked_first_again()
    {
        using FakeServer silent = FakeServer.Silent();
        using EtcdClient client = new(new EtcdOptions([silent.Endpoint, etcd.Server.Endpoint], CallTimeout: TimeSpan.FromSeconds(8)));

        long start = Stopwatch.GetTimestamp();
        await client.GetAsync(_key);
        Stopwatch.GetElapsedTime(start).Should().BeGreaterThan(TimeSpan.FromSeconds(3.9)).And.BeLessThan(TimeSpan.FromSeconds(8));
        for (int i = 0; i < 5; i++)
        {
            await client.PutAsync(_key, "v"u8.ToArray());
        }

        silent.Requests.Should().HaveCount(1);
    }

    [Fact]
    public async Task A_host_that_answers_no_connection_at_all_is_passed_over()
    {
        using Socket full = FullSocket(out string endpoint, out List<Socket> waiting);
        using EtcdClient both = new(new EtcdOptions([endpoint, etcd.Server.Endpoint], CallTimeout: TimeSpan.FromSeconds(20)));
        using EtcdClient alone = new(new EtcdOptions([endpoint], CallTimeout: TimeSpan.FromSeconds(5)));
        Func<Task> get = () => alone.GetAsync(_key);

        (await both.TxnAsync(new EtcdTxn().IfAbsent(_key).Then(EtcdOp.Put(_key, "v")))).Succeeded.Should().BeTrue();
        EtcdException e = (await get.Should().ThrowAsync<EtcdException>()).Which;

        etcd.Server.Get(_key).Should().Be("v");
        e.Kind.Should().Be(EtcdErrorKind.Unreachable);
        e.Message.Should().Contain("no connection within 2 s");
        waiting.ForEach(s => s.Dispose());
    }

    [Fact]
    public async Task A_write_without_an_answer_is_not_sent_twice()
    {
        using FakeServer silent = FakeServer.Silent();
        using EtcdClient client = new(new EtcdOptions([silent.Endpoint, etcd.Server.Endpoint], CallTimeout: TimeSpan.FromSeconds(6)));
        Func<Task> txn = () => client.TxnAsync(new EtcdTxn().IfAbsent(_key).Then(EtcdOp.Put(_key, "v")));

        EtcdException e = (await txn.Should().ThrowAsync<EtcdException>()).Which;

        (e.Kind, e.Endpoint).Should().Be((EtcdErrorKind.Timeout, silent.Endpoint));
        etcd.Server.Get(_key).Should().BeNull();
    }

    [Fact]
    public async Task What_is_connected_from_an_address_that_the_host_has_lost_is_given_up_at_once()
    {
        using FakeServer silent = FakeServer.Silent();
        using EtcdClient waiting = new(new EtcdOptions([silent.Endpoint])),
            client = etcd.NewClient();
        Task call = waiting.GetAsync(_key);
        await using IAsyncEnumerator<EtcdWatchBatch> watch = client
            .WatchAsync(EtcdRange.Of(_key), 1, TimeSpan.FromMinutes(1))
            .GetAsyncEnumerator();
        await client.PutAsync(_key, "v"u8.ToArray());
        do
        {
            (await watch.MoveNextAsync()).Should().BeTrue();
        } while (watch.Current.Events.Count == 0);
        Task next = watch.MoveNextAsync().AsTask();
        Eventually.True("the call has arrived", () => !silent.Requests.IsEmpty);

        foreach (EtcdClient one in (EtcdClient[])[waiting, client])
        {
            one.Abandon(IPAddress.Parse("192.0.2.1"));
        }

        (call.IsCompleted, next.IsCompleted).Should().Be((false, false), "they are not connected from there");
        foreach ((EtcdClient one, Task broken) in new[] { (waiting, call), (client, next) })
        {
            one.Abandon(IPAddress.Loopback);
            EtcdException e = await Assert.ThrowsAsync<EtcdException>(() => broken);
            e.Kind.Should().Be(EtcdErrorKind.Unreachable, e.ToString());
        }

        (await client.GetAsync(_key))!.Value.ToArray().Should().Equal("v"u8.ToArray(), "the next call connects anew");
    }

    [Fact]
    public async Task A_member_without_leader_is_passed_over()
    {
        using FakeEtcd lonely = FakeEtcd.Error(14, "etcdserver: no leader");
        using EtcdClient client = new(new EtcdOptions([lonely.Endpoint, etcd.Server.Endpoint]));

        (await client.TxnAsync(new EtcdTxn().IfAbsent(_key).Then(EtcdOp.Put(_key, "v"))))
            .Succeeded.Should()
            .BeTrue("it was not carried out there");
    }

    [Fact]
    public async Task When_none_can_be_used_each_is_told_with_its_reason()
    {
        using FakeEtcd garbage = FakeEtcd.Message("<html>"u8.ToArray());
        using EtcdClient client = new(new EtcdOptions(["http://127.0.0.1:1", "http://no-such-host.invalid:2379", garbage.Endpoint]));
        Func<Task> get = () => client.GetAsync(_key);

        string message = (await get.Should().ThrowAsync<EtcdException>()).Which.Message;

        message
            .Should()
            .Contain("none of 3 etcd endpoints")
            .And.Contain("http://127.0.0.1:1:")
            .And.Contain("refused")
            .And.Contain("'no-such-host.invalid' cannot be resolved")
            .And.Contain(garbage.Endpoint);
    }

    [Fact]
    public async Task A_stopped_and_restarted_server_is_used_again_by_the_same_client()
    {
        using EtcdServer own = EtcdServer.Start();
        using EtcdClient client = new(new EtcdOptions([own.Endpoint]));
        await client.PutAsync(_key, "one"u8.ToArray());
        own.Kill();
        Func<Task> get = () => client.GetAsync(_key);
        (await get.Should().ThrowAsync<EtcdException>()).Which.IsTransient.Should().BeTrue();

        own.Start();

        (await client.GetAsync(_key))!.Text.Should().Be("one");
    }

    /// <summary>A listening socket whose queue is full: the kernel drops further connection requests, as a firewall would.</summary>
    private static Socket FullSocket(out string endpoint, out List<Socket> waiting)
    {
        Socket full = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        full.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        full.Listen(1);
        waiting = [];
        for (int i = 0; i < 4; i++)
        {
            Socket one = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
            waiting.Add(one);
            try
            {
                one.Connect(full.LocalEndPoint!);
            }
            catch (SocketException)
            {
                // in progress: it stays in the queue
            }
        }
        Thread.Sleep(50);
        endpoint = $"http://{full.LocalEndPoint}";
        return full;
    }
}
