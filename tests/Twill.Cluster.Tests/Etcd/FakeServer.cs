using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Twill.Cluster.Tests.Etcd;

/// <summary>A TCP server on a loopback port that answers whoever sends something with what a test hands it: whatever is not etcd.</summary>
internal sealed class FakeServer : IDisposable
{
    /// <summary>An empty SETTINGS frame: what an HTTP/2 server says first.</summary>
    public static readonly byte[] Settings = Frame(4, 0, 0, []);

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly Func<Stream, CancellationToken, Task> _answer;

    private FakeServer(Func<Stream, CancellationToken, Task> answer)
    {
        _answer = answer;
        _listener.Start();
        _ = Accept();
    }

    public string Endpoint => $"http://{_listener.LocalEndpoint}";

    /// <summary>What each connection sent first.</summary>
    public ConcurrentQueue<byte[]> Requests { get; } = new();

    /// <summary>Answers with these bytes and closes the connection.</summary>
    public static FakeServer Raw(byte[] answer) => new(async (stream, cancel) => await stream.WriteAsync(answer, cancel));

    public static FakeServer Raw(string answer) => Raw(Encoding.UTF8.GetBytes(answer));

    /// <summary>Writes this over and over until the client gives up.</summary>
    public static FakeServer Endless(byte[] head, byte[] again) =>
        new(
            async (stream, cancel) =>
            {
                await stream.WriteAsync(head, cancel);
                while (true)
                {
                    await stream.WriteAsync(again, cancel);
                }
            }
        );

    /// <summary>Takes requests and never answers.</summary>
    public static FakeServer Silent() => new((_, cancel) => Task.Delay(Timeout.Infinite, cancel));

    /// <summary>A frame of HTTP/2 (RFC 9113, 4.1).</summary>
    public static byte[] Frame(byte type, byte flags, int stream, byte[] payload) =>
        [
            (byte)(payload.Length >> 16),
            (byte)(payload.Length >> 8),
            (byte)payload.Length,
            type,
            flags,
            (byte)(stream >> 24),
            (byte)(stream >> 16),
            (byte)(stream >> 8),
            (byte)stream,
            .. payload,
        ];

    public void Dispose()
    {
        _end.Cancel();
        _listener.Dispose();
        _end.Dispose();
    }

    private async Task Accept()
    {
        CancellationToken end = _end.Token;
        try
        {
            while (true)
            {
                _ = Serve(await _listener.AcceptTcpClientAsync(end), end);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // the test is over
        }
    }

    private async Task Serve(TcpClient client, CancellationToken end)
    {
        try
        {
            using TcpClient owned = client;
            NetworkStream stream = client.GetStream();
            byte[] buffer = new byte[64 << 10];
            int count = await stream.ReadAsync(buffer, end);
            if (count == 0)
            {
                return;
            }

            Requests.Enqueue(buffer[..count]);
            await _answer(stream, end);
            client.Client.Shutdown(SocketShutdown.Send);
            while (await stream.ReadAsync(buffer, end) > 0)
            {
                // until the client closes: closing first with unread bytes would reset the connection
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or SocketException or ObjectDisposedException)
        {
            // the client gave up, or the test is over
        }
    }
}
