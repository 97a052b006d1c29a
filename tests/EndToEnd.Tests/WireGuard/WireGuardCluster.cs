using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.WireGuard;

/// <summary>
/// A cluster after conf/10-twill-wireguard.conflist. Its kernel has no WireGuard, so each host runs wireguard-go.
/// </summary>
internal sealed class WireGuardCluster : IDisposable
{
    internal const string Device = "twill-wg.51820";

    private static readonly Dictionary<string, string?> s_traced = new() { ["TWILL_TRACE"] = "netlink" };

    private readonly WireGuardPrograms _programs = new();

    private WireGuardCluster(Cluster cluster) => Cluster = cluster;

    internal Cluster Cluster { get; }

    internal IReadOnlyList<LabHost> Hosts => Cluster.Hosts;

    /// <summary>Starts so many hosts; returns once every host has routes to all others. Traced agents log what they tell the
    /// kernel.</summary>
    internal static WireGuardCluster Start(int hosts, Action<JsonObject>? change = null, bool traced = false)
    {
        WireGuardCluster cluster = new(Cluster.Start(0));
        try
        {
            for (int i = 0; i < hosts; i++)
            {
                LabHost host = cluster.NewHost($"host{i}", change);
                cluster.StartProgram(host);
                host.StartAgent(traced ? s_traced : new Dictionary<string, string?>());
            }

            cluster.Cluster.WaitUntilJoined();
            foreach (LabHost host in cluster.Hosts)
            {
                Eventually.True($"{host.Name} has its key", () => PublicKey(host) != "(none)", onFailure: () => host.Agent!.Log);
            }

            return cluster;
        }
        catch
        {
            cluster.Dispose();
            throw;
        }
    }

    /// <summary>Adds a host with its configuration and neither device nor agent.</summary>
    internal LabHost NewHost(string name, Action<JsonObject>? change = null) => Cluster.NewHost(name, conf =>
        {
            JsonObject wireGuard = SampleConf.WireGuard(Cluster.Etcd.Endpoint);
            foreach ((string key, JsonNode? value) in wireGuard.DeepClone().AsObject())
            {
                conf[key] = value?.DeepClone();
            }

            change?.Invoke(conf);
        });

    /// <summary>Starts wireguard-go for the network's device.</summary>
    internal void StartProgram(LabHost host) => _programs.Start(host);

    /// <summary>Ends the program, and with it the device.</summary>
    internal void EndProgram(LabHost host) => _programs.End(host);

    /// <summary>The public key of a host's device, as `wg` tells it.</summary>
    internal static string PublicKey(LabHost host) => host.Sh($"wg show {Device} public-key").Trim();

    /// <summary>The public keys of the peers that a host's device has.</summary>
    internal static string[] Peers(LabHost host) => host.Sh($"wg show {Device} peers").Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public void Dispose()
    {
        _programs.Dispose();
        Cluster.Dispose();
    }
}
