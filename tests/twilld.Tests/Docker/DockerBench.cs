using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Twill.Agent.Docker;
using Twill.Cni;
using Twill.Host.Backends;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.Testing;

namespace Twill.Agent.Tests.Docker;

/// <summary>Docker's driver on a socket of its own, with plugins that only remember what they were asked.</summary>
internal sealed class DockerBench : IDisposable
{
    internal const string Mac = "02:42:0a:f4:07:02";

    private const string IPv4 =
        """{"type":"twill","ipam":{"type":"twill-ipam","network":"10.244.0.0/16","etcd":{"endpoints":["http://127.0.0.1:1"]}}}""";

    private const string Dual =
        """{"type":"twill","ipam":{"type":"twill-ipam","subnet":"10.244.7.0/24","ipv6Subnet":"fc00::/64"}}""";

    private readonly TempDir _directory = TempDir.Create();
    private readonly LogCapture _log = new();
    private readonly DockerServer _server;
    private readonly HttpClient _client;

    internal DockerBench(bool isDual = false)
    {
        Plugins = new RememberedPlugins { IsDual = isDual };
        string plugin = isDual ? Dual : IPv4;
        _directory.Write("pods.conflist", $$"""{"cniVersion":"1.0.0","name":"pods","plugins":[{{plugin}}]}""");
        DockerCatalog catalog = new(() => NetworkConfigList.Load(_directory.Path, BackendTable.All).Networks);
        State = new StateDir(_directory.At("run"));
        Endpoints = new Endpoints(State, Plugins);
        NetworkDriver driver = new(catalog, new DockerNetworks(_directory.At("lib/.docker.json")), Endpoints, _log.Log);
        DockerApi api = new(driver, new IpamDriver(catalog, Endpoints, State), _log.Log);
        SocketPath = _directory.At("twill.sock");
        _server = new DockerServer(SocketPath, api.AnswerAsync);
        _client = new HttpClient(
            new SocketsHttpHandler
            {
                ConnectCallback = async (_, stop) => new NetworkStream(await ConnectAsync(SocketPath, stop), ownsSocket: true),
            }
        );
    }

    internal string SocketPath { get; }

    internal StateDir State { get; }

    internal Endpoints Endpoints { get; }

    internal RememberedPlugins Plugins { get; }

    internal Log Log => _log.Log;

    /// <summary>Asks, and gives the answer's status and body.</summary>
    internal (int Status, JsonElement Body) Post(string path, string body)
    {
        using StringContent content = new(body, Encoding.UTF8, "application/json");
        using HttpResponseMessage answer = _client.PostAsync($"http://twill{path}", content).GetAwaiter().GetResult();
        using JsonDocument document = JsonDocument.Parse(answer.Content.ReadAsStringAsync().GetAwaiter().GetResult());
        return ((int)answer.StatusCode, document.RootElement.Clone());
    }

    /// <summary>Asks for what succeeds.</summary>
    internal JsonElement Do(string path, string body)
    {
        (int status, JsonElement answer) = Post(path, body);
        status.Should().Be(200);
        answer.TryGetProperty("Err", out JsonElement error).Should().BeFalse($"{path}: {error}");
        return answer;
    }

    /// <summary>Asks for what is refused; gives the error.</summary>
    internal string Refused(string path, string body)
    {
        (_, JsonElement answer) = Post(path, body);
        answer.TryGetProperty("Err", out JsonElement error).Should().BeTrue($"{path} answered {answer}");
        return error.GetString()!;
    }

    /// <summary>`docker network create`.</summary>
    internal void CreateNetwork(string id = "n1") =>
        Do(
            "/NetworkDriver.CreateNetwork",
            $$$"""
            {"NetworkID":"{{{id}}}","Options":{"com.docker.network.generic":{"network":"pods"}},
             "IPv4Data":[{"AddressSpace":"twill","Pool":"10.244.0.0/16","Gateway":"10.244.0.1/16"}],"IPv6Data":[]}
            """
        );

    /// <summary>An address for a hardware address; gives it with its length.</summary>
    internal string RequestAddress(string mac = Mac, string wanted = "", string pool = "4/pods") =>
        Do("/IpamDriver.RequestAddress", AddressRequest(mac, wanted, pool)).GetProperty("Address").GetString()!;

    internal static string AddressRequest(string mac = Mac, string wanted = "", string pool = "4/pods") =>
        $$$"""
        {"PoolID":"{{{pool}}}","Address":"{{{wanted}}}","Options":{"com.docker.network.endpoint.macaddress":"{{{mac}}}"}}
        """;

    internal static string EndpointRequest(string id, string address, string mac = Mac, string options = "{}") =>
        $$$"""
        {"NetworkID":"n1","EndpointID":"{{{id}}}","Options":{{{options}}},
         "Interface":{"Address":"{{{address}}}","AddressIPv6":"","MacAddress":"{{{mac}}}"}}
        """;

    internal static Socket Connect(string path) => ConnectAsync(path, CancellationToken.None).AsTask().GetAwaiter().GetResult();

    private static async ValueTask<Socket> ConnectAsync(string path, CancellationToken stop)
    {
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), stop);
        return socket;
    }

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
        _log.Dispose();
        _directory.Dispose();
    }
}

/// <summary>Plugins that give addresses one after the other, and remember what they were asked.</summary>
internal sealed class RememberedPlugins : IPluginRunner
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, CniResult> _held = [];
    private int _last = 1;

    /// <summary>Each call: plugin, verb and container id.</summary>
    internal List<string> Calls { get; } = [];

    /// <summary>The configuration of the last call.</summary>
    internal JsonElement LastConfig { get; private set; }

    /// <summary>What the next ADD fails with.</summary>
    internal CniException? Failure { get; set; }

    /// <summary>Whether addresses of both families are given.</summary>
    internal bool IsDual { get; init; }

    public Task<CniResult?> RunAsync(
        string plugin,
        CniVerb verb,
        CniAttachment attachment,
        string netns,
        byte[] config,
        CancellationToken stop
    )
    {
        lock (_lock)
        {
            Calls.Add($"{plugin} {verb.Name()} {attachment.ContainerId}");
            using JsonDocument document = JsonDocument.Parse(config);
            LastConfig = document.RootElement.Clone();
            if (verb == CniVerb.Del)
            {
                if (LastConfig.TryGetProperty("ipam", out _))
                {
                    _held.Remove(attachment.ContainerId);
                }

                return Task.FromResult<CniResult?>(null);
            }

            if (Failure is { } failure)
            {
                Failure = null;
                throw failure;
            }

            if (!_held.TryGetValue(attachment.ContainerId, out CniResult? result))
            {
                _held[attachment.ContainerId] = result = new CniResult { Ips = [.. Addresses()] };
            }

            return Task.FromResult<CniResult?>(result);
        }
    }

    private IEnumerable<CniIp> Addresses()
    {
        List<string> wanted = LastConfig.GetProperty("args").GetProperty("cni").TryGetProperty("ips", out JsonElement ips)
            ? [.. ips.EnumerateArray().Select(ip => ip.GetString()!)]
            : [];
        int number = ++_last;
        foreach (string any in IsDual ? new[] { $"10.244.7.{number}", $"fc00::{number}" } : [$"10.244.7.{number}"])
        {
            string address = wanted.Find(one => one.Contains(':') == any.Contains(':')) ?? any;
            yield return new CniIp(IPAddress.Parse(address), any.Contains(':') ? 64 : 24, null);
        }
    }
}
