using System.Net;
using Twill.Cluster.Tests.Leases;
using Twill.Testing;

namespace Twill.Cluster.Tests.Etcd;

/// <summary>etcd with authentication on: users root and tw (readwrite on /tw/), tokens that live three seconds.</summary>
[RequiresEtcd]
public sealed class EtcdAuthTests : IDisposable
{
    private const string Password = "p\u00e4ss word!";
    private readonly TempDir _dir = TempDir.Create();
    private readonly EtcdServer _etcd = EtcdServer.Start(
        new EtcdServerOptions
        {
            RootPassword = "root-secret",
            TokenTtl = 3,
            Arguments = ["--bcrypt-cost", "4"],
        }
    );
    private readonly string _passwordFile;

    public EtcdAuthTests()
    {
        _etcd.Etcdctl("role", "add", "tw");
        _etcd.Etcdctl("role", "grant-permission", "tw", "readwrite", "--prefix", "/tw/");
        _etcd.Etcdctl("user", "add", $"tw:{Password}");
        _etcd.Etcdctl("user", "grant-role", "tw", "tw");
        _passwordFile = _dir.Write("password", $"{Password}\n");
    }

    private EtcdOptions Options => new([_etcd.Endpoint], Username: "tw", PasswordFile: _passwordFile);

    [Fact]
    public async Task Without_a_user_the_error_says_what_to_set()
    {
        EtcdException e = await Failure(new EtcdOptions([_etcd.Endpoint]));

        (e.Kind, e.IsTransient).Should().Be((EtcdErrorKind.Unauthorized, false));
        e.Message.Should().Contain("set username and passwordFile");
    }

    [Fact]
    public async Task A_wrong_password_is_told_with_user_and_without_password()
    {
        string wrong = _dir.Write("wrong", "wrong-secret");

        EtcdException e = await Failure(Options with { PasswordFile = wrong });

        e.Kind.Should().Be(EtcdErrorKind.Unauthorized);
        e.Message.Should().Contain("'tw'").And.Contain("passwordFile").And.NotContain("wrong-secret");
        e.ToString().Should().NotContain("wrong-secret");
    }

    [Fact]
    public async Task What_the_user_may_not_do_is_denied()
    {
        using EtcdClient client = new(Options);
        Func<Task> put = () => client.PutAsync("/other", default);

        EtcdException e = (await put.Should().ThrowAsync<EtcdException>()).Which;

        (e.Kind, e.IsTransient).Should().Be((EtcdErrorKind.Denied, false));
        e.Message.Should().Contain("readwrite");
    }

    [Fact]
    public async Task Rights_on_the_prefix_alone_are_enough_to_lease_renew_watch_and_release()
    {
        using EtcdClient client = new(Options);
        LeaseStore store = new(client, "/tw/net", "node-1", SharedEtcd.Clock);
        LeaseAttributes host = SharedEtcd.Host(1);
        await store.EnsureConfigAsync(TestNode.Sixteen);
        HeldLease held = await store.AcquireAsync(TestNode.Sixteen, host, 60);
        _etcd.Get(store.Keys.Subnet(held.Subnets[0])).Should().Contain("192.0.2.1");
        await using IAsyncEnumerator<LeaseEvent> watch = store.WatchAsync().GetAsyncEnumerator();
        (await watch.MoveNextAsync()).Should().BeTrue();
        ((LeaseSnapshot)watch.Current).Leases.Should().ContainSingle();

        (await store.RenewAsync(held, host)).Lost.Should().BeEmpty();
        await store.ReleaseAsync(held);

        (await watch.MoveNextAsync()).Should().BeTrue();
        watch.Current.Should().BeOfType<LeaseRemoved>();
        _etcd.List("/tw/net/").Keys.Should().Equal("/tw/net/config");
    }

    [Fact]
    public async Task An_expired_token_is_renewed_for_calls_and_under_a_running_watch()
    {
        using EtcdClient client = new(Options);
        LeaseStore store = new(client, "/tw/net", "node-1", SharedEtcd.Clock) { WatchProbeInterval = TimeSpan.FromMilliseconds(500) };
        await using IAsyncEnumerator<LeaseEvent> watch = store.WatchAsync().GetAsyncEnumerator();
        await watch.MoveNextAsync();
        Task<bool> next = watch.MoveNextAsync().AsTask();

        await Task.Delay(TimeSpan.FromSeconds(2));
        // A member that starts again knows none of its tokens: the probes of the watch and the calls are refused and log in again.
        _etcd.Restart();
        await client.PutAsync("/tw/net/subnets/10.244.7.0-24", SharedEtcd.Host(7).ToJson());

        List<LeaseEvent> told = [];
        while (!told.Exists(e => e is LeaseSnapshot { Leases.Count: 1 } or LeaseChanged))
        {
            (await next.WaitAsync(TimeSpan.FromSeconds(10))).Should().BeTrue();
            told.Add(watch.Current);
            next = watch.MoveNextAsync().AsTask();
        }
        await Task.Delay(TimeSpan.FromSeconds(4)); // longer than a token lives
        await client.PutAsync("/tw/net/subnets/10.244.8.0-24", SharedEtcd.Host(8).ToJson());
        (await next.WaitAsync(TimeSpan.FromSeconds(10))).Should().BeTrue();
        watch.Current.Should().BeOfType<LeaseChanged>().Which.Lease.Attributes.PublicIP.Should().Be(IPAddress.Parse("192.0.2.8"));
    }

    [Fact]
    public async Task A_changed_password_is_read_from_the_file_when_the_token_runs_out()
    {
        using EtcdClient client = new(Options);
        await client.GetAsync("/tw/x");
        _etcd.Etcdctl("user", "delete", "tw");
        _etcd.Etcdctl("user", "add", "tw:another");
        _etcd.Etcdctl("user", "grant-role", "tw", "tw");
        File.WriteAllText(_passwordFile, "another");

        Func<Task> get = () => client.GetAsync("/tw/x");

        await get.Should().NotThrowAsync();
    }

    [Fact]
    public async Task A_user_is_no_obstacle_where_authentication_is_off_and_is_used_once_it_is_on()
    {
        using EtcdClient client = new(Options);
        _etcd.Etcdctl("auth", "disable");
        await client.PutAsync("/elsewhere", "v"u8.ToArray());
        _etcd.Etcdctl("get", "/elsewhere").Should().Contain("v");

        _etcd.Etcdctl("auth", "enable");

        await client.PutAsync("/tw/x", "v"u8.ToArray());
        _etcd.Get("/tw/x").Should().Be("v");
    }

    public void Dispose()
    {
        _etcd.Dispose();
        _dir.Dispose();
    }

    private static async Task<EtcdException> Failure(EtcdOptions options)
    {
        using EtcdClient client = new(options);
        Func<Task> get = () => client.GetAsync("/tw/x");
        return (await get.Should().ThrowAsync<EtcdException>()).Which;
    }
}
