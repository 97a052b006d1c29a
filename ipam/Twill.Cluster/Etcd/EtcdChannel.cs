using System.Net;
using System.Net.Http.Headers;
using Etcdserverpb;
using Grpc.Core;
using Grpc.Net.Client;
using Grpc.Net.Compression;

namespace Twill.Cluster;

/// <summary>The gRPC channel to one member: one HTTP/2 connection, made when the first call needs it, that all calls and watches share, and
/// dotnet-etcd's generated clients on it. Nothing here retries: what is asked again, and where, <see cref="EtcdClient"/> decides.</summary>
internal sealed class EtcdChannel : IDisposable
{
    /// <summary>No message of ours is larger: a list of all /30 of a /8 would be.</summary>
    public const int LargestMessage = 64 << 20;

    /// <summary>Not below etcd's --grpc-keepalive-min-time (5 s), which ends a connection that is pinged more often.</summary>
    private static readonly TimeSpan PingDelay = TimeSpan.FromSeconds(10),
        PingTimeout = TimeSpan.FromSeconds(5);

    private readonly GrpcChannel _channel;
    private int _users = 1;

    /// <summary>Makes no connection yet.</summary>
    /// <param name="endpoint">The endpoint's URL: host and port in it become the request's authority.</param>
    /// <param name="connect">Connects to the member, with TLS where the URL says so.</param>
    public EtcdChannel(Uri endpoint, Func<CancellationToken, ValueTask<Stream>> connect)
    {
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            ActivityHeadersPropagator = null,
            ConnectCallback = (_, cancel) => connect(cancel),
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(60),
            // A peer that is frozen or cut off answers no ping: what runs on the connection ends then, a watch as well.
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
            KeepAlivePingDelay = PingDelay,
            KeepAlivePingTimeout = PingTimeout,
        };
        _channel = GrpcChannel.ForAddress(
            endpoint,
            new GrpcChannelOptions
            {
                HttpHandler = new AnswersOfGrpc(handler),
                DisposeHttpClient = true,
                MaxReceiveMessageSize = LargestMessage,
                CompressionProviders = new List<ICompressionProvider>(),
                DisableResolverServiceConfig = true,
            }
        );
        CallInvoker invoker = _channel.CreateCallInvoker();
        KV = new KV.KVClient(invoker);
        Lease = new Lease.LeaseClient(invoker);
        Watch = new Watch.WatchClient(invoker);
        Auth = new Auth.AuthClient(invoker);
    }

    public KV.KVClient KV { get; }

    public Lease.LeaseClient Lease { get; }

    public Watch.WatchClient Watch { get; }

    public Auth.AuthClient Auth { get; }

    /// <summary>One more call uses it, until that disposes it.</summary>
    public void AddUser() => Interlocked.Increment(ref _users);

    /// <summary>Closes the connection when nobody uses it any more.</summary>
    public void Dispose()
    {
        if (Interlocked.Decrement(ref _users) == 0)
        {
            _channel.Dispose();
        }
    }

    /// <summary>Lets pass only what has the form of a gRPC answer, and says what it was otherwise.</summary>
    private sealed class AnswersOfGrpc(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancel)
        {
            HttpResponseMessage response = await base.SendAsync(request, cancel).ConfigureAwait(false);
            MediaTypeHeaderValue? type = response.Content.Headers.ContentType;
            if (response.StatusCode == HttpStatusCode.OK && type?.MediaType is "application/grpc" or "application/grpc+proto")
            {
                return response;
            }

            string shown =
                response.StatusCode != HttpStatusCode.OK ? $"HTTP status {(int)response.StatusCode}"
                : type is null ? "HTTP without a content type"
                : $"HTTP of type {EtcdFault.Printable(type.ToString())}";
            response.Dispose();
            throw new EtcdConnectionException(
                EtcdErrorKind.Protocol,
                $"{shown}, which is no answer of etcd; is this etcd's client URL, and no proxy between that speaks no gRPC?",
                notCarriedOut: false
            );
        }
    }
}
