using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Twill.Testing;

namespace Twill.Cluster.Tests.Etcd;

/// <summary>Several members behind one host name: a resolver of the test's says which addresses it has.</summary>
[RequiresEtcd]
[Collection(nameof(SharedEtcd))]
public sealed class EtcdNamesTests(SharedEtcd etcd)
{
    private readonly string _key = $"{SharedEtcd.NewPrefix()}/k";
    private int _lookups;
    private IPAddress[] _addresses = [];

    [Fact]
    public async Task Each_address_of_a_name_is_tried_and_the_one_that_answered_stays_the_first()
    {
        _addresses = [IPAddress.Parse("127.0.0.9"), IPAddress.Parse("127.0.0.10"), IPAddress.Loopback];
        using EtcdClient client = Client();

        (await client.TxnAsync(new EtcdTxn().IfAbsent(_key).Then(EtcdOp.Put(_key, "v")))).Succeeded.Should().BeTrue();
        int lookups = _lookups;
        for (int i = 0; i < 20; i++)
        {
            await client.GetAsync(_key);
        }

        etcd.Server.Get(_key).Should().Be("v");
        _lookups.Should().BeLessThanOrEqualTo(lookups + 1, "while a member answers its name is not looked up");
    }

    [Fact]
    public async Task A_member_that_hangs_costs_its_share_of_the_limit_and_is_passed_over()
    {
        using Socket hanging = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        hanging.Bind(new IPEndPoint(IPAddress.Parse("127.0.0.11"), etcd.Server.Port));
        hanging.Listen(100);
        _addresses = [IPAddress.Parse("127.0.0.11"), IPAddress.Loopback];
        using EtcdClient client = Client(TimeSpan.FromSeconds(6));

        long start = Stopwatch.GetTimestamp();
        await client.PutAsync(_key, "v"u8.ToArray());
        Stopwatch.GetElapsedTime(start).Should().BeGreaterThan(TimeSpan.FromSeconds(2.9)).And.BeLessThan(TimeSpan.FromSeconds(6));
        start = Stopwatch.GetTimestamp();
        await client.GetAsync(_key);
        Stopwatch.GetElapsedTime(start).Should().BeLessThan(TimeSpan.FromSeconds(2.9));

        etcd.Server.Get(_key).Should().Be("v");
    }

    [Fact]
    public async Task When_none_answers_each_address_is_told_and_the_name_is_looked_up_anew()
    {
        _addresses = [IPAddress.Parse("127.0.0.9"), IPAddress.Parse("127.0.0.10")];
        using EtcdClient client = Client();
        Func<Task> get = () => client.GetAsync(_key);

        EtcdException e = (await get.Should().ThrowAsync<EtcdException>()).Which;

        e.Kind.Should().Be(EtcdErrorKind.Unreachable);
        e.Message.Should().Contain($"http://etcd.test:{etcd.Server.Port} (127.0.0.9)").And.Contain("(127.0.0.10)").And.Contain("refused");
        _addresses = [IPAddress.Loopback];
        await get.Should().NotThrowAsync("the member has moved");
    }

    [Fact]
    public async Task A_name_server_that_fails_does_not_undo_what_it_said_before()
    {
        using EtcdServer own = EtcdServer.Start();
        _addresses = [IPAddress.Loopback];
        using EtcdClient client = Client(port: own.Port);
        await client.PutAsync(_key, "v"u8.ToArray());
        own.Kill();
        Func<Task> get = () => client.GetAsync(_key);
        await get.Should().ThrowAsync<EtcdException>();

        _addresses = [];
        own.Start();

        await get.Should().NotThrowAsync();
    }

    [Fact]
    public async Task A_name_server_that_hangs_is_told_and_leaves_time_for_other_endpoints()
    {
        EtcdResolver hangs = (_, cancel) => Task.Delay(Timeout.Infinite, cancel).ContinueWith(_ => Array.Empty<IPAddress>(), cancel);
        using EtcdClient alone = new(new EtcdOptions(["http://etcd.test:2379"], CallTimeout: TimeSpan.FromSeconds(3)), hangs);
        using EtcdClient both = new(
            new EtcdOptions(["http://etcd.test:2379", etcd.Server.Endpoint], CallTimeout: TimeSpan.FromSeconds(6)),
            hangs
        );
        Func<Task> get = () => alone.GetAsync(_key);

        EtcdException e = (await get.Should().ThrowAsync<EtcdException>()).Which;
        await both.PutAsync(_key, "v"u8.ToArray());

        e.Kind.Should().Be(EtcdErrorKind.Unreachable);
        e.Message.Should().Contain("'etcd.test' was not resolved within");
    }

    [Fact]
    public async Task A_watch_goes_on_at_another_member_of_the_name()
    {
        using FakeEtcd wrong = FakeEtcd.Error(14, "etcdserver: no leader");
        int port = new Uri(wrong.Endpoint).Port;
        using EtcdServer right = EtcdServer.Start(new EtcdServerOptions { Address = IPAddress.Parse("127.0.0.12"), Port = port });
        _addresses = [IPAddress.Loopback, IPAddress.Parse("127.0.0.12")];
        using EtcdClient client = Client(port: port);
        LeaseStore store = new(client, "/t", "n", SharedEtcd.Clock);
        await using IAsyncEnumerator<LeaseEvent> watch = store.WatchAsync().GetAsyncEnumerator();

        (await watch.MoveNextAsync()).Should().BeTrue();

        watch.Current.Should().BeOfType<LeaseSnapshot>();
    }

    [Fact]
    public async Task Whichever_member_of_a_cluster_behind_one_name_dies_calls_go_on_within_their_limit()
    {
        _addresses = [IPAddress.Parse("127.0.0.13"), IPAddress.Parse("127.0.0.14"), IPAddress.Parse("127.0.0.15")];
        int port = LoopbackPorts.Next();
        using EtcdCluster cluster = new([.. _addresses.Select(address => new IPEndPoint(address, port))]);
        using EtcdClient client = Client(TimeSpan.FromSeconds(20), port); // longer than the others take to elect a leader

        for (int member = 0; member < _addresses.Length; member++)
        {
            cluster.Kill(member);

            await client.PutAsync(_key, Encoding.UTF8.GetBytes($"without {member}"));
            (await client.GetAsync(_key))!.Text.Should().Be($"without {member}");

            cluster.Start(member);
            cluster.WaitHealthy();
        }
    }

    private EtcdClient Client(TimeSpan? limit = null, int? port = null) =>
        new(new EtcdOptions([$"http://etcd.test:{port ?? etcd.Server.Port}"], CallTimeout: limit), (host, _) =>
        {
            host.Should().Be("etcd.test");
            Interlocked.Increment(ref _lookups);
            return Task.FromResult(_addresses);
        });
}
