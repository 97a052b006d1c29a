using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Twill.Testing;

/// <summary>
/// Asks an etcd without TLS and users by its JSON interface, one request a connection. A run of etcdctl takes as much processor time as
/// six of ip, and tests ask often.
/// </summary>
/// <param name="place">The namespaces from which it is asked; null for here.</param>
/// <param name="server">Where etcd listens.</param>
internal sealed class EtcdGateway(Namespaces? place, IPEndPoint server)
{
    private const int Milliseconds = 5000; // as long as etcdctl waits

    /// <summary>The pairs with a key, or below a prefix.</summary>
    internal IEnumerable<JsonElement> Range(string key, bool isPrefix = false)
    {
        JsonObject request = new() { ["key"] = Encode(key) };
        if (isPrefix)
        {
            byte[] end = Encoding.UTF8.GetBytes(key);
            end[^1]++; // the first key that does not begin so; no prefix ends with 0xff
            request["range_end"] = Convert.ToBase64String(end);
        }

        return Post("/v3/kv/range", request).TryGetProperty("kvs", out JsonElement pairs) ? pairs.EnumerateArray() : [];
    }

    internal void Put(string key, string value, long lease = 0) =>
        Post("/v3/kv/put", new() { ["key"] = Encode(key), ["value"] = Encode(value), ["lease"] = $"{lease}" });

    /// <summary>A part of an answer, in UTF-8; what is empty etcd leaves out.</summary>
    internal static string Decode(JsonElement pair, string name) =>
        pair.TryGetProperty(name, out JsonElement value) ? Encoding.UTF8.GetString(value.GetBytesFromBase64()) : "";

    private static string Encode(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private JsonElement Post(string path, JsonObject request)
    {
        string body = request.ToJsonString();
        string answer;
        try
        {
            using Socket socket = place is null ? NewSocket() : place.Run(NewSocket);
            socket.SendTimeout = socket.ReceiveTimeout = Milliseconds; // of connect(2) as well
            socket.Connect(server);
            // HTTP/1.0: the answer ends with the connection.
            socket.Send(Encoding.UTF8.GetBytes($"POST {path} HTTP/1.0\r\nHost: etcd\r\nContent-Length: {body.Length}\r\n\r\n{body}"));
            using StreamReader reader = new(new NetworkStream(socket), new UTF8Encoding(false));
            answer = reader.ReadToEnd();
        }
        catch (Exception e) when (e is SocketException or IOException or SpawnException)
        {
            throw new CmdException($"etcd at {server}, {path} {body}: {e.Message}");
        }

        string[] parts = answer.Split("\r\n\r\n", 2);
        if (parts.Length < 2 || !parts[0].Split("\r\n")[0].Contains(" 200 ", StringComparison.Ordinal))
        {
            throw new CmdException($"etcd at {server}, {path} {body}: {answer}");
        }

        using JsonDocument document = JsonDocument.Parse(parts[1]);
        return document.RootElement.Clone();
    }

    private Socket NewSocket() => new(server.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
}
