using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Twill.Agent;

/// <summary>An answer of the <see cref="StatusServer"/>.</summary>
/// <param name="Status">200, 404, ...</param>
/// <param name="Text">The body, UTF-8.</param>
internal sealed record StatusAnswer(int Status, string Text);

/// <summary>
/// Answers GET and HEAD with a text, over HTTP/1.1, one request per connection. Made for a prober and a scraper, and for whoever else finds
/// the port: few connections at once, little room for a request, little time for each.
/// </summary>
internal sealed class StatusServer : IDisposable
{
    private const int LongestRequest = 4096,
        MostConnections = 64;

    private readonly Socket _listener;
    private readonly Func<string, StatusAnswer> _answer;
    private readonly OpenConnections _open = new(MostConnections);
    private readonly CancellationTokenSource _stop = new();

    /// <param name="at">Where to listen.</param>
    /// <param name="answer">From the path of a request, without its query, to the answer; called on any thread.</param>
    /// <param name="limit">The longest that a connection lasts.</param>
    /// <exception cref="SocketException">The address is taken or not this host's.</exception>
    internal StatusServer(IPEndPoint at, Func<string, StatusAnswer> answer, TimeSpan limit)
    {
        _answer = answer;
        _listener = new Socket(at.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            _listener.Bind(at);
            _listener.Listen(MostConnections);
        }
        catch
        {
            _listener.Dispose();
            throw;
        }

        _ = _open.AcceptAsync(_listener, limit, ServeAsync, _stop.Token);
    }

    /// <summary>Where it listens: with the port that the kernel chose, if 0 was asked for.</summary>
    internal IPEndPoint Address => (IPEndPoint)_listener.LocalEndPoint!;

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Dispose();
    }

    private async Task ServeAsync(Socket connection, CancellationToken limit)
    {
        byte[] answer = Answer(await ReadHeadAsync(connection, limit).ConfigureAwait(false));
        for (int sent = 0; sent < answer.Length;)
        {
            sent += await connection.SendAsync(answer.AsMemory(sent), SocketFlags.None, limit).ConfigureAwait(false);
        }

        connection.Shutdown(SocketShutdown.Send);
        await connection.ReceiveAsync(new byte[LongestRequest], SocketFlags.None, limit).ConfigureAwait(false);
    }

    /// <summary>The request up to its empty line; null when that does not come in so much room.</summary>
    private static async Task<string?> ReadHeadAsync(Socket connection, CancellationToken limit)
    {
        byte[] buffer = new byte[LongestRequest];
        for (int length = 0; length < buffer.Length;)
        {
            int count = await connection.ReceiveAsync(buffer.AsMemory(length), SocketFlags.None, limit).ConfigureAwait(false);
            length += count;
            int end = buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8);
            if (end >= 0 || count == 0)
            {
                return Encoding.ASCII.GetString(buffer, 0, end >= 0 ? end : length);
            }
        }

        return null;
    }

    private byte[] Answer(string? head)
    {
        string[] line = (head ?? "").Split("\r\n")[0].Split(' ');
        StatusAnswer answer = (head, line) switch
        {
            (null, _) => new StatusAnswer(431, $"expected a request of at most {LongestRequest} bytes\n"),
            (_, not [_, _, "HTTP/1.0" or "HTTP/1.1"]) => new StatusAnswer(400, "expected a request like GET /healthz HTTP/1.1\n"),
            (_, ["GET" or "HEAD", ..]) => _answer(line[1].Split('?')[0]),
            _ => new StatusAnswer(405, "expected GET or HEAD\n"),
        };
        byte[] body = Encoding.UTF8.GetBytes(answer.Text);
        byte[] headers = Encoding.ASCII.GetBytes(
            $"HTTP/1.1 {answer.Status} {Reason(answer.Status)}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
                + $"Content-Length: {body.Length}\r\nConnection: close\r\n\r\n"
        );
        return line[0] == "HEAD" ? headers : [.. headers, .. body];
    }

    private static string Reason(int status) =>
        status switch
        {
            200 => "OK",
            400 => "Bad Request",
            404 => "Not Found",
            405 => "Method Not Allowed",
            431 => "Request Header Fields Too Large",
            _ => "Service Unavailable",
        };
}
