using System.Net.Sockets;

namespace Twill.Agent.Attach;

/// <summary>HTTP over a socket in the file system.</summary>
internal static class UnixHttp
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(10);

    /// <summary>A client that asks there, whatever host an address names.</summary>
    internal static HttpClient Client(string socket) => new(Handler(socket)) { Timeout = s_limit };

    /// <summary>The same for gRPC.</summary>
    internal static SocketsHttpHandler Handler(string socket) =>
        new()
        {
            UseProxy = false,
            ConnectCallback = async (_, stop) =>
            {
                Socket connection = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), stop).ConfigureAwait(false);
                    return new NetworkStream(connection, ownsSocket: true);
                }
                catch
                {
                    connection.Dispose();
                    throw;
                }
            },
        };

    /// <summary>Whether nobody answers there, or not in time.</summary>
    internal static bool IsFailure(Exception e, CancellationToken stop) =>
        e is HttpRequestException or SocketException || e is OperationCanceledException && !stop.IsCancellationRequested;
}
