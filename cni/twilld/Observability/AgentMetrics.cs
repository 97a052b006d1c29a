using System.Net;

namespace Twill.Agent;

/// <summary>The figures of one network.</summary>
/// <param name="Network">The network's name.</param>
internal sealed record AgentMetrics(string Network)
{
    /// <summary>Subnets that this host holds.</summary>
    internal IReadOnlyList<IPNetwork> Subnets { get; init; } = [];

    /// <summary>Subnets that were this host's and are another's, while containers here may still use them.</summary>
    internal int LostSubnets { get; init; }

    /// <summary>Seconds until the lease runs out unless it is renewed; null when there is none.</summary>
    internal double? LeaseSecondsLeft { get; init; }

    /// <summary>When etcd last answered; null when it has not, or is not used.</summary>
    internal DateTimeOffset? EtcdContact { get; init; }

    /// <summary>Addresses that containers have.</summary>
    internal int AddressesUsed { get; init; }

    /// <summary>Remote subnets known.</summary>
    internal int PeersWanted { get; init; }

    /// <summary>Remote subnets that the kernel leads to.</summary>
    internal int PeersProgrammed { get; init; }

    /// <summary>Leases that nothing could be made for.</summary>
    internal int PeersSkipped { get; init; }

    /// <summary>How the other hosts answer.</summary>
    internal ReachabilityStatus Reachability { get; init; } = new();

    /// <summary>Names of containers that are answered for, of all hosts; null when the network has none.</summary>
    internal int? Names { get; init; }

    /// <summary>Queries for names so far, by what became of them.</summary>
    internal IReadOnlyList<(string Result, long Count)> NameQueries { get; init; } = [];

    /// <summary>Rounds so far, by what they looked at.</summary>
    internal IReadOnlyList<(string Kind, long Count)> Rounds { get; init; } = [];

    /// <summary>Entries written to or removed from the kernel for other hosts.</summary>
    internal long Entries { get; init; }

    /// <summary>Things put in order on this host: bridge, ports, forwarding, firewall.</summary>
    internal long HostChanges { get; init; }

    /// <summary>Calls of the plugin, of each verb that was called.</summary>
    internal IReadOnlyList<PluginCalls> PluginCalls { get; init; } = [];

    /// <summary>The conditions, each with the failure that lasts; null when there is none.</summary>
    internal IReadOnlyList<(string Name, string? Message)> Conditions { get; init; } = [];
}
