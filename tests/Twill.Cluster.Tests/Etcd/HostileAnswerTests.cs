using System.Diagnostics;
using System.Text;
using Etcdserverpb;
using Google.Protobuf;
using Twill.Testing;
using Event = Mvccpb.Event;
using ProtoKeyValue = Mvccpb.KeyValue;

namespace Twill.Cluster.Tests.Etcd;

public sealed class HostileAnswerTests
{
    private static readonly ResponseHeader s_header = new() { Revision = 7 };

    /// <summary>What a TCP server says that speaks no HTTP/2, or breaks it.</summary>
    public static TheoryData<string, byte[]> NoHttp2 =>
        new()
        {
            { "a banner", "SSH-2.0-OpenSSH_9.2\r\n"u8.ToArray() },
            { "HTTP/1.1, cut off", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{\"hea"u8.ToArray() },
            { "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"u8.ToArray() },
            { "HTTP/1.1 404", "HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nNot Found"u8.ToArray() },
            { "the end", [] },
            { "settings, then the end", FakeServer.Settings },
            { "half a frame", FakeServer.Settings[..5] },
            { "settings of a wrong length", FakeServer.Frame(4, 0, 0, [1]) },
            { "a frame that is too large", [.. FakeServer.Settings, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1] },
            { "data of a stream that nobody opened", [.. FakeServer.Settings, .. FakeServer.Frame(0, 0, 99, [1, 2, 3])] },
            { "headers that are no HPACK", [.. FakeServer.Settings, .. FakeServer.Frame(1, 4, 1, [0xff, 0xff, 0xff, 0xff, 0xff])] },
            { "the end of everything", [.. FakeServer.Settings, .. FakeServer.Frame(7, 0, 0, [0, 0, 0, 0, 0, 0, 0, 11])] },
        };

    [Theory]
    [MemberData(nameof(NoHttp2))]
    public async Task What_is_not_etcd_is_told_with_the_endpoint(string what, byte[] answer)
    {
        using FakeServer server = FakeServer.Raw(answer);

        EtcdException e = await Failure(server.Endpoint);

        e.Kind.Should().BeOneOf([EtcdErrorKind.Protocol, EtcdErrorKind.Unreachable], what);
        e.Message.Should().Contain(server.Endpoint).And.Contain("?", "it asks what to check");
    }

    [Theory]
    [InlineData(200, "text/html")]
    [InlineData(200, null)]
    [InlineData(204, "application/grpc")]
    [InlineData(302, null)]
    [InlineData(404, "text/plain")]
    [InlineData(500, "application/json")]
    [InlineData(502, "application/grpc")]
    public async Task HTTP_that_is_no_gRPC_is_told_as_what_it_is(int status, string? type)
    {
        using FakeEtcd server = FakeEtcd.By(async call =>
        {
            call.Http.Response.StatusCode = status;
            call.Http.Response.ContentType = type;
            await call.Http.Response.CompleteAsync();
        });

        EtcdException e = await Failure(server.Endpoint);

        e.Kind.Should().Be(EtcdErrorKind.Protocol);
        e.Message.Should().Contain(server.Endpoint).And.Contain(status == 200 ? "HTTP" : $"HTTP status {status}").And.Contain("?");
    }

    /// <summary>Messages that are no answer of etcd to a range.</summary>
    public static TheoryData<string, byte[]> NoRange =>
        new()
        {
            { "nothing", [] },
            { "no header", new RangeResponse { Count = 1 }.ToByteArray() },
            { "no revision", new RangeResponse { Header = new ResponseHeader() }.ToByteArray() },
            { "a revision below nought", new RangeResponse { Header = new ResponseHeader { Revision = -1 } }.ToByteArray() },
            { "text", "{\"header\":{\"revision\":\"7\"}}"u8.ToArray() },
            { "cut off", new RangeResponse { Header = s_header, Kvs = { Pair("a") } }.ToByteArray()[..^1] },
            { "a header that is a number", [0x08, 0x07] },
            { "a length without end", [0x0a, 0xff, 0xff, 0xff, 0xff, 0x07] },
            { "a number without end", [0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01] },
            { "groups in groups", Enumerable.Repeat((byte)0x7b, 100_000).ToArray() },
            { "keys out of order", new RangeResponse { Header = s_header, Kvs = { Pair("b"), Pair("a") } }.ToByteArray() },
            { "a key twice", new RangeResponse { Header = s_header, Kvs = { Pair("a"), Pair("a") } }.ToByteArray() },
            { "more of nothing", new RangeResponse { Header = s_header, More = true }.ToByteArray() },
        };

    [Theory]
    [MemberData(nameof(NoRange))]
    public async Task A_message_that_is_not_etcds_is_a_protocol_error(string what, byte[] message)
    {
        using FakeEtcd server = FakeEtcd.Message(message);

        EtcdException e = await Failure(server.Endpoint);

        e.Kind.Should().Be(EtcdErrorKind.Protocol, what);
        e.Message.Should().Contain(server.Endpoint);
    }

    [Fact]
    public async Task An_endless_answer_is_cut_off_by_its_size()
    {
        int page = 0;
        using FakeEtcd server = FakeEtcd.By(call =>
            call.AnswerAsync(
                new RangeResponse
                {
                    Header = s_header,
                    Kvs = { Pair($"/t/{Interlocked.Increment(ref page):d6}", new byte[1 << 20]) },
                    More = true,
                }
            )
        );

        EtcdException e = await Failure(server.Endpoint, TimeSpan.FromSeconds(60));

        e.Kind.Should().Be(EtcdErrorKind.Protocol);
        e.Message.Should().Contain("larger than 64 MB");
        page.Should().BeInRange(60, 70);
    }

    [Fact]
    public async Task An_announced_giant_is_not_even_read()
    {
        using FakeEtcd server = FakeEtcd.By(async call =>
        {
            await call.SendAsync(FakeCall.Framed([1, 2, 3], length: 2_000_000_000));
            await Task.Delay(Timeout.Infinite, call.Cancelled);
        });

        EtcdException e = await Failure(server.Endpoint);

        e.Kind.Should().Be(EtcdErrorKind.Protocol);
        e.Message.Should().Contain("larger than 64 MB");
    }

    [Fact]
    public async Task Headers_without_end_are_cut_off()
    {
        byte[] header = [0x00, 1, (byte)'x', 100, .. Encoding.ASCII.GetBytes(new string('x', 100))]; // literal, not indexed (RFC 7541)
        byte[] start = FakeServer.Frame(1, 0, 1, [0x88, .. header]);
        using FakeServer server = FakeServer.Endless([.. FakeServer.Settings, .. start], FakeServer.Frame(9, 0, 1, header));

        EtcdException e = await Failure(server.Endpoint);

        e.Kind.Should().Be(EtcdErrorKind.Protocol, e.ToString());
    }

    [Fact]
    public async Task An_answer_by_drops_ends_with_the_time_limit()
    {
        using FakeEtcd server = FakeEtcd.By(async call =>
        {
            await call.SendAsync(FakeCall.Framed([], length: 100_000));
            while (true)
            {
                await call.SendAsync([0]);
                await Task.Delay(20, call.Cancelled);
            }
        });
        long start = Stopwatch.GetTimestamp();

        EtcdException e = await Failure(server.Endpoint, TimeSpan.FromSeconds(3));

        (e.Kind, e.IsTransient).Should().Be((EtcdErrorKind.Timeout, true));
        e.Message.Should().Contain(server.Endpoint).And.Contain("within 3 s");
        Stopwatch.GetElapsedTime(start).Should().BeLessThan(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task No_answer_at_all_ends_with_the_time_limit()
    {
        using FakeServer server = FakeServer.Silent();

        (await Failure(server.Endpoint, TimeSpan.FromSeconds(3))).Kind.Should().Be(EtcdErrorKind.Timeout);
    }

    [Fact]
    public async Task A_server_that_echoes_the_login_does_not_get_the_password_into_the_message()
    {
        using TempDir dir = TempDir.Create();
        List<string> logins = [];
        using FakeEtcd server = FakeEtcd.By(call =>
        {
            string login = Encoding.UTF8.GetString(call.Message);
            logins.Add(login);
            return call.EndAsync(2, login);
        });
        using EtcdClient client = new(new EtcdOptions([server.Endpoint], Username: "tw", PasswordFile: dir.Write("p", "hunter2")));
        Func<Task> get = () => client.GetAsync("k");

        EtcdException e = (await get.Should().ThrowAsync<EtcdException>()).Which;

        logins.Should().ContainSingle().Which.Should().Contain("hunter2", "the login was tried");
        e.ToString().Should().NotContain("hunter2");
    }

    [Theory]
    [InlineData("")]
    [InlineData("two\r\nlines")]
    [InlineData("\u00fcmlaut")]
    public async Task A_token_that_cannot_be_sent_is_none(string token)
    {
        using TempDir dir = TempDir.Create();
        using FakeEtcd server = FakeEtcd.By(call => call.AnswerAsync(new AuthenticateResponse { Header = s_header, Token = token }));
        using EtcdClient client = new(new EtcdOptions([server.Endpoint], Username: "tw", PasswordFile: dir.Write("p", "hunter2")));
        Func<Task> get = () => client.GetAsync("k");

        (await get.Should().ThrowAsync<EtcdException>()).Which.Kind.Should().Be(EtcdErrorKind.Protocol);
    }

    [Theory]
    [InlineData(7, "etcdserver: permission denied", EtcdErrorKind.Denied)]
    [InlineData(14, "etcdserver: no leader", EtcdErrorKind.Unreachable)]
    [InlineData(14, "etcdserver: request timed out", EtcdErrorKind.Unreachable)]
    [InlineData(8, "etcdserver: mvcc: database space exceeded", EtcdErrorKind.NoSpace)]
    [InlineData(8, "etcdserver: too many requests", EtcdErrorKind.Unreachable)]
    [InlineData(16, "etcdserver: invalid auth token", EtcdErrorKind.Unauthorized)]
    [InlineData(3, "etcdserver: revision of auth store is old", EtcdErrorKind.Unauthorized)]
    [InlineData(3, "etcdserver: user name is empty", EtcdErrorKind.Unauthorized)]
    [InlineData(11, "etcdserver: mvcc: required revision is a future revision", EtcdErrorKind.Refused)]
    [InlineData(5, "etcdserver: requested lease not found", EtcdErrorKind.LeaseNotFound)]
    [InlineData(12, "unknown service etcdserverpb.KV", EtcdErrorKind.Protocol)]
    [InlineData(2, "multi\r\nline\u0007", EtcdErrorKind.Refused)]
    [InlineData(99, "no such code", EtcdErrorKind.Refused)]
    public async Task Errors_are_told_apart_by_code_and_description(int code, string text, EtcdErrorKind kind)
    {
        using FakeEtcd server = FakeEtcd.Error(code, text);

        EtcdException e = await Failure(server.Endpoint);

        e.Kind.Should().Be(kind);
        e.Message.Should().NotContainAny("\n", "\r", "\u0007");
    }

    [Fact]
    public async Task A_list_whose_first_revision_was_compacted_between_two_pages_begins_anew()
    {
        List<RangeRequest> asked = [];
        using FakeEtcd server = FakeEtcd.By(call =>
        {
            RangeRequest request = RangeRequest.Parser.ParseFrom(call.Message);
            asked.Add(request);
            return asked.Count switch
            {
                1 => call.AnswerAsync(
                    new RangeResponse
                    {
                        Header = s_header,
                        Kvs = { Pair("/t/a") },
                        More = true,
                    }
                ),
                2 => call.EndAsync(11, "etcdserver: mvcc: required revision has been compacted"),
                _ => call.AnswerAsync(
                    new RangeResponse
                    {
                        Header = new ResponseHeader { Revision = 9 },
                        Kvs = { Pair("/t/b") },
                    }
                ),
            };
        });
        using EtcdClient client = new(new EtcdOptions([server.Endpoint]));

        RangeResult result = await client.RangeAsync(EtcdRange.Prefix("/t/"));

        result.Revision.Should().Be(9);
        result.Items.Select(i => i.Key).Should().Equal("/t/b");
        asked.Select(r => (r.Key.ToStringUtf8(), r.Revision)).Should().Equal(("/t/", 0), ("/t/a\0", 7), ("/t/", 0));
    }

    /// <summary>How a watch ends, or what it says that etcd would not.</summary>
    public static TheoryData<string> BrokenWatches =>
        ["garbage", "no header", "a change without a key", "cancelled", "no leader", "no leader, at once", "the end", "broken off", "HTML"];

    [Theory]
    [MemberData(nameof(BrokenWatches))]
    public async Task A_watch_that_is_garbage_or_breaks_is_told_and_goes_on_with_a_new_list(string how)
    {
        int watches = 0;
        using FakeEtcd server = FakeEtcd.By(async call =>
        {
            WatchResponse created = new() { Header = s_header, Created = true };
            if (call.Method != "Watch")
            {
                await call.AnswerAsync(new RangeResponse { Header = s_header });
                return;
            }

            call.Metadata("hasleader").Should().Be("true");
            if (Interlocked.Increment(ref watches) > 1)
            {
                await call.SendAsync(FakeCall.Framed(created.ToByteArray()));
                await Task.Delay(Timeout.Infinite, call.Cancelled);
            }

            switch (how)
            {
                case "HTML":
                    call.Http.Response.ContentType = "text/html";
                    await call.Http.Response.CompleteAsync();
                    return;
                case "no leader, at once":
                    await call.EndAsync(14, "etcdserver: no leader");
                    return;
            }

            await call.SendAsync(FakeCall.Framed(created.ToByteArray()));
            WatchResponse? next = how switch
            {
                "no header" => new WatchResponse(),
                "a change without a key" => new WatchResponse { Header = s_header, Events = { new Event() } },
                "cancelled" => new WatchResponse
                {
                    Header = s_header,
                    Canceled = true,
                    CancelReason = "because",
                },
                _ => null,
            };
            if (next is not null)
            {
                await call.SendAsync(FakeCall.Framed(next.ToByteArray()));
                await Task.Delay(Timeout.Infinite, call.Cancelled);
            }

            switch (how)
            {
                case "garbage":
                    await call.SendAsync(FakeCall.Framed([0xff, 0xff]));
                    await Task.Delay(Timeout.Infinite, call.Cancelled);
                    break;
                case "no leader":
                    await call.EndAsync(14, "etcdserver: no leader");
                    break;
                case "the end":
                    await call.EndAsync();
                    break;
                default:
                    call.Reset();
                    break;
            }
        });
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

    private static ProtoKeyValue Pair(string key, byte[]? value = null) =>
        new()
        {
            Key = ByteString.CopyFromUtf8(key),
            Value = ByteString.CopyFrom(value ?? []),
            ModRevision = 7,
        };

    private static async Task<EtcdException> Failure(string endpoint, TimeSpan? limit = null)
    {
        using EtcdClient client = new(new EtcdOptions([endpoint], CallTimeout: limit ?? TimeSpan.FromSeconds(10)));
        Func<Task> get = () => client.RangeAsync(EtcdRange.Prefix("/t/"));
        return (await get.Should().ThrowAsync<EtcdException>()).Which;
    }
}
