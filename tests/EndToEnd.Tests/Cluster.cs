using System.Text.Json;
using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>Hosts with the published programs, conf/10-twill.conflist, an agent each, and an etcd: ready for containers.</summary>
public sealed class Cluster : IDisposable
{
    internal const string Subnets = "/twill/twill/subnets/";

    private Cluster(Lab lab) => Lab = lab;

    internal Lab Lab { get; }

    internal EtcdServer Etcd => Lab.Etcd!;

    internal IReadOnlyList<LabHost> Hosts => Lab.Hosts;

    /// <summary>Starts an etcd and so many hosts; returns once every host has routes to all others.</summary>
    internal static Cluster Start(
        int hosts,
        Action<JsonObject>? change = null,
        EtcdServerOptions? etcd = null,
        LabFamilies underlay = LabFamilies.IPv4
    )
    {
        Cluster cluster = new(Lab.Create(underlay));
        try
        {
            cluster.Lab.StartEtcd(etcd);
            for (int i = 0; i < hosts; i++)
            {
                cluster.Join($"host{i}", change);
            }

            cluster.WaitUntilJoined();
            return cluster;
        }
        catch
        {
            cluster.Dispose();
            throw;
        }
    }

    /// <summary>Adds a host with its configuration and starts its agent; does not wait for it.</summary>
    internal LabHost Join(string name, Action<JsonObject>? change = null)
    {
        LabHost host = NewHost(name, change);
        host.StartAgent();
        return host;
    }

    /// <summary>Adds a host with its configuration and no agent.</summary>
    internal LabHost NewHost(string name, Action<JsonObject>? change = null)
    {
        LabHost host = Lab.AddHost(name);
        JsonObject conf = SampleConf.Cluster(Etcd.Endpoint);
        change?.Invoke(conf);
        host.Configure(conf);
        return host;
    }

    /// <summary>
    /// Waits until every host has a lease and a route to every other host's subnet, and every agent has written down that it has made the
    /// way to all of them: what it makes on its host in a round is there then.
    /// </summary>
    internal void WaitUntilJoined()
    {
        foreach (LabHost host in Hosts)
        {
            TimeSpan limit = TimeSpan.FromSeconds(20);
            Eventually.True($"{host.Name} leases a subnet", () => LeaseOf(host) is not null, limit, () => host.Agent!.Log);
        }

        foreach (LabHost host in Hosts)
        {
            foreach (LabHost other in Hosts.Where(o => o != host))
            {
                IReadOnlyList<string> subnets = LeasesOf(other);
                bool HasRoutes() => !subnets.Except(RoutesOf(host)).Any();
                Eventually.True($"{host.Name} has routes to {string.Join(" and ", subnets)}", HasRoutes, onFailure: () => host.Agent!.Log);
            }

            bool HasMet() => HasMadeWays(host, Hosts.Count - 1);
            Eventually.True($"{host.Name} reports the way to {Hosts.Count - 1} others", HasMet, TimeSpan.FromSeconds(20), () =>
                host.Agent!.Log
            );
        }
    }

    /// <summary>Whether `twill status` finds nothing wrong, a subnet, the way to so many others and the device that leads there.</summary>
    private static bool HasMadeWays(LabHost host, int others)
    {
        CmdResult status = host.Run("/opt/cni/bin/twill", "status", "--json");
        if (status.ExitCode != 0)
        {
            return false;
        }

        using JsonDocument document = JsonDocument.Parse(status.Stdout);
        JsonElement network = document.RootElement.GetProperty("networks")[0],
            agent = network.GetProperty("agent");
        return network.GetProperty("subnets").GetArrayLength() > 0
            && agent.GetProperty("peersProgrammed").GetInt32() >= others
            && (!network.TryGetProperty("vni", out JsonElement vni) || host.HasLink($"twill.{vni}") || host.HasLink($"twill-v6.{vni}"));
    }

    /// <summary>The IPv4 subnet that etcd holds for a host, e.g. 10.244.7.0/24; null when it has none.</summary>
    internal string? LeaseOf(LabHost host) => LeasesOf(host) is [var first, ..] ? first : null;

    /// <summary>The subnets that etcd holds for a host, of one family or of both.</summary>
    internal IReadOnlyList<string> LeasesOf(LabHost host)
    {
        foreach ((string key, string value) in Etcd.List(Subnets))
        {
            using JsonDocument lease = JsonDocument.Parse(value);
            if (
                lease.RootElement.GetProperty("PublicIP").GetString() == host.Address
                || lease.RootElement.GetProperty("PublicIPv6").GetString() == host.Address
            )
            {
                return key[Subnets.Length..].Replace('-', '/').Split('&');
            }
        }

        return [];
    }

    /// <summary>The destinations of the routes that the agent made on a host.</summary>
    internal static IReadOnlyList<string> RoutesOf(LabHost host) => [.. Routes(host, "-4"), .. Routes(host, "-6")];

    private static IEnumerable<string> Routes(LabHost host, string family) =>
        host.IpJson($"{family} route show proto 116").EnumerateArray().Select(r => r.GetProperty("dst").GetString()!);

    public void Dispose() => Lab.Dispose();
}
