using System.Text.Json;
using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Cli;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Faults;

/// <summary>Another machine that a copy of a host's disk comes to, or of its memory as well.</summary>
/// <param name="cluster">What both are in.</param>
/// <param name="change">The difference of the host's configuration from the sample's.</param>
internal sealed class HostCopy(Cluster cluster, Action<JsonObject> change)
{
    private const string Records = "/var/lib/cni/twill",
        State = "/run/twill",
        Told = "two hosts have the node id";

    /// <summary>A claim lives for 30 s, and the agent tries again every 15 s; a loaded machine is slower.</summary>
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(3);

    private LabHost? _host;

    /// <summary>Whether the copy is gone and its claim is still there. etcd begins a claim's time anew whenever it is restarted.</summary>
    internal bool IsClaimEnding { get; private set; }

    /// <summary>Starts the copy: both say so, and it hands out nothing. When it is gone, the original hands out again.</summary>
    internal void ComeAndGo(LabHost original, bool withMemory, JsonObject config)
    {
        _host ??= cluster.NewHost("copy", change);
        foreach (string directory in withMemory ? (string[])[Records, State] : [Records])
        {
            string target = _host.At(directory);
            Directory.CreateDirectory(target);
            Cmd.Run("cp", ["-a", $"{original.At(directory)}/.", target]); // its exit code tells of files that went meanwhile
        }

        Daemon agent = _host.StartAgent();
        string Logs() => $"the copy's agent:\n{agent.Log}\nthe original's:\n{original.Agent!.Log}";
        Await("the copy says that it is one", () => Says(_host), Logs);
        Await("the original says that there is one", () => Says(original), Logs);
        LabContainer container = _host.NewContainer("container");
        CniAnswer refused = _host.Plugin("twill", container).Add(config.ToJsonString());
        refused.ExitCode.Should().NotBe(0, $"the copy hands out nothing: {refused}");

        agent.Stop();
        container.Remove();
        _host.Sh($"rm -rf {Records} {State}; ip link delete twill0; ip link delete twill.1; nft flush ruleset; true");
        IsClaimEnding = true;
        Await("the original hands out again", () => HasLease(original), Logs);
        IsClaimEnding = false;
    }

    private static void Await(string what, Func<bool> condition, Func<string> logs) => Eventually.True(what, condition, s_limit, logs);

    private static bool Says(LabHost host) => host.Twill("status").Stdout.Contains(Told);

    private static bool HasLease(LabHost host) =>
        host.TwillJson("status").Json.GetProperty("networks")[0] is var network
        && network.TryGetProperty("lease", out JsonElement lease)
        && lease.TryGetProperty("secondsLeft", out JsonElement left)
        && left.ValueKind == JsonValueKind.Number
        && left.GetDouble() > 0;
}
