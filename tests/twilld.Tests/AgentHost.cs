using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Twill.Testing;

namespace Twill.Agent.Tests;

/// <summary>One host of an <see cref="AgentLab"/>.</summary>
internal sealed partial class AgentHost : IDisposable
{
    /// <summary>Where <see cref="PeersTests.Metric"/> asks: `--listen` of an agent that is to tell its figures.</summary>
    internal const string Listen = "127.0.0.1:9116";

    private readonly AgentLab _lab;
    private readonly string _directory;

    internal AgentHost(AgentLab lab, int number, string directory)
    {
        (_lab, _directory, Address, AddressV6) = (lab, directory, $"192.168.64.{number}", $"fd00:64::{number}");
        Directory.CreateDirectory(ConfDir);
    }

    internal TestNetns Ns { get; } = TestNetns.Create();

    internal string Address { get; }

    /// <summary>Its IPv6 address, if the lab's underlay has IPv6.</summary>
    internal string AddressV6 { get; }

    internal string ConfDir => Path.Combine(_directory, "net.d");

    internal string DataDir => Path.Combine(_directory, "data");

    internal Daemon? Agent { get; private set; }

    /// <summary>Given to twilld as NOTIFY_SOCKET.</summary>
    internal string? NotifySocket { get; set; }

    /// <summary>Given to twilld as WATCHDOG_USEC.</summary>
    internal long? WatchdogMicroseconds { get; set; }

    /// <summary>The only capabilities that twilld gets, as setpriv names them ("net_admin", ...); null: all that the tests have.</summary>
    internal IReadOnlyList<string>? Capabilities { get; set; }

    internal string Log => Agent?.Log ?? "";

    /// <summary>The first subnet of the network "pods", e.g. "10.244.7.0/24".</summary>
    internal string Subnet => State("subnet.json").GetProperty("subnets")[0].GetString()!;

    /// <summary>The base address of <see cref="Subnet"/>: the next hop to it.</summary>
    internal string Base => Subnet[..^"/24".Length];

    /// <summary>The address of this host's bridge in <see cref="Subnet"/>.</summary>
    internal string Gateway => Base[..^1] + "1";

    /// <summary>The first IPv6 subnet, e.g. "fc00:1:0:7::/64".</summary>
    internal string SubnetV6 => State("subnet.json").GetProperty("subnets")[1].GetString()!;

    /// <summary>The IPv6 address of this host's bridge.</summary>
    internal string GatewayV6 => SubnetV6.Replace("::/64", "::1", StringComparison.Ordinal);

    internal string VtepMac => State("node.json").GetProperty("vtepMac").GetString()!;

    internal void Configure(
        string network,
        string range = "10.244.0.0/16",
        string bridge = "twill0",
        string backend = """{ "type": "vxlan" }""",
        string? rangeV6 = null,
        int leaseTtl = 60
    ) =>
        File.WriteAllText(
            Path.Combine(ConfDir, $"10-{network}.conflist"),
            $$"""
            {
              "cniVersion": "1.1.0", "name": "{{network}}",
              "plugins": [{
                "type": "twill", "bridge": "{{bridge}}", "backend": {{backend}},
                "ipam": {
                  "type": "twill-ipam", "network": "{{range}}", {{(
                rangeV6 is null ? "" : $"\"ipv6Network\": \"{rangeV6}\","
            )}} "leaseTtl": {{leaseTtl}}, "dataDir": "{{DataDir}}",
                  "etcd": { "endpoints": ["{{_lab.Etcd.Endpoint}}"], "prefix": "/twill/{{network}}" }
                }
              }]
            }
            """
        );

    /// <summary>Starts twilld; further arguments as given.</summary>
    internal Daemon Start(params string[] args)
    {
        Agent?.Dispose();
        Agent = Daemon.Start($"twilld on {Address}", CommandLine(args), Path.Combine(_directory, "log"), Environment);
        return Agent;
    }

    /// <summary>Runs twilld to its end.</summary>
    internal CmdResult Run(params string[] args)
    {
        string[] line = CommandLine(args);
        return Cmd.Run(line[0], line[1..], env: Environment);
    }

    /// <summary>Waits until the agent has leased a subnet and given it to the bridge; the overlay device is made after that.</summary>
    internal void WaitForSubnet() =>
        Eventually.True(
            $"{Address} has a subnet on its bridge",
            () =>
                File.Exists(Path.Combine(StateDir, "subnet.json"))
                && Ns.HasLink("twill0")
                && Ns.Ip("-4 address show dev twill0").Contains(Gateway),
            TimeSpan.FromSeconds(60),
            () => Log
        );

    internal void WaitForOverlay() => Eventually.True("the overlay device is made", () => Ns.HasLink("twill.1"), onFailure: () => Log);

    internal void WaitForLog(string text) => Eventually.True($"the log says '{text}'", () => Log.Contains(text), onFailure: () => Log);

    /// <summary>Waits until agent.json tells of a failure with these words.</summary>
    internal void WaitForError(string text) =>
        Eventually.Pass(
            () =>
                (State("agent.json").TryGetProperty("lastError", out JsonElement error) ? error.GetString() : "")
                    .Should()
                    .Contain(text, Log),
            TimeSpan.FromSeconds(60)
        );

    /// <summary>A state file of a network, parsed.</summary>
    internal JsonElement State(string file, string network = "pods")
    {
        // Not by File.ReadAllText: that asks for a lock, which the writer may still hold on the file it has just renamed.
        string text = Cmd.Run("cat", [Path.Combine(_directory, "state", network, file)]).OrThrow().Stdout;
        using JsonDocument document = JsonDocument.Parse(text);
        return document.RootElement.Clone();
    }

    /// <summary>Waits until the kernel of this host leads to exactly these hosts.</summary>
    internal TimeSpan WaitForPeers(params AgentHost[] peers) => WaitForPeers(TimeSpan.FromSeconds(20), peers);

    internal TimeSpan WaitForPeers(TimeSpan limit, params AgentHost[] peers) => Eventually.Pass(() => ShouldLeadTo(peers), limit);

    /// <summary>Fails unless the kernel of this host leads to exactly these hosts, by what `ip` and `bridge` show.</summary>
    internal void ShouldLeadTo(params AgentHost[] peers)
    {
        Lines(Nhid().Replace(Ns.Ip("-4 route show proto 116"), ""))
            .Should()
            .BeEquivalentTo(peers.Select(p => $"{p.Subnet} via {p.Base} dev twill.1 onlink"), Log);
        Lines(Ns.Ip("-4 -d neigh show dev twill.1 nud permanent"))
            .Should()
            .BeEquivalentTo(peers.Select(p => $"{p.Base} lladdr {p.VtepMac} PERMANENT proto 116"), Log);
        Lines(Ns.Bridge("fdb show dev twill.1"))
            .Should()
            .BeEquivalentTo(peers.Select(p => $"{p.VtepMac} dst {p.Address} self extern_learn permanent"), Log);
    }

    /// <summary>What a reboot does to /run and to the kernel.</summary>
    internal void ForgetState()
    {
        Directory.Delete(Path.GetDirectoryName(StateDir)!, recursive: true);
        Ns.Sh("ip link del twill0; ip link del twill.1; nft flush ruleset");
    }

    /// <summary>Waits until the agent, started with <see cref="Listen"/>, has looked at everything so many times more. The first of them
    /// may have begun already: two are needed for one that began after this call.</summary>
    internal void WaitForLooksAtEverything(int more)
    {
        double wanted = PeersTests.Metric(this, "kind=\"everything\"") + more;
        Eventually.True(
            $"the agent looked {more} times at everything",
            () => PeersTests.Metric(this, "kind=\"everything\"") >= wanted,
            onFailure: () => Log
        );
    }

    /// <summary>
    /// Waits until the agent has handled all changes in the kernel so far. It gives it something to correct, and the kernel announces
    /// changes in their order. A pass that was running already may correct the first, but not the second.
    /// </summary>
    internal void WaitForKernelEvents()
    {
        for (int i = 0; i < 2; i++)
        {
            Ns.Sh("echo 0 >/proc/sys/net/ipv4/conf/twill0/forwarding");
            Eventually.True(
                "the agent has corrected the host",
                () => Ns.Sh("cat /proc/sys/net/ipv4/conf/twill0/forwarding").Trim() == "1",
                onFailure: () => Log
            );
        }
    }

    internal bool Reaches(AgentHost other) => Ns.CanPing(other.Gateway);

    internal bool ReachesV6(AgentHost other) => Ns.CanPing(other.GatewayV6);

    public void Dispose()
    {
        Agent?.Dispose();
        Ns.Dispose();
    }

    /// <summary>Makes this host a running copy of another, as two machines from one snapshot of memory and disk are.</summary>
    internal void BecomeTwinOf(AgentHost original)
    {
        Cmd.Run("cp", ["-a", original.DataDir, DataDir]).OrThrow();
        Cmd.Run("cp", ["-a", Path.Combine(original._directory, "state"), Path.Combine(_directory, "state")]).OrThrow();
    }

    /// <summary>The path of a state file of the network "pods".</summary>
    internal string StatePath(string file) => Path.Combine(StateDir, file);

    private string StateDir => Path.Combine(_directory, "state", "pods");

    private Dictionary<string, string?> Environment =>
        new()
        {
            ["TWILL_STATE_DIR"] = Path.Combine(_directory, "state"),
            ["DOTNET_ROLL_FORWARD"] = "Major",
            ["NOTIFY_SOCKET"] = NotifySocket,
            ["WATCHDOG_USEC"] = WatchdogMicroseconds?.ToString(CultureInfo.InvariantCulture),
        };

    /// <summary>What a shell starts in the background ignores SIGINT; a service manager's child does not.</summary>
    private string[] CommandLine(string[] args) =>
        [
            .. Ns.Enter,
            .. Capabilities is null ? [] : SetPriv(Capabilities),
            "env",
            "--default-signal=INT",
            .. Program,
            "--conf-dir",
            ConfDir,
            .. args,
        ];

    /// <summary>The published program where whoever runs the tests has just made it and says so. What is compiled as it runs takes ten
    /// times the processor time to start.</summary>
    private static string[] Program =>
        global::System.Environment.GetEnvironmentVariable("TWILL_TEST_TWILLD") is { Length: > 0 } published
            ? [published]
            : ["dotnet", Path.Combine(AppContext.BaseDirectory, "twilld.dll")];

    private static string[] SetPriv(IReadOnlyList<string> capabilities)
    {
        string set = string.Concat(capabilities.Select(name => $",+{name}"));
        return ["setpriv", $"--inh-caps=-all{set}", $"--bounding-set=-all{set}", "--no-new-privs"];
    }

    [GeneratedRegex("nhid [0-9]+ ")]
    private static partial Regex Nhid();

    private static string[] Lines(string text) =>
        [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => string.Join(' ', Cmd.Split(line)))];
}
