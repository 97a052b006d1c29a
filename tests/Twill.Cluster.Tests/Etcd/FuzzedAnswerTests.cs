using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Etcdserverpb;
using Google.Protobuf;
using Twill.Testing;
using Xunit.Abstractions;

namespace Twill.Cluster.Tests.Etcd;

/// <summary>
/// A liar between a node and a real etcd: it passes every request on and damages some of the answers (fields of other values, gone or
/// doubled, bytes flipped, cut off, other statuses, late). Whatever the node is told, it fails in its own terms and in time, and in the
/// real etcd nothing of another node is touched and no two subnets overlap.
/// </summary>
[Collection(nameof(SharedEtcd))]
[RequiresEtcd]
public sealed class FuzzedAnswerTests(SharedEtcd etcd, ITestOutputHelper output)
{
    private const int Cases = 180,
        Values = 3000;

    private static readonly TimeSpan s_callTimeout = TimeSpan.FromMilliseconds(400),
        s_limit = TimeSpan.FromSeconds(3);

    [Theory]
    [InlineData(21)]
    public async Task A_node_that_is_lied_to_fails_in_its_own_terms_and_touches_nothing_of_others(int seed)
    {
        string prefix = SharedEtcd.NewPrefix();
        NetworkConfig config = NetworkConfig.Create(IPNetwork.Parse("10.9.0.0/16"), 24, null, null, BackendSettings.Vxlan(1, 4789, false));
        using EtcdClient honest = etcd.NewClient();
        LeaseStore other = new(honest, prefix, "other", SharedEtcd.Clock);
        await other.EnsureConfigAsync(config);
        HeldLease theirs = await other.AcquireAsync(config, SharedEtcd.Host(1), 3600);
        string theirKey = other.Keys.Subnet(theirs.Subnets[0]),
            theirValue = etcd.Server.Get(theirKey)!,
            configValue = etcd.Server.Get(other.Keys.Config)!;

        using Liar liar = new(seed, etcd.Server.Endpoint);
        using FakeEtcd server = FakeEtcd.By(liar.AnswerAsync);
        for (int i = 0; i < Cases; i++)
        {
            string because = $"seed {seed}, case {i}";
            using EtcdClient client = new(new EtcdOptions([server.Endpoint], CallTimeout: s_callTimeout));
            LeaseStore store = new(client, prefix, $"node{i % 3}", SharedEtcd.Clock) { WatchProbeInterval = TimeSpan.FromMilliseconds(20) };
            HeldLease? held = null;
            await Try(async cancel => await store.EnsureConfigAsync(config, cancel), because);
            await Try(async cancel => held = await store.AcquireAsync(config, SharedEtcd.Host(2 + (i % 3)), 60, cancel), because);
            await Try(
                async cancel => held = held is null ? null : (await store.RenewAsync(held, SharedEtcd.Host(2 + (i % 3)), cancel)).Held,
                because
            );
            await Try(
                async cancel => held = held is null ? null : await store.GrowAsync(held, config, SharedEtcd.Host(2 + (i % 3)), cancel),
                because
            );
            await Try(async cancel => await store.ListAsync(cancel), because);
            await Try(cancel => WatchAWhile(store, cancel), because);
            await Try(async cancel => await store.ReleaseAsync(held, cancel), because);

            if (i % 25 == 24)
            {
                etcd.Server.Get(theirKey).Should().Be(theirValue, because);
                etcd.Server.Get(other.Keys.Config).Should().Be(configValue, because);
                LeaseSnapshot real = await other.ListAsync();
                real.Unreadable.Should().BeEmpty(because);
                real.Leases.Select(l => l.Subnet).Should().OnlyHaveUniqueItems(because).And.AllSatisfy(s => s.PrefixLength.Should().Be(24));
            }
        }

        liar.Lies.Should().BeGreaterThan(Cases, "else nothing was tried");
        Figures.Report(
            $"fuzz: etcd's answers, seed {seed}",
            $"{liar.Lies:N0} damaged of {liar.Answers:N0}, 0 crashes, 0 keys of others touched",
            output
        );
    }

    /// <summary>What others may have written into the keys.</summary>
    [Theory]
    [InlineData(22)]
    public void Keys_and_values_that_somebody_else_wrote_are_read_or_refused_in_our_own_terms(int seed)
    {
        Random random = new(seed);
        const string Config =
            """{"Network":"10.9.0.0/16","SubnetLen":24,"SubnetMin":"10.9.1.0","SubnetMax":"10.9.255.0","EnableIPv4":true,"EnableIPv6":true,"IPv6Network":"fc00:1::/48","IPv6SubnetLen":64,"IPv6SubnetMin":"fc00:1:0:1::","IPv6SubnetMax":"fc00:1:0:ffff::","Backend":{"Type":"vxlan","VNI":1,"Port":4789}}""";
        const string Lease =
            """{"PublicIP":"192.0.2.1","PublicIPv6":"2001:db8::1","BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"02:00:00:00:00:01"},"BackendV6Data":{"VNI":1,"VtepMAC":"02:00:00:00:06:01"}}""";
        string memory = Encoding.UTF8.GetString(NodeMemory.Write("192.0.2.1", 7, [SharedEtcd.Lease("10.9.4.0/24", "fc00:1:0:4::/64")]));
        for (int i = 0; i < Values; i++)
        {
            string because = $"seed {seed}, case {i}";
            Refused(() => NetworkConfig.Parse(Damaged(random, Config), "/t/config"), because);
            FluentActions.Invoking(() => LeaseAttributes.TryParse(Damaged(random, Lease), out _, out _)).Should().NotThrow(because);
            FluentActions
                .Invoking(() => NodeMemory.Parse(new KeyValue("/t/twill/nodes/n", Damaged(random, memory), 1, 1, 0)))
                .Should()
                .NotThrow(because);
            string key = Encoding.UTF8.GetString(Mutation.OfBytes(random, "10.9.4.0-24&fc00:1:2::-64"u8.ToArray()));
            FluentActions.Invoking(() => SubnetKey.TryParse(key, out _)).Should().NotThrow(because);
        }

        Figures.Report($"fuzz: what others wrote into etcd, seed {seed}", $"{4 * Values:N0} keys and values, 0 crashes", output);
    }

    [Theory]
    [InlineData("7b22f7223a317d")] // {"?":1}, the name no UTF-8
    [InlineData("7b226c65617365223a22f7227d")] // {"lease":"?"}
    [InlineData("7b225c7564383030223a317d")] // {"\ud800":1}
    public void Names_and_strings_that_are_not_Unicode_are_no_more_than_unreadable(string hex)
    {
        byte[] value = Convert.FromHexString(hex);
        Action config = () => NetworkConfig.Parse(value, "/t/config");

        NodeMemory
            .Parse(new KeyValue("/t/twill/nodes/n", value, 1, 5, 0))
            .Should()
            .Match<NodeMemory>(m => m.Subnets.Count == 0 && m.ModRevision == 5);
        LeaseAttributes.TryParse(value, out _, out string problem).Should().BeFalse();
        problem.Should().NotBeEmpty();
        config.Should().Throw<ClusterException>().WithMessage("*/t/config*");
    }

    private static byte[] Damaged(Random random, string json) =>
        random.Next(2) == 0
            ? Mutation.OfBytes(random, Encoding.UTF8.GetBytes(json))
            : Encoding.UTF8.GetBytes(Mutation.OfJson(random, json));

    private static void Refused(Action parse, string because)
    {
        try
        {
            parse();
        }
        catch (ClusterException e)
        {
            e.Message.Should().Contain("/t/config", because);
        }
    }

    private static async Task WatchAWhile(LeaseStore store, CancellationToken cancel)
    {
        int told = 0;
        await foreach (LeaseEvent _ in store.WatchAsync(cancel))
        {
            if (++told == 3)
            {
                return;
            }
        }
    }

    /// <summary>Only what callers are told to expect may come out: etcd's and the cluster's exceptions, or the end of the time.</summary>
    private static async Task Try(Func<CancellationToken, Task> step, string because)
    {
        using CancellationTokenSource limit = new(s_limit);
        try
        {
            await step(limit.Token).WaitAsync(s_limit * 5);
        }
        catch (Exception e)
            when (e is EtcdException or ClusterException || (e is OperationCanceledException && limit.IsCancellationRequested))
        {
            e.Message.Should().NotBeEmpty(because);
        }
    }

    private sealed class Liar(int seed, string etcd) : IDisposable
    {
        private readonly Random _random = new(seed);
        private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler());
        private int _lies,
            _answers;

        public int Lies => _lies;

        public int Answers => _answers;

        public async Task AnswerAsync(FakeCall call)
        {
            int kind;
            Random random;
            lock (_random)
            {
                (kind, random) = (_random.Next(32), new Random(_random.Next()));
            }

            Interlocked.Increment(ref _answers);
            (byte[] answer, int status, string text) =
                call.Method == "Watch"
                    ? (
                        new WatchResponse
                        {
                            Header = new ResponseHeader { Revision = 7 },
                            Created = true,
                        }.ToByteArray(),
                        0,
                        ""
                    )
                    : await PassOnAsync(call);
            if (kind < 11)
            {
                Interlocked.Increment(ref _lies);
            }

            switch (kind)
            {
                case < 5:
                    await AnswerAsync(call, Mutation.OfProtobuf(random, answer), status, text);
                    break;
                case 5:
                    await AnswerAsync(call, Mutation.OfBytes(random, answer), status, text);
                    break;
                case 6:
                    await call.SendAsync(Mutation.OfBytes(random, FakeCall.Framed(answer)));
                    await call.EndAsync(status, text);
                    break;
                case 7:
                    byte[] whole = FakeCall.Framed(answer);
                    await call.SendAsync(whole[..random.Next(whole.Length)]);
                    if (random.Next(2) == 0)
                    {
                        call.Reset(random.Next(14));
                    }

                    break;
                case 8:
                    call.Http.Response.StatusCode = ((int[])[204, 302, 400, 401, 403, 404, 429, 500, 503, 999])[random.Next(10)];
                    await call.Http.Response.CompleteAsync();
                    break;
                case 9:
                    await call.EndAsync(random.Next(-1, 20), "etcdserver: whatever");
                    break;
                case 10 when random.Next(8) == 0:
                    await Task.Delay(s_callTimeout * 2, call.Cancelled);
                    await AnswerAsync(call, answer, status, text);
                    break;
                default:
                    await AnswerAsync(call, answer, status, text);
                    break;
            }
        }

        public void Dispose() => _http.Dispose();

        private static async Task AnswerAsync(FakeCall call, byte[] answer, int status, string text)
        {
            if (status == 0)
            {
                await call.SendAsync(FakeCall.Framed(answer));
            }

            await call.EndAsync(status, text);
        }

        /// <summary>What etcd answers: its message, or its error.</summary>
        private async Task<(byte[] Message, int Status, string Text)> PassOnAsync(FakeCall call)
        {
            using HttpRequestMessage request = new(HttpMethod.Post, etcd + call.Path)
            {
                Version = HttpVersion.Version20,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
                Content = new ByteArrayContent(FakeCall.Framed(call.Message)),
            };
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
            request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
            using HttpResponseMessage response = await _http.SendAsync(request, call.Cancelled);
            byte[] framed = await response.Content.ReadAsByteArrayAsync(call.Cancelled);
            HttpResponseHeaders last = response.TrailingHeaders.Contains("grpc-status") ? response.TrailingHeaders : response.Headers;
            return (
                framed.Length >= 5 ? framed[5..] : [],
                int.Parse(last.GetValues("grpc-status").Single(), CultureInfo.InvariantCulture),
                last.TryGetValues("grpc-message", out IEnumerable<string>? message) ? message.Single() : ""
            );
        }
    }
}
