using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>A plugin's standard output belongs to the runtime: it has one JSON document, whatever etcd does meanwhile. No library that
/// speaks to etcd may write there.</summary>
[RequiresEtcd]
public sealed class StdoutTests : IDisposable
{
    private readonly TempDir _temp = TempDir.Create();

    /// <summary>What the published program meets where etcd should be, and the code of its answer; 0: it works.</summary>
    public static TheoryData<string, int> Peers =>
        new()
        {
            { "etcd", 0 },
            { "etcd with TLS", 0 },
            { "etcd that stands still", 11 },
            { "etcd with a certificate that is not trusted", 101 },
            { "etcd that wants a certificate", 101 },
            { "etcd that wants a user", 101 },
            { "nobody", 11 },
            { "silence", 11 },
            { "a reset", 11 },
            { "HTTP/1.1", 101 },
            { "half a frame", 11 },
            { "a stream that is reset", 11 },
            { "the end of all streams", 11 },
            { "no gRPC", 101 },
            { "garbage", 101 },
        };

    [Theory]
    [MemberData(nameof(Peers))]
    public void Standard_output_has_one_document_and_nothing_else(string peer, int code)
    {
        using EtcdServer? etcd = peer.StartsWith("etcd", StringComparison.Ordinal)
            ? EtcdServer.Start(
                new EtcdServerOptions
                {
                    Tls = peer.Contains("TLS", StringComparison.Ordinal) || peer.Contains("certificate", StringComparison.Ordinal),
                    ClientCertificates = peer.Contains("wants a certificate", StringComparison.Ordinal),
                    RootPassword = peer.Contains("user", StringComparison.Ordinal) ? "secret" : null,
                }
            )
            : null;
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        string endpoint = etcd?.Endpoint ?? $"http://{listener.LocalEndpoint}";
        if (peer == "nobody")
        {
            listener.Stop();
        }
        else if (etcd is null)
        {
            _ = Answer(listener, peer);
        }

        if (peer == "etcd that stands still")
        {
            etcd!.Pause();
        }

        string ca =
            etcd?.Certificates is { } files && !peer.Contains("not trusted", StringComparison.Ordinal)
                ? $",\"caFile\":\"{files.CaFile}\""
                : "";
        string config = $$"""
            {"cniVersion":"1.0.0","name":"net","type":"bridge","ipam":{"type":"twill-ipam","network":"10.9.0.0/16","dataDir":"{{_temp.Path}}",
            "etcd":{"endpoints":["{{endpoint}}"]{{ca}}} } }
            """;
        CniProcess plugin = new(Path.Combine(RepoPaths.Bin, "twill-ipam"))
        {
            ContainerId = "c1",
            Netns = "/proc/self/ns/net",
            IfName = "eth0",
            Env = new Dictionary<string, string?> { ["TWILL_STATE_DIR"] = _temp.At("run") },
        };

        CniAnswer answer = plugin.Add(config);

        using JsonDocument document = JsonDocument.Parse(answer.Stdout); // of more than one it complains
        if (code == 0)
        {
            answer.OrThrow();
            document.RootElement.TryGetProperty("ips", out _).Should().BeTrue(answer.ToString());
            return;
        }

        answer.ExitCode.Should().Be(1);
        answer.ErrorCode.Should().Be(code, answer.ToString());
        answer.ErrorText.Should().Contain(endpoint);
    }

    public void Dispose() => _temp.Dispose();

    private static async Task Answer(TcpListener listener, string how)
    {
        byte[] settings = Frame(4, 0, 0, []),
            status = [0x88]; // :status 200, from the static table (RFC 7541)
        byte[] answer = how switch
        {
            "HTTP/1.1" => Encoding.ASCII.GetBytes("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
            "half a frame" => settings[..5],
            "a stream that is reset" => [.. settings, .. Frame(3, 0, 1, [0, 0, 0, 8])],
            "the end of all streams" => [.. settings, .. Frame(7, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0])],
            "no gRPC" => [.. settings, .. Frame(1, 5, 1, status)],
            "garbage" => [.. settings, .. Frame(0, 0, 0, [1, 2, 3])],
            _ => [],
        };
        List<TcpClient> open = [];
        try
        {
            while (true)
            {
                TcpClient client = await listener.AcceptTcpClientAsync();
                open.Add(client);
                byte[] request = new byte[64 << 10];
                for (int count = 0; count < 24;) // the preface
                {
                    count += await client.GetStream().ReadAsync(request);
                }

                if (how == "silence")
                {
                    continue;
                }

                if (how == "a reset")
                {
                    client.LingerState = new LingerOption(true, 0);
                    client.Dispose();
                    continue;
                }

                await client.GetStream().WriteAsync(answer);
                await Task.Delay(200); // so that what was sent for the answer is read before the end
                client.Client.Shutdown(SocketShutdown.Send);
            }
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException)
        {
            open.ForEach(client => client.Dispose()); // the test is over
        }
    }

    private static byte[] Frame(byte type, byte flags, byte stream, byte[] payload) =>
        [0, 0, (byte)payload.Length, type, flags, 0, 0, 0, stream, .. payload];
}
