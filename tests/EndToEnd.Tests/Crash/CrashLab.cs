using System.Globalization;
using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Crash;

/// <summary>What tests that kill programs share: the tool that kills, an underlay with an etcd, and hosts on it that last for one
/// kill.</summary>
public sealed class CrashLab : IDisposable
{
    private const int FirstAddress = 20,
        Addresses = 170;

    private readonly TempDir _directory = TempDir.Create();
    private int _hosts;

    public CrashLab()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return;
        }

        try
        {
            BuildKillat(Killat);
            Lab = Lab.Create();
            Lab.StartEtcd();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal Lab Lab { get; } = null!;

    /// <summary>The path of the tool.</summary>
    internal string Killat => _directory.At("killat");

    private static string Sources => Path.Combine(RepoPaths.Root, "tests", "EndToEnd.Tests", "Crash");

    /// <summary>Makes the tool from its source.</summary>
    internal static void BuildKillat(string path) =>
        Cmd.Run("gcc", ["-O1", "-Wall", "-Wextra", "-Werror", "-o", path, Path.Combine(Sources, "killat.c")], TimeSpan.FromMinutes(1))
            .OrThrow();

    /// <summary>A host of its own for one kill (null: nobody is killed), and how it was afterwards.</summary>
    internal Aftermath Run(KillCase what, KillPoint? point)
    {
        int run = Interlocked.Increment(ref _hosts),
            number = run % Addresses;
        string prefix = $"/crash/{run}",
            conf = _directory.At($"conf-{run}");
        foreach ((string name, JsonObject content) in Configurations(what, prefix))
        {
            _directory.Write(Path.Combine(conf, $"{name}.json"), content.ToJsonString());
        }

        string[] kill = point is null ? ["", "0"] : [point.Program, $"{point.Number}", .. point.Options];
        Dictionary<string, string?> env = new()
        {
            ["KILLAT"] = Killat,
            ["BIN"] = RepoPaths.Bin,
            ["CONF"] = conf,
            ["UNDERLAY"] = Lab.Underlay.Pid.ToString(CultureInfo.InvariantCulture),
            ["CABLE"] = $"h{number:000000}",
            ["ADDRESS"] = $"192.168.50.{FirstAddress + number}",
        };
        string[] line = ["--net", Path.Combine(Sources, "host.sh"), what.Name, .. kill];
        CmdResult result = Cmd.Run("unshare", line, TimeSpan.FromMinutes(1), env).OrThrow();
        return Aftermath.Read(result, what.Leases ? Lab.Etcd!.List($"{prefix}/subnets/").Count : 0);
    }

    public void Dispose()
    {
        Lab?.Dispose();
        _directory.Dispose();
    }

    private static IEnumerable<(string Name, JsonObject Content)> Configurations(KillCase what, string prefix)
    {
        JsonObject Conf(Action<JsonObject> change)
        {
            JsonObject list = what.Leases ? SampleConf.Cluster($"http://{Lab.EtcdAddress}:2379") : SampleConf.Single();
            if (what.Leases)
            {
                list.Ipam()["etcd"]!["prefix"] = prefix;
            }

            if (what.Name.EndsWith("rich", StringComparison.Ordinal) || what.IsRouted)
            {
                list.Ipam()["ipv6Subnet"] = "fd00:244::/64";
            }

            list.Ipam()["dataDir"] = "/run/data";
            JsonObject conf = list.ForPlugin();
            conf["cniVersion"] = "1.1.0";
            change(conf);
            return conf;
        }

        yield return ("plain", Conf(_ => { }));
        yield return ("rich", Conf(conf => conf["runtimeConfig"] = PortsAndLimits(8080)));
        yield return ("routed", Conf(conf => conf["icc"] = false));
        yield return ("neighbour", Conf(conf => conf["runtimeConfig"] = PortsAndLimits(9090)));
        yield return (
            "gc",
            Conf(conf => conf["cni.dev/valid-attachments"] = new JsonArray(new JsonObject { ["containerID"] = "n1", ["ifname"] = "eth0" }))
        );
    }

    private static JsonObject PortsAndLimits(int port) =>
        new()
        {
            ["portMappings"] = new JsonArray(
                new JsonObject
                {
                    ["hostPort"] = port,
                    ["containerPort"] = 80,
                    ["protocol"] = "tcp",
                },
                new JsonObject
                {
                    ["hostPort"] = port,
                    ["containerPort"] = 53,
                    ["protocol"] = "udp",
                }
            ),
            ["bandwidth"] = new JsonObject
            {
                ["ingressRate"] = 8_000_000,
                ["ingressBurst"] = 8_000_000,
                ["egressRate"] = 8_000_000,
                ["egressBurst"] = 8_000_000,
            },
        };
}
