using System.Collections.Immutable;
using System.Net;
using Twill.Cluster;
using Twill.Host;
using Twill.Network.Configuration;
using Twill.Network.State;

namespace Twill.Agent;

/// <summary>
/// What the agent knows of one network. It is immutable: each loop reads one snapshot and publishes what it found as the next one, by way
/// of <see cref="SnapshotStore"/>. The loops share nothing else, but for the leases of thousands of hosts in <see cref="LeaseCache"/>, the
/// peers in <see cref="PeerTargets"/>, and queues of events, each behind its own lock.
/// </summary>
/// <param name="Configuration">The network as this host's file configures it.</param>
internal sealed record NetworkSnapshot(TwillConf Configuration)
{
    /// <summary>This host's lease. Written by the lease loop, and by the reconcile loop when it adopts what twill-ipam leased.</summary>
    internal LeaseStatus Lease { get; init; } = new();

    /// <summary>What was found on this host. Written by the reconcile loop.</summary>
    internal HostFindings Host { get; init; } = new();

    /// <summary>How far the other hosts are reached. Written by the reconcile loop.</summary>
    internal PeersStatus Peers { get; init; } = new();

    /// <summary>How the other hosts answer. Written by the reachability loop.</summary>
    internal ReachabilityStatus Reachability { get; init; } = new();

    /// <summary>What the reconcile loop does and did.</summary>
    internal ReconcileStatus Reconcile { get; init; } = new();

    /// <summary>What may fail, in the order in which it is shown. Each is written by the loop that tries it.</summary>
    internal ImmutableArray<ConditionState> Conditions { get; init; } = [];

    /// <summary>The firewall of another program that drops packets, and what helps; null: none does.</summary>
    internal string? BlockingFirewall { get; init; }

    /// <summary>Errors in the program itself that ended a loop, which has not run long enough since.</summary>
    internal ImmutableArray<ConditionState> Defects { get; init; } = [];

    /// <summary>Whether the bridge is this network's to configure. Otherwise another main or IPAM plugin does it.</summary>
    internal bool OwnsBridge => !Configuration.IsForeign && !Configuration.Ipam.IsForeign;

    /// <summary>Whether this host publishes its addresses. Under another main plugin and without a backend it only leases.</summary>
    internal bool PublishesNode => !Configuration.IsForeign || Configuration.Backend.JoinsHosts;

    /// <summary>Whether the subnet is leased from etcd, rather than configured.</summary>
    internal bool UsesEtcd => Configuration.Ipam.Etcd is not null;

    /// <summary>The subnets of this host; empty while none is leased.</summary>
    internal IReadOnlyList<IPNetwork> LocalSubnets =>
        Configuration.Ipam.Etcd is null ? Configuration.Ipam.Ranges : Lease.Held?.Prefixes ?? [];

    /// <summary>Whether the condition of this name fails.</summary>
    internal bool IsFailing(string condition) => Conditions.Any(c => c.Name == condition && c.Message is not null);

    /// <summary>The failure that lasts, most telling first; null when there is none.</summary>
    internal string? LastError =>
        Defects.Concat(Conditions).FirstOrDefault(c => c.Message is not null) is { } failing ? $"{failing.Name}: {failing.Message}" : null;

    /// <summary>This snapshot with another state of one condition.</summary>
    internal NetworkSnapshot WithCondition(ConditionState state) => this with { Conditions = Replace(Conditions, state) };

    /// <summary>This snapshot with another state of one loop.</summary>
    internal NetworkSnapshot WithDefect(ConditionState state) => this with { Defects = Replace(Defects, state) };

    private static ImmutableArray<ConditionState> Replace(ImmutableArray<ConditionState> states, ConditionState state)
    {
        for (int i = 0; i < states.Length; i++)
        {
            if (states[i].Name == state.Name)
            {
                return states.SetItem(i, state);
            }
        }

        return states.Add(state);
    }
}

/// <summary>The state of one condition.</summary>
/// <param name="Name">What may fail.</param>
/// <param name="Message">The failure that lasts; null while there is none.</param>
internal sealed record ConditionState(string Name, string? Message);

/// <summary>This host's lease, as of the last step of the lease loop.</summary>
internal sealed record LeaseStatus
{
    /// <summary>The lease; null before the first one that succeeded.</summary>
    internal HeldLease? Held { get; init; }

    /// <summary>Subnets that were this host's and are another's now.</summary>
    internal IReadOnlyList<IPNetwork> Lost { get; init; } = [];

    /// <summary>Subnets that this host gave back or lost, and whose addresses may still be on the bridge.</summary>
    internal IReadOnlyList<IPNetwork> Former { get; init; } = [];

    /// <summary>Whether the network in etcd is the one that this host is configured for; null while etcd has not said.</summary>
    internal bool? IsAccepted { get; init; }

    /// <summary>The network as etcd last had it without contradicting this host's configuration; null before that.</summary>
    internal NetworkConfig? Agreed { get; init; }

    /// <summary>Whether a first step was made, however it ended.</summary>
    internal bool WasTried { get; init; }
}

/// <summary>What the reconcile loop found on this host.</summary>
internal sealed record HostFindings
{
    /// <summary>This host as it is published; null while its underlay is not known.</summary>
    internal NodeFile? Node { get; init; }

    /// <summary>What this host itself needs.</summary>
    internal HostPrefixes Needs { get; init; } = HostPrefixes.None;

    /// <summary>Interface index of the underlay; 0 while it is not known.</summary>
    internal int UnderlayIndex { get; init; }

    /// <summary>The MTU of that interface in bytes, as the last pass used it.</summary>
    internal int UnderlayMtu { get; init; }

    /// <summary>Interface index of the bridge; 0 while there is none.</summary>
    internal int BridgeIndex { get; init; }

    /// <summary>Names of the overlay devices, by interface index.</summary>
    internal IReadOnlyDictionary<int, string> Overlays { get; init; } = ImmutableDictionary<int, string>.Empty;

    /// <summary>Whether the kernel has nexthop objects; null while nobody has asked it.</summary>
    internal bool? HasNexthops { get; init; }

    /// <summary>Port of the netlink socket by which the reconcile loop changes the kernel; 0 while there is none.</summary>
    internal uint NetlinkPortId { get; init; }

    /// <summary>Port of the nftables socket by which it writes the addresses of peers; 0 while there is none.</summary>
    internal uint NftPortId { get; init; }
}

/// <summary>How many remote subnets there are, and how many are reached.</summary>
internal sealed record PeersStatus
{
    /// <summary>Whether etcd has told of the other hosts, and they are written to the kernel.</summary>
    internal bool AreKnown { get; init; }

    /// <summary>Remote subnets known.</summary>
    internal int Desired { get; init; }

    /// <summary>Remote subnets that the kernel leads to.</summary>
    internal int Programmed { get; init; }

    /// <summary>Leases that nothing could be made for.</summary>
    internal int Skipped { get; init; }

    /// <summary>Keys in etcd that lead to no host, each with the reason: the first <see cref="RefusedLease.Most"/>.</summary>
    internal IReadOnlyList<RefusedLease> Refused { get; init; } = [];

    /// <summary>How many there are.</summary>
    internal int RefusedCount { get; init; }

    /// <summary>What an administrator must mend, so that this host and others reach each other.</summary>
    internal IReadOnlyList<string> Conflicts { get; init; } = [];

    /// <summary>Other hosts that have one address, of which one is not reached.</summary>
    internal IReadOnlyList<string> SharedAddresses { get; init; } = [];
}

/// <summary>What the reconcile loop does and did.</summary>
internal sealed record ReconcileStatus
{
    /// <summary>When the pass that runs started, by <see cref="TimeProvider.GetTimestamp"/>; null: none runs.</summary>
    internal long? PassStarted { get; init; }

    /// <summary>Passes over bridge, forwarding and firewall.</summary>
    internal long HostPasses { get; init; }

    /// <summary>Passes over everything.</summary>
    internal long FullPasses { get; init; }

    /// <summary>Times that changed leases were written without a pass.</summary>
    internal long PeerPasses { get; init; }

    /// <summary>Entries written to or removed from the kernel for other hosts.</summary>
    internal long EntriesWritten { get; init; }

    /// <summary>Corrections made on this host: bridge, ports, forwarding, firewall.</summary>
    internal long HostChanges { get; init; }
}
