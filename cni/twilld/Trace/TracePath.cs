using System.Net;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent.Trace;

/// <summary>A way to look at: from where to where, and what is known of it.</summary>
/// <param name="Network">the network</param>
/// <param name="State">its run-time state</param>
/// <param name="Address">where the packet goes</param>
internal sealed record TracePath(TwillConf Network, NetworkStateDir State, IPAddress Address)
{
    /// <summary>The container that sends; null: this host does.</summary>
    internal AddressFile? Source { get; init; }

    /// <summary>The container of this host that has the address; null: none.</summary>
    internal AddressFile? Here { get; init; }

    /// <summary>The other host whose subnet the address is of; null: not known to be any.</summary>
    internal PeerReachability? Peer { get; init; }

    /// <summary>What this host is in the network; null before that is known.</summary>
    internal NodeFile? Node { get; init; }

    /// <summary>This host's subnets in it.</summary>
    internal IReadOnlyList<IPNetwork> Own { get; init; } = [];

    /// <summary>What the agent measured; null: nothing.</summary>
    internal ReachabilityFile? Measured { get; init; }

    /// <summary>Whether the address is of a subnet of this host.</summary>
    internal bool IsHere => Own.Any(subnet => subnet.Contains(Address));

    /// <summary>Whether it is of the network, on whichever host.</summary>
    internal bool IsInside => Network.Ipam.Ranges.Any(range => range.Contains(Address));

    /// <summary>This host's own address in its subnet of the same family; null while it has none.</summary>
    internal IPAddress? Gateway =>
        Own.Where(subnet => subnet.BaseAddress.AddressFamily == Address.AddressFamily)
            .Select(subnet => Network.Ipam.GatewayOf(subnet))
            .FirstOrDefault();

    /// <summary>Who sends, for people.</summary>
    internal string From => Source is { } source ? $"{NameOf(source)} ({source.Address})" : "this host";

    /// <summary>Who gets it, for people.</summary>
    internal string To =>
        Here is { } here ? $"{NameOf(here)} ({Address})"
        : Peer is { } peer ? $"{Address}, of {peer.Subnet} on host {peer.PublicIP}"
        : Address.ToString();

    /// <summary>The source's address: of its container, or this host's own.</summary>
    internal IPAddress? SourceAddress => Source?.Address ?? Gateway;

    internal static string NameOf(AddressFile file) => $"container {ForeignText.Shown(file.Record!.Owner.ContainerId, 20)}";
}
