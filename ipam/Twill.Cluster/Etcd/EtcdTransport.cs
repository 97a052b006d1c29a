using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Authentication;

namespace Twill.Cluster;

/// <summary>One HTTP/1.1 POST to one endpoint of the JSON gateway, within a time limit. Knows nothing of tokens or fail-over; every failure
/// comes out as an <see cref="EtcdException"/>.</summary>
internal sealed class EtcdTransport : IDisposable
{
    /// <summary>No answer of ours is larger: a list of all /30 of a /8 would be.</summary>
    private const int LargestAnswer = 64 << 20;

    private readonly EtcdOptions _options;
    private readonly Lock _lock = new();
    private readonly HashSet<Connection> _connections = [];
    private (HttpMessageInvoker Http, EtcdTls Tls) _current;
    private bool _reload;

    public EtcdTransport(EtcdOptions options)
    {
        _options = options;
        _current = Create();
    }

    /// <summary>Our own address on the connection made last: how this host is seen from where etcd is.</summary>
    public IPAddress? LocalAddress { get; private set; }

    /// <summary>Posts and reads the whole answer, whatever its status. The body is empty when the call has something that reads
    /// it.</summary>
    public async Task<(int Status, ReadOnlyMemory<byte> Body)> CallAsync(
        EtcdCall call,
        Uri endpoint,
        string? token,
        CancellationToken limit
    )
    {
        try
        {
            using HttpResponseMessage response = await SendAsync(call, endpoint, token, limit).ConfigureAwait(false);
            if (response.Content.Headers.ContentLength is > LargestAnswer)
            {
                throw TooLarge(call, endpoint);
            }

            using Stream stream = await response.Content.ReadAsStreamAsync(limit).ConfigureAwait(false);
            if (call.Answer is { } answer && (int)response.StatusCode == 200)
            {
                await ReadAsync(stream, answer, call, endpoint, limit).ConfigureAwait(false);
                return (200, default);
            }
            var body = new ArrayBufferWriter<byte>(4096);
            while (await stream.ReadAsync(body.GetMemory(4096), limit).ConfigureAwait(false) is > 0 and var count)
            {
                body.Advance(count);
                if (body.WrittenCount > LargestAnswer)
                {
                    throw TooLarge(call, endpoint);
                }
            }
            return ((int)response.StatusCode, body.WrittenMemory);
        }
        catch (Exception e) when (IsTransportTrouble(e))
        {
            throw Explain(e, call, endpoint);
        }
    }

    /// <summary>Posts and hands out the answer's stream as soon as its headers are there: a watch.</summary>
    public async Task<HttpResponseMessage> OpenAsync(EtcdCall call, Uri endpoint, string? token, CancellationToken limit)
    {
        try
        {
            return await SendAsync(call, endpoint, token, limit).ConfigureAwait(false);
        }
        catch (Exception e) when (IsTransportTrouble(e))
        {
            throw Explain(e, call, endpoint);
        }
    }

    /// <summary>What may come out of HttpClient. A cancellation is one of them: whether by limit or by caller is decided above.</summary>
    public static bool IsTransportTrouble(Exception e) =>
        e is HttpRequestException or IOException or TaskCanceledException { InnerException: TimeoutException };

    public EtcdException Explain(Exception e, EtcdCall call, Uri endpoint)
    {
        string at = EtcdEndpoints.Show(endpoint);
        HttpRequestError error = e switch
        {
            HttpRequestException http => http.HttpRequestError,
            HttpIOException body => body.HttpRequestError,
            _ => HttpRequestError.Unknown,
        };
        switch (error)
        {
            case HttpRequestError.NameResolutionError:
                return New(
                    EtcdErrorKind.Unreachable,
                    $"the host name '{endpoint.Host}' cannot be resolved; check the endpoint or DNS",
                    notCarriedOut: true
                );
            case HttpRequestError.ConnectionError:
                return New(
                    EtcdErrorKind.Unreachable,
                    $"no connection ({Innermost(e)}); is etcd running there and is this its client URL?",
                    notCarriedOut: true
                );
            case HttpRequestError.SecureConnectionError:
                Reload();
                return New(EtcdErrorKind.Tls, $"TLS failed: {_current.Tls.Reason(endpoint.IdnHost) ?? TlsReason(e)}", notCarriedOut: true);
            case HttpRequestError.InvalidResponse:
            case HttpRequestError.HttpProtocolError:
            case HttpRequestError.ConfigurationLimitExceeded:
                return New(EtcdErrorKind.Protocol, $"the answer is not HTTP as etcd speaks it ({Innermost(e)}); {PlainOrTls(endpoint)}");
        }
        if (e is TaskCanceledException)
        {
            return New(
                EtcdErrorKind.Unreachable,
                $"no connection within {_options.ConnectTimeout.TotalSeconds:0.##} s; is the host up and no firewall between?",
                notCarriedOut: true
            );
        }

        if (endpoint.Scheme == Uri.UriSchemeHttps && Inner<AuthenticationException>(e) is null && IsTlsAlert(e))
        {
            Reload();
            return New(EtcdErrorKind.Tls, $"etcd broke off after the TLS handshake ({Innermost(e)}); {ClientCertificateAdvice()}");
        }
        return New(EtcdErrorKind.Unreachable, $"the connection broke ({Innermost(e)}); {PlainOrTls(endpoint)}");

        EtcdException New(EtcdErrorKind kind, string text, bool notCarriedOut = false) =>
            new(kind, at, $"{call.Name} at {at}: {text}", e) { NotCarriedOut = notCarriedOut };
    }

    /// <summary>Ends what is connected from this address, running calls included: they fail as when the connection broke.</summary>
    public void Abandon(IPAddress local)
    {
        Connection[] abandoned;
        lock (_lock)
        {
            abandoned = [.. _connections.Where(connection => connection.Local.Equals(local))];
        }

        foreach (Connection connection in abandoned)
        {
            connection.Abandon();
        }
    }

    public void Dispose() => _current.Http.Dispose();

    private static async Task ReadAsync(Stream stream, RangeAnswer answer, EtcdCall call, Uri endpoint, CancellationToken limit)
    {
        answer.Begin();
        long length = 0;
        while (true)
        {
            int count = await stream.ReadAsync(answer.Room, limit).ConfigureAwait(false);
            length += count;
            if (length > LargestAnswer)
            {
                throw TooLarge(call, endpoint);
            }

            answer.Take(count);
            if (count == 0)
            {
                return;
            }
        }
    }

    private async Task<HttpResponseMessage> SendAsync(EtcdCall call, Uri endpoint, string? token, CancellationToken limit)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(endpoint, call.Path));
        request.Version = HttpVersion.Version11;
        request.Content = new ByteArrayContent(call.Body);
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        if (token is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", token);
        }
        // The gateway passes this on as gRPC metadata: a stream ends when the member loses its leader, instead of falling silent.
        if (call.RequireLeader)
        {
            request.Headers.TryAddWithoutValidation("Grpc-Metadata-hasleader", "true");
        }

        return await Http().SendAsync(request, limit).ConfigureAwait(false);
    }

    private HttpMessageInvoker Http()
    {
        lock (_lock)
        {
            if (_reload)
            {
                // The replaced handler is not disposed: a watch may still run on it. Its idle connections end by their own timeout.
                _current = Create();
                _reload = false;
            }
            return _current.Http;
        }
    }

    /// <summary>After a TLS failure the certificate files are read again: they may have been rotated.</summary>
    private void Reload()
    {
        lock (_lock)
        {
            _reload = true;
        }
    }

    private (HttpMessageInvoker Http, EtcdTls Tls) Create()
    {
        var tls = new EtcdTls(_options);
        var handler = new SocketsHttpHandler
        {
            SslOptions = tls.Ssl,
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            ActivityHeadersPropagator = null,
            ConnectTimeout = _options.ConnectTimeout,
            ConnectCallback = ConnectAsync,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(60),
        };
        return (new HttpMessageInvoker(handler), tls);
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken limit)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, limit).ConfigureAwait(false);
            // After connecting: a socket with options of its own cannot try a host's several addresses (.NET 9).
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 10);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 5);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
            return new Connection(this, socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>A connection that is known while it lasts.</summary>
    private sealed class Connection : NetworkStream
    {
        private readonly EtcdTransport _owner;

        public Connection(EtcdTransport owner, Socket socket)
            : base(socket, ownsSocket: true)
        {
            _owner = owner;
            IPAddress local = ((IPEndPoint)socket.LocalEndPoint!).Address;
            Local = local.IsIPv4MappedToIPv6 ? local.MapToIPv4() : local;
            owner.LocalAddress = Local;
            lock (owner._lock)
            {
                owner._connections.Add(this);
            }
        }

        public IPAddress Local { get; }

        /// <summary>Whoever reads it sees its end at once; the stream itself stays its reader's to dispose.</summary>
        public void Abandon()
        {
            try
            {
                Socket.Shutdown(SocketShutdown.Both);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // It ended by itself meanwhile.
            }
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                lock (_owner._lock)
                {
                    _owner._connections.Remove(this);
                }
            }
            base.Dispose(disposing);
        }
    }

    private string TlsReason(Exception e)
    {
        string text = Innermost(e);
        return IsTlsAlert(e)
            ? $"{text}; {ClientCertificateAdvice()}"
            : $"{text}; does the endpoint speak TLS at all, or should it be http://?";
    }

    private string ClientCertificateAdvice() =>
        string.IsNullOrEmpty(_options.CertFile)
            ? "it may want a client certificate: set certFile and keyFile"
            : $"it may not trust the client certificate {_options.CertFile}, or the certificate has expired";

    private static bool IsTlsAlert(Exception e)
    {
        for (Exception? inner = e; inner is not null; inner = inner.InnerException)
        {
            if (inner.GetType().Name.Contains("Ssl", StringComparison.Ordinal))
            {
                return true;
            }
        }
        return false;
    }

    private static string PlainOrTls(Uri endpoint) =>
        endpoint.Scheme == Uri.UriSchemeHttp
            ? "is this etcd's client URL, and without TLS (else write it as https://)?"
            : "is this etcd's client URL?";

    private static EtcdException TooLarge(EtcdCall call, Uri endpoint) =>
        new(
            EtcdErrorKind.Protocol,
            EtcdEndpoints.Show(endpoint),
            $"{call.Name} at {EtcdEndpoints.Show(endpoint)}: the answer is larger than {LargestAnswer >> 20} MB, which nothing of ours "
                + $"is; is this etcd's client URL?"
        );

    private static T? Inner<T>(Exception e)
        where T : Exception
    {
        for (Exception? inner = e; inner is not null; inner = inner.InnerException)
        {
            if (inner is T found)
            {
                return found;
            }
        }
        return null;
    }

    private static string Innermost(Exception e)
    {
        while (e.InnerException is not null)
        {
            e = e.InnerException;
        }

        return EtcdFault.Printable(e.Message);
    }
}
