using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Twill.Cluster.Tests.Etcd;

/// <summary>A TCP server on a loopback port that answers every HTTP request with what a test hands it: whatever is not etcd.</summary>
internal sealed class FakeServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly Func<string, Stream, CancellationToken, Task> _answer;

    private FakeServer(Func<string, Stream, CancellationToken, Task> answer)
    {
        _answer = answer;
        _listener.Start();
        _ = Accept();
    }

    public string Endpoint => $"http://{_listener.LocalEndpoint}";

    /// <summary>Paths and bodies of the requests so far.</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    /// <summary>Answers with these bytes and closes the connection.</summary>
    public static FakeServer Raw(string answer) =>
        new(async (_, stream, cancel) => await stream.WriteAsync(Encoding.UTF8.GetBytes(answer), cancel));

    /// <summary>Answers with a whole HTTP response.</summary>
    public static FakeServer Json(string body, int status = 200) => Raw(Http(body, status));

    /// <summary>Answers by the request (its path and its body, in one text).</summary>
    public static FakeServer By(Func<string, string> answer) =>
        new(async (request, stream, cancel) => await stream.WriteAsync(Encoding.UTF8.GetBytes(answer(request)), cancel));

    /// <summary>Writes this over and over with pauses until the client gives up.</summary>
    public static FakeServer Endless(string head, string again, TimeSpan pause) =>
        new(
            async (_, stream, cancel) =>
            {
                await stream.WriteAsync(Encoding.UTF8.GetBytes(head), cancel);
                byte[] more = Encoding.UTF8.GetBytes(again);
                while (true)
                {
                    await stream.WriteAsync(more, cancel);
                    if (pause > TimeSpan.Zero)
                    {
                        await Task.Delay(pause, cancel);
                    }
                }
            }
        );

    /// <summary>Answers by a procedure that is given the request and how to write.</summary>
    public static FakeServer Stream(Func<string, Func<string, Task>, CancellationToken, Task> answer) =>
        new((request, stream, cancel) => answer(request, text => stream.WriteAsync(Encoding.UTF8.GetBytes(text), cancel).AsTask(), cancel));

    /// <summary>Takes requests and never answers.</summary>
    public static FakeServer Silent() => new((_, _, cancel) => Task.Delay(Timeout.Infinite, cancel));

    public static string Http(string body, int status = 200) =>
        $"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: "
        + $"{Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}";

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
            string request = await ReadRequest(stream, end);
            Requests.Enqueue(request);
            await _answer(request, stream, end);
            client.Client.Shutdown(SocketShutdown.Send);
            while (await stream.ReadAsync(new byte[4096], end) > 0)
            {
                // until the client closes: closing first with unread bytes would reset the connection
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or SocketException or ObjectDisposedException)
        {
            // the client gave up, or the test is over
        }
    }

    private static async Task<string> ReadRequest(Stream stream, CancellationToken end)
    {
        byte[] buffer = new byte[64 << 10];
        int count = 0;
        while (true)
        {
            int read = await stream.ReadAsync(buffer.AsMemory(count), end);
            if (read == 0)
            {
                throw new IOException("the client closed");
            }

            count += read;
            string text = Encoding.UTF8.GetString(buffer, 0, count);
            int body = text.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4;
            if (body < 4)
            {
                continue;
            }

            string length = text.Split("Content-Length: ")[1].Split('\r')[0];
            if (count - body >= int.Parse(length, CultureInfo.InvariantCulture))
            {
                return $"{text.Split(' ')[1]} {text[body..]}";
            }
        }
    }
}
