using System.Diagnostics;
using Twill.Testing;

namespace Twill.Cluster.Tests.Etcd;

public sealed class HostileAnswerTests
{
    private const string Header = "\"header\":{\"revision\":\"7\"}";

    [Theory]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{\"hea")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{}")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("HTTP/1.1 204 No Content\r\n\r\n")]
    [InlineData("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nNot Found")]
    [InlineData("HTTP/1.1 500 X\r\nContent-Length: 14\r\n\r\n{\"code\":\"high\"}")]
    [InlineData("HTTP/1.1 200 OK\r\nX: ")]
    [InlineData("")]
    public async Task What_is_not_etcd_is_told_with_the_endpoint(string answer)
    {
        using FakeServer server = FakeServer.Raw(answer);

        EtcdException e = await Failure(server);

        e.Kind.Should().BeOneOf(EtcdErrorKind.Protocol, EtcdErrorKind.Unreachable);
        e.Message.Should().Contain(server.Endpoint).And.Contain("?", "it asks what to check");
    }

    [Theory]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("7")]
    [InlineData("{}")]
    [InlineData("{\"header\":7}")]
    [InlineData("{\"header\":{\"revision\":\"seven\"}}")]
    [InlineData("{\"header\":{\"revision\":\"99999999999999999999\"}}")]
    [InlineData("{\"header\":{\"revision\":1.5}}")]
    [InlineData("{" + Header + ",\"kvs\":{}}")]
    [InlineData("{" + Header + ",\"kvs\":[null]}")]
    [InlineData("{" + Header + ",\"kvs\":[{\"key\":\"%%%\"}]}")]
    [InlineData("{" + Header + ",\"kvs\":[{\"key\":7}]}")]
    [InlineData("{" + Header + ",\"kvs\":[{\"key\":\"\\ud800\"}]}")]
    [InlineData("{" + Header + ",\"kvs\":[{\"key\":\"YQ==\",\"mod_revision\":[]}]}")]
    public async Task JSON_of_other_types_is_a_protocol_error(string body)
    {
        using FakeServer server = FakeServer.Json(body);

        (await Failure(server)).Kind.Should().Be(EtcdErrorKind.Protocol);
    }

    [Fact]
    public async Task Deeply_nested_JSON_is_a_protocol_error()
    {
        using FakeServer server = FakeServer.Json(new string('[', 100_000));

        (await Failure(server)).Kind.Should().Be(EtcdErrorKind.Protocol);
    }

    [Fact]
    public async Task An_endless_answer_is_cut_off_by_its_size()
    {
        using FakeServer server = FakeServer.Endless("HTTP/1.1 200 OK\r\n\r\n", new string(' ', 1 << 20), TimeSpan.Zero);

        EtcdException e = await Failure(server, TimeSpan.FromSeconds(30));

        e.Kind.Should().Be(EtcdErrorKind.Protocol);
        e.Message.Should().Contain("larger than 64 MB");
    }

    [Fact]
    public async Task An_announced_giant_is_not_even_read()
    {
        using FakeServer server = FakeServer.Raw("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n");

        (await Failure(server)).Message.Should().Contain("larger than 64 MB");
    }

    [Fact]
    public async Task Headers_without_end_are_cut_off()
    {
        using FakeServer server = FakeServer.Endless("HTTP/1.1 200 OK\r\n", $"X: {new string('x', 1000)}\r\n", TimeSpan.Zero);

        (await Failure(server)).Kind.Should().Be(EtcdErrorKind.Protocol);
    }

    [Fact]
    public async Task An_answer_by_drops_ends_with_the_time_limit()
    {
        using FakeServer server = FakeServer.Endless("HTTP/1.1 200 OK\r\n\r\n{", " ", TimeSpan.FromMilliseconds(20));
        long start = Stopwatch.GetTimestamp();

        EtcdException e = await Failure(server, TimeSpan.FromSeconds(3));

        (e.Kind, e.IsTransient).Should().Be((EtcdErrorKind.Timeout, true));
        e.Message.Should().Contain(server.Endpoint).And.Contain("within 3 s");
        Stopwatch.GetElapsedTime(start).Should().BeLessThan(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task No_answer_at_all_ends_with_the_time_limit()
    {
        using FakeServer server = FakeServer.Silent();

        (await Failure(server, TimeSpan.FromSeconds(3))).Kind.Should().Be(EtcdErrorKind.Timeout);
    }

    [Fact]
    public async Task A_server_that_echoes_the_login_does_not_get_the_password_into_the_message()
    {
        using TempDir dir = TempDir.Create();
        using FakeServer server = FakeServer.By(request => FakeServer.Http(request[request.IndexOf('{', StringComparison.Ordinal)..], 500));
        using EtcdClient client = new(new EtcdOptions([server.Endpoint], Username: "tw", PasswordFile: dir.Write("p", "hunter2")));
        Func<Task> get = () => client.GetAsync("k");

        EtcdException e = (await get.Should().ThrowAsync<EtcdException>()).Which;

        server.Requests.Should().ContainSingle().Which.Should().Contain("hunter2", "the login was tried");
        e.ToString().Should().NotContain("hunter2");
    }

    [Theory] // the error forms of etcd 3.4/3.5 and of 3.6
    [InlineData(
        """{"error":"etcdserver: permission denied","message":"etcdserver: permission denied","code":7}""",
        403,
        EtcdErrorKind.Denied
    )]
    [InlineData("""{"code":7,"message":"etcdserver: permission denied","details":[]}""", 403, EtcdErrorKind.Denied)]
    [InlineData("""{"error":"etcdserver: no leader","code":14}""", 503, EtcdErrorKind.Unreachable)]
    [InlineData("""{"code":8,"message":"etcdserver: mvcc: database space exceeded"}""", 429, EtcdErrorKind.NoSpace)]
    [InlineData("""{"code":8,"message":"etcdserver: too many requests"}""", 429, EtcdErrorKind.Unreachable)]
    [InlineData("""{"code":16,"message":"etcdserver: invalid auth token"}""", 401, EtcdErrorKind.Unauthorized)]
    [InlineData("""{"code":11,"message":"etcdserver: mvcc: required revision has been compacted"}""", 400, EtcdErrorKind.Compacted)]
    [InlineData("""{"code":2,"message":"multi\r\nline\u0007"}""", 500, EtcdErrorKind.Refused)]
    public async Task Errors_of_each_form_are_told_apart(string body, int status, EtcdErrorKind kind)
    {
        using FakeServer server = FakeServer.Json(body, status);

        EtcdException e = await Failure(server);

        e.Kind.Should().Be(kind);
        e.Message.Should().NotContainAny("\n", "\r", "\u0007");
    }

    [Theory]
    [InlineData("garbage\n")]
    [InlineData("{\"result\":7}\n")]
    [InlineData("{\"result\":{\"canceled\":true,\"cancel_reason\":\"because\"}}\n")]
    [InlineData("{\"error\":{\"grpc_code\":14,\"message\":\"etcdserver: no leader\"}}\n")]
    [InlineData("{\"error\":{\"code\":14,\"message\":\"etcdserver: no leader\"}}")]
    [InlineData("{\"result\":{" + Header + ",\"events\":[{\"kv\":7}]}}\n")]
    [InlineData("")]
    public async Task A_watch_that_is_garbage_or_breaks_is_told_and_goes_on_with_a_new_list(string stream)
    {
        int watches = 0;
        using FakeServer server = FakeServer.By(request =>
            request.StartsWith("/v3/watch", StringComparison.Ordinal)
                ? Interlocked.Increment(ref watches) == 1
                    ? FakeServer.Http(stream)
                    : FakeServer.Http($"{{\"result\":{{{Header}}}}}\n")
                : FakeServer.Http($"{{{Header}}}")
        );
        using EtcdClient client = new(new EtcdOptions([server.Endpoint]));
        LeaseStore store = new(client, "/t", "n", SharedEtcd.Clock);
        List<LeaseEvent> told = [];

        await foreach (LeaseEvent e in store.WatchAsync())
        {
            told.Add(e);
            if (told.Count == 3)
            {
                break;
            }
        }

        told[0].Should().BeOfType<LeaseSnapshot>();
        told[1].Should().BeOfType<WatchInterrupted>().Which.Error.Message.Should().Contain(server.Endpoint);
        told[2].Should().BeOfType<LeaseSnapshot>();
    }

    private static async Task<EtcdException> Failure(FakeServer server, TimeSpan? limit = null)
    {
        using EtcdClient client = new(new EtcdOptions([server.Endpoint], CallTimeout: limit ?? TimeSpan.FromSeconds(10)));
        Func<Task> get = () => client.RangeAsync(EtcdRange.Prefix("/t/"));
        return (await get.Should().ThrowAsync<EtcdException>()).Which;
    }
}
