using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;

namespace Twill.EndToEnd.Tests.Runtimes;

/// <summary>A gRPC call failed: its status code and what the server said.</summary>
internal sealed class GrpcException(string method, string status, string message) : Exception($"{method}: status {status}: {message}");

/// <summary>
/// Unary gRPC calls over a unix socket: HTTP/2 without TLS, one message each way, each behind five bytes
/// (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).
/// </summary>
internal sealed class GrpcChannel : IDisposable
{
    private const int FrameHeader = 5;

    private readonly HttpClient _http;

    internal GrpcChannel(string socketPath, TimeSpan timeout)
    {
        SocketsHttpHandler handler = new()
        {
            ConnectCallback = async (_, cancellation) =>
            {
                Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        _http = new HttpClient(handler) { BaseAddress = new Uri("http://localhost"), Timeout = timeout };
    }

    /// <summary>Calls SERVICE/METHOD and gives its answer.</summary>
    internal ProtoMessage Call(string method, ProtoMessage request) => CallAsync(method, request).GetAwaiter().GetResult();

    public void Dispose() => _http.Dispose();

    private async Task<ProtoMessage> CallAsync(string method, ProtoMessage message)
    {
        using HttpRequestMessage request = new(HttpMethod.Post, method)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(Frame(message.Encoded))
            {
                Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") },
            },
        };
        request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        using HttpResponseMessage response = await _http.SendAsync(request);
        byte[] body = await response.Content.ReadAsByteArrayAsync();

        string status = Header(response, "grpc-status") ?? $"HTTP {(int)response.StatusCode}";
        return status == "0"
            ? ProtoMessage.Parse(body[FrameHeader..])
            : throw new GrpcException(method, status, Uri.UnescapeDataString(Header(response, "grpc-message") ?? ""));
    }

    /// <summary>gRPC says how it went behind the body, or before it when there is none.</summary>
    private static string? Header(HttpResponseMessage response, string name) =>
        response.TrailingHeaders.TryGetValues(name, out IEnumerable<string>? behind) ? behind.First()
        : response.Headers.TryGetValues(name, out IEnumerable<string>? before) ? before.First()
        : null;

    private static byte[] Frame(byte[] message)
    {
        byte[] frame = new byte[FrameHeader + message.Length];
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(1), (uint)message.Length);
        message.CopyTo(frame, FrameHeader);
        return frame;
    }
}
