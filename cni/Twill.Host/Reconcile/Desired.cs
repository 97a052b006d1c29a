using System.Net;
using Twill.Host.Backends;

namespace Twill.Host.Reconcile;

/// <summary>What must be in the kernel for the containers of other hosts to be reachable: the answer of a backend.</summary>
public sealed class Desired(VxlanSpec? overlay)
{
    /// <summary>The overlay device; null for a backend that needs none.</summary>
    public VxlanSpec? Overlay { get; } = overlay;

    /// <summary>The remote subnets that the entries below lead to.</summary>
    public List<PeerLease> Peers { get; } = [];

    /// <summary>Remote subnets that nothing was made for, each with the reason.</summary>
    public List<SkippedPeer> Skipped { get; } = [];

    /// <summary>Routes to remote subnets.</summary>
    public HashSet<PeerRoute> Routes { get; } = [];

    /// <summary>Neighbours on the overlay device, by address.</summary>
    public Dictionary<IPAddress, OverlayNeighbour> Neighbours { get; } = [];

    /// <summary>FDB entries of the overlay device.</summary>
    public HashSet<OverlayFdbEntry> Fdb { get; } = [];

    internal void Skip(PeerLease peer, string why) => Skipped.Add(new SkippedPeer(peer, why));
}

/// <summary>A lease of another host that cannot be served.</summary>
/// <param name="Peer">The lease.</param>
/// <param name="Why">The reason, as the end of the sentence "... is skipped: ".</param>
public sealed record SkippedPeer(PeerLease Peer, string Why);
