using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Twill.Agent.Docker;

/// <summary>An answer to Docker.</summary>
/// <param name="Status">200, 400, 404, ...</param>
/// <param name="Body">JSON, UTF-8.</param>
internal sealed record DockerAnswer(int Status, byte[] Body);

/// <summary>
/// Answers POST over a socket in the file system, HTTP/1.1, several requests on a connection one after the other: what Docker's plugin
/// protocol asks for, and no more. Connections, heads, bodies and the time in which a request must arrive are bounded. How long the answer
/// takes is not: a first subnet may have to be leased.
/// </summary>
internal sealed class DockerServer : IDisposable
{
    private const int LongestHead = 8192,
        LongestBody = 256 * 1024,
        MostConnections = 256;

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private static readonly TimeSpan s_arrival = TimeSpan.FromSeconds(10),
        s_idle = TimeSpan.FromMinutes(2);

    private readonly string _path;
    private readonly Socket _listener;
    private readonly Func<string, ReadOnlyMemory<byte>, CancellationToken, Task<DockerAnswer>> _answer;
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _room = new(MostConnections);

    /// <param name="path">The socket. What a former agent left there is replaced.</param>
    /// <param name="answer">From the path of a request and its body to the answer.</param>
    /// <exception cref="SocketException">It cannot be made.</exception>
    /// <exception cref="IOException">Another program answers there.</exception>
    internal DockerServer(string path, Func<string, ReadOnlyMemory<byte>, CancellationToken, Task<DockerAnswer>> answer)
    {
        (_path, _answer) = (path, answer);
        RemoveStale(path);
        _listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            _listener.Bind(new UnixDomainSocketEndPoint(path));
            if (OperatingSystem.IsLinux())
            {
                File.SetUnixFileMode(path, OwnerOnly);
            }

            _listener.Listen(MostConnections);
        }
        catch
        {
            _listener.Dispose();
            throw;
        }

        _ = AcceptAsync();
    }

    public void Dispose()
    {
        _stop.Cancel();
        File.Delete(_path);
        _listener.Dispose();
    }

    private static void RemoveStale(string path)
    {
        if (!File.Exists(path))
        {
            return;
        }

        using Socket probe = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (SocketException)
        {
            File.Delete(path);
            return;
        }

        throw new IOException($"{path}: another program answers there already; end it (ss -xlp src {path} shows it)");
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await _room.WaitAsync(_stop.Token).ConfigureAwait(false);
                _ = ServeAsync(await _listener.AcceptAsync(_stop.Token).ConfigureAwait(false));
            }
            catch (SocketException)
            {
                _room.Release();
                await Task.Delay(100, CancellationToken.None).ConfigureAwait(false);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(Socket connection)
    {
        try
        {
            using (connection)
            {
                Incoming incoming = new(connection);
                while (await TryServeOneAsync(connection, incoming).ConfigureAwait(false))
                {
                    // The next request of the same connection.
                }
            }
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // Whoever asked went away, or took too long: nobody is left to be told.
        }
        finally
        {
            _room.Release();
        }
    }

    /// <returns>Whether another request may follow.</returns>
    private async Task<bool> TryServeOneAsync(Socket connection, Incoming incoming)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        limit.CancelAfter(s_idle);
        if (!await incoming.AwaitAsync(limit.Token).ConfigureAwait(false))
        {
            return false;
        }

        limit.CancelAfter(s_arrival);
        (DockerRequest? request, DockerAnswer? refusal) = await ReadAsync(incoming, limit.Token).ConfigureAwait(false);
        if (request is null)
        {
            await SendAsync(connection, refusal!, close: true, limit.Token).ConfigureAwait(false);
            return false;
        }

        DockerAnswer answer = await _answer(request.Path, request.Body, _stop.Token).ConfigureAwait(false);
        limit.CancelAfter(s_arrival);
        await SendAsync(connection, answer, request.Closes, limit.Token).ConfigureAwait(false);
        return !request.Closes;
    }

    private static async Task<(DockerRequest? Request, DockerAnswer? Refusal)> ReadAsync(Incoming incoming, CancellationToken limit)
    {
        if (await incoming.ReadHeadAsync(LongestHead, limit).ConfigureAwait(false) is not { } head)
        {
            return (null, Refusal(431, $"expected a request whose head has at most {LongestHead} bytes"));
        }

        string[] lines = head.Split("\r\n");
        if (lines[0].Split(' ') is not [{ } method, { } path, "HTTP/1.0" or "HTTP/1.1"])
        {
            return (null, Refusal(400, "expected a request like POST /Plugin.Activate HTTP/1.1"));
        }

        if (method != "POST")
        {
            return (null, Refusal(405, "expected POST"));
        }

        if (Header(lines, "Transfer-Encoding") is not null)
        {
            return (null, Refusal(411, "expected a body with Content-Length"));
        }

        if (
            !int.TryParse(Header(lines, "Content-Length") ?? "0", NumberStyles.None, CultureInfo.InvariantCulture, out int length)
            || length > LongestBody
        )
        {
            return (null, Refusal(413, $"expected a body of at most {LongestBody} bytes"));
        }

        byte[] body = await incoming.ReadBodyAsync(length, limit).ConfigureAwait(false);
        bool closes = lines[0].EndsWith("1.0", StringComparison.Ordinal) || Header(lines, "Connection") is "close";
        return (new DockerRequest(path.Split('?')[0], body, closes), null);
    }

    private static string? Header(string[] lines, string name)
    {
        foreach (string line in lines.AsSpan(1))
        {
            int colon = line.IndexOf(':');
            if (colon > 0 && line.AsSpan(0, colon).Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return line[(colon + 1)..].Trim();
            }
        }

        return null;
    }

    private static DockerAnswer Refusal(int status, string text) => new(status, DockerApi.ErrorOf(text));

    private static async Task SendAsync(Socket connection, DockerAnswer answer, bool close, CancellationToken limit)
    {
        byte[] head = Encoding.ASCII.GetBytes(
            $"HTTP/1.1 {answer.Status} {(answer.Status == 200 ? "OK" : "Refused")}\r\n"
                + $"Content-Type: application/vnd.docker.plugins.v1.2+json\r\nContent-Length: {answer.Body.Length}\r\n"
                + $"Connection: {(close ? "close" : "keep-alive")}\r\n\r\n"
        );
        byte[] all = [.. head, .. answer.Body];
        for (int sent = 0; sent < all.Length;)
        {
            sent += await connection.SendAsync(all.AsMemory(sent), SocketFlags.None, limit).ConfigureAwait(false);
        }
    }

    private sealed record DockerRequest(string Path, byte[] Body, bool Closes);

    /// <summary>What has arrived on a connection and was not read yet.</summary>
    private sealed class Incoming(Socket connection)
    {
        private readonly byte[] _buffer = new byte[LongestHead];
        private int _length;

        /// <summary>Waits for something to arrive; false at the end of the stream.</summary>
        internal async Task<bool> AwaitAsync(CancellationToken limit) => _length > 0 || await ReceiveAsync(limit).ConfigureAwait(false);

        /// <summary>Reads up to the empty line; null when that does not come in so much room.</summary>
        internal async Task<string?> ReadHeadAsync(int most, CancellationToken limit)
        {
            while (true)
            {
                int end = _buffer.AsSpan(0, _length).IndexOf("\r\n\r\n"u8);
                if (end >= 0)
                {
                    string head = Encoding.ASCII.GetString(_buffer, 0, end);
                    Drop(end + 4);
                    return head;
                }

                if (_length == most)
                {
                    return null;
                }

                if (!await ReceiveAsync(limit).ConfigureAwait(false))
                {
                    return "";
                }
            }
        }

        /// <summary>Reads so many bytes.</summary>
        /// <exception cref="SocketException">The stream ends before.</exception>
        internal async Task<byte[]> ReadBodyAsync(int length, CancellationToken limit)
        {
            byte[] body = new byte[length];
            int have = Math.Min(length, _length);
            _buffer.AsSpan(0, have).CopyTo(body);
            Drop(have);
            while (have < length)
            {
                int count = await connection.ReceiveAsync(body.AsMemory(have), SocketFlags.None, limit).ConfigureAwait(false);
                have += count > 0 ? count : throw new SocketException((int)SocketError.ConnectionReset);
            }

            return body;
        }

        private async Task<bool> ReceiveAsync(CancellationToken limit)
        {
            int count = await connection.ReceiveAsync(_buffer.AsMemory(_length), SocketFlags.None, limit).ConfigureAwait(false);
            _length += count;
            return count > 0;
        }

        private void Drop(int count)
        {
            _buffer.AsSpan(count, _length - count).CopyTo(_buffer);
            _length -= count;
        }
    }
}
