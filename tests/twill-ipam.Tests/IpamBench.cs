using System.Text.Json;
using Twill.Cni;
using Twill.Network.State;
using Twill.Testing;

namespace Twill.Ipam.Tests;

/// <summary>A clock that a test sets.</summary>
internal sealed class FakeClock : IBootClock
{
    public string BootId { get; set; } = "boot-1";

    private double _now = 1000,
        _standstill;
    private int _looksBefore;

    public double Now
    {
        get
        {
            double now = _now;
            if (_standstill > 0 && --_looksBefore == 0)
            {
                (_now, _standstill) = (_now + _standstill, 0);
            }

            return now;
        }
        set => _now = value;
    }

    /// <summary>The process stands still for so many seconds right after it has looked at the clock so many times.</summary>
    public void StandStillAfter(int looks, double seconds) => (_looksBefore, _standstill) = (looks, seconds);
}

/// <summary>One host as the plugin sees it: a data directory, a state directory and a clock of its own; verbs run in this
/// process.</summary>
internal sealed class IpamBench : IDisposable
{
    private readonly TempDir _temp = TempDir.Create();

    public FakeClock Clock { get; } = new();

    public string DataDir => _temp.At("data");

    public StateDir State => new(_temp.At("run"));

    public NetworkStateDir NetworkStateDir => State.Network("net");

    /// <summary>What the plugin said on standard error, all calls together.</summary>
    public List<string> Log { get; } = [];

    /// <summary>The directory of the network's records.</summary>
    public string Records => $"{DataDir}/net";

    /// <summary>A configuration with a fixed subnet; <paramref name="ipam"/> is put into the section.</summary>
    public string Fixed(string subnet = "10.1.2.0/24", string ipam = "", string top = "", string version = "1.1.0") =>
        $$"""{"cniVersion":"{{version}}","name":"net",{{Type(top)}}{{top}},"ipam":{"type":"twill-ipam","subnet":"{{subnet}}","dataDir":"{{DataDir}}"{{ipam}} } }""";

    /// <summary>A configuration with leases from etcd.</summary>
    public string Leased(
        string endpoints,
        string network = "10.244.0.0/16",
        int subnetLen = 24,
        string ipam = "",
        string top = "",
        string prefix = "/twill/net"
    ) =>
        $$"""
            {"cniVersion":"1.1.0","name":"net",{{Type(
                top
            )}}{{top}},"ipam":{"type":"twill-ipam","network":"{{network}}","subnetLen":{{subnetLen}},
            "dataDir":"{{DataDir}}","etcd":{"endpoints":["{{endpoints.Replace(
                ",",
                "\",\"",
                StringComparison.Ordinal
            )}}"],"prefix":"{{prefix}}"}{{ipam}} } }
            """;

    /// <summary>Whether the main plugin still lives.</summary>
    public bool IsAwaited { get; set; } = true;

    public CniAnswer Run(
        string verb,
        string config,
        string container = "c1",
        string ifName = "eth0",
        string? netns = "/proc/self/ns/net",
        string args = ""
    )
    {
        (string, string)[] environment =
        [
            ("CNI_COMMAND", verb),
            ("CNI_CONTAINERID", container),
            ("CNI_IFNAME", ifName),
            ("CNI_PATH", "/opt/cni/bin"),
            .. netns is null ? Array.Empty<(string, string)>() : [("CNI_NETNS", netns)],
            .. args.Length == 0 ? Array.Empty<(string, string)>() : [("CNI_ARGS", args)],
        ];
        var process = new FakeCniProcess(config, environment);
        int exitCode = CniPlugin.Run(Program.Verbs(new(() => new IpamHost(State, Clock, line =>
                    {
                        lock (Log)
                        {
                            Log.Add(line);
                        }
                    })
        { IsAwaited = () => IsAwaited })), process);
        return new CniAnswer(exitCode, process.Stdout, string.Join('\n', process.StderrLines));
    }

    /// <summary>ADD, and the address it gave, with its prefix length.</summary>
    public string Add(
        string config,
        string container = "c1",
        string ifName = "eth0",
        string? netns = "/proc/self/ns/net",
        string args = ""
    ) => AddressOf(Run("ADD", config, container, ifName, netns, args).OrThrow().Json);

    public static string AddressOf(JsonElement result) => result.GetProperty("ips")[0].GetProperty("address").GetString()!;

    private static string Type(string top) => top.Contains("\"type\"", StringComparison.Ordinal) ? "\"x\":0" : "\"type\":\"bridge\"";

    /// <summary>The names of all address records.</summary>
    public IEnumerable<string> Recorded =>
        Directory.Exists(Records)
            ? Directory.GetFiles(Records).Select(f => Path.GetFileName(f)).Where(n => char.IsAsciiDigit(n[0])).Order()
            : [];

    /// <summary>Every file and link below the records' directory.</summary>
    public IEnumerable<string> AllFiles =>
        Directory.EnumerateFiles(Records, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(Records, f)).Order();

    public string Write(string name, string content) => _temp.Write(name, content);

    public void Dispose() => _temp.Dispose();
}
