using System.Text.Json;
using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Cli;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Reachability;

/// <summary>Three hosts that have found each other reachable, with a container each.</summary>
public sealed class MeasuredHosts : IDisposable
{
    /// <summary>An outage is noticed when three packets in a row were lost, which takes some seconds; a loaded machine longer.</summary>
    internal static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly Dictionary<LabHost, LabContainer> _containers = [];

    public MeasuredHosts()
    {
        if (!Environment.IsPrivilegedProcess)
        {
            return;
        }

        Cluster = Cluster.Start(3);
        foreach (LabHost host in Cluster.Hosts)
        {
            _containers[host] = host.AddContainer("container");
        }

        WaitUntilAllAnswer();
    }

    internal Cluster Cluster { get; } = null!;

    internal IReadOnlyList<LabHost> Hosts => Cluster.Hosts;

    internal LabContainer ContainerOf(LabHost host) => _containers[host];

    /// <summary>How one host has measured another, as `twill peers --json` says.</summary>
    internal string StateOf(LabHost from, LabHost to)
    {
        string subnet = Cluster.LeaseOf(to)!;
        (_, JsonElement json) = from.TwillJson("peers");
        return json.GetProperty("networks")[0]
                .GetProperty("peers")
                .EnumerateArray()
                .Single(peer => peer.GetProperty("subnet").GetString() == subnet)
                .GetProperty("state")
                .GetString() ?? "not measured";
    }

    internal void Await(LabHost from, LabHost to, string state) =>
        Eventually.Pass(() => StateOf(from, to).Should().Be(state, $"{from.Name} measures {to.Name}: {from.Agent!.Log}"), Limit);

    internal void WaitUntilAllAnswer()
    {
        foreach (LabHost from in Hosts)
        {
            foreach (LabHost to in Hosts.Where(host => host != from))
            {
                Await(from, to, "answers");
            }
        }
    }

    /// <summary>STATUS, as a runtime asks for it.</summary>
    internal CniAnswer Status(LabHost host)
    {
        JsonObject conf = SampleConf.Cluster(Cluster.Etcd.Endpoint);
        conf["cniVersion"] = "1.1.0";
        return host.Plugin("twill").Run("STATUS", conf.ForPlugin().ToJsonString());
    }

    public void Dispose() => Cluster?.Dispose();
}
