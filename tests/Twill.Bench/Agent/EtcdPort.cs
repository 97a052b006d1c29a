using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Twill.Linux;

namespace Twill.Bench.Agent;

/// <summary>
/// One connection to an etcd's JSON gateway, made inside a network namespace and used by one thread without waiting for any other: what it
/// measures is etcd.
/// </summary>
internal sealed class EtcdPort : IDisposable
{
    private readonly Socket _socket;
    private readonly string _host;
    private readonly byte[] _buffer = new byte[1 << 20];

    public EtcdPort(int pid, IPEndPoint at)
    {
        using NetNs ns = NetNs.Open($"/proc/{pid}/ns/net");
        _host = at.ToString();
        _socket = ns.Run(() =>
        {
            Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
            {
                NoDelay = true,
                ReceiveTimeout = 60_000,
            };
            socket.Connect(at);
            return socket;
        });
    }

    /// <summary>Writes one key.</summary>
    public void Put(string key, string value) => Post("/v3/kv/put", $$"""{"key":"{{Base64(key)}}","value":"{{Base64(value)}}"}""");

    /// <summary>Deletes one key.</summary>
    public void Delete(string key) => Post("/v3/kv/deleterange", $$"""{"key":"{{Base64(key)}}"}""");

    /// <summary>Writes many keys, as many in a transaction as etcd allows.</summary>
    public void PutAll(IEnumerable<(string Key, string Value)> pairs)
    {
        foreach ((string Key, string Value)[] some in pairs.Chunk(100))
        {
            IEnumerable<string> puts = some.Select(p =>
                $$$"""{"request_put":{"key":"{{{Base64(p.Key)}}}","value":"{{{Base64(p.Value)}}}"}}"""
            );
            Post("/v3/kv/txn", $$"""{"success":[{{string.Join(',', puts)}}]}""");
        }
    }

    /// <summary>How many calls etcd has begun to serve since it was started, watches among them.</summary>
    public double CallsServed() =>
        Ask($"GET /metrics HTTP/1.1\r\nHost: {_host}\r\n\r\n")
            .Split('\n')
            .Where(line => line.StartsWith("grpc_server_started_total{", StringComparison.Ordinal))
            .Sum(line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));

    public void Dispose() => _socket.Dispose();

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private void Post(string path, string json) =>
        Ask($"POST {path} HTTP/1.1\r\nHost: {_host}\r\nContent-Type: application/json\r\nContent-Length: {json.Length}\r\n\r\n{json}");

    private string Ask(string request)
    {
        _socket.Send(Encoding.ASCII.GetBytes(request));
        int length = 0;
        while (true)
        {
            int count = _socket.Receive(_buffer, length, _buffer.Length - length, SocketFlags.None);
            length += count;
            string answer = Encoding.ASCII.GetString(_buffer, 0, length);
            int end = answer.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (end < 0 && count > 0)
            {
                continue;
            }

            if (!answer.StartsWith("HTTP/1.", StringComparison.Ordinal) || !answer[8..].StartsWith(" 200", StringComparison.Ordinal))
            {
                throw new InvalidOperationException($"etcd at {_host}: expected status 200, got '{answer}'");
            }

            bool whole = IsChunked(answer[..end])
                ? answer.EndsWith("\r\n0\r\n\r\n", StringComparison.Ordinal)
                : length - end - 4 >= ContentLength(answer[..end]);
            if (whole)
            {
                return IsChunked(answer[..end]) ? Joined(answer[(end + 4)..]) : answer[(end + 4)..];
            }

            if (count == 0)
            {
                throw new InvalidOperationException($"etcd at {_host} ended the connection in the middle of an answer");
            }
        }
    }

    private static bool IsChunked(string head) => head.Contains("\r\nTransfer-Encoding: chunked", StringComparison.OrdinalIgnoreCase);

    /// <summary>Chunks without the lines of their lengths.</summary>
    private static string Joined(string chunks)
    {
        StringBuilder text = new();
        for (int at = 0; ;)
        {
            int line = chunks.IndexOf("\r\n", at, StringComparison.Ordinal);
            int length = int.Parse(chunks.AsSpan(at, line - at), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            if (length == 0)
            {
                return text.ToString();
            }

            text.Append(chunks, line + 2, length);
            at = line + 2 + length + 2;
        }
    }

    private static int ContentLength(string head)
    {
        foreach (string line in head.Split("\r\n"))
        {
            if (line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase))
            {
                return int.Parse(line["Content-Length:".Length..], CultureInfo.InvariantCulture);
            }
        }
        return 0;
    }
}
