using System.Net;
using Twill.Host.Backends;
using Twill.Linux;

namespace Twill.Host.Reconcile;

/// <summary>What must be in the kernel for the containers of other hosts to be reachable: the answer of a backend.</summary>
/// <param name="devices">The overlay devices; none for a backend that needs none.</param>
public sealed class Desired(params IReadOnlyList<OverlaySpec> devices)
{
    /// <summary>The overlay devices, of whatever kinds.</summary>
    public IReadOnlyList<OverlaySpec> Devices { get; } = devices;

    /// <summary>The remote subnets that the entries below lead to.</summary>
    public List<PeerPath> Peers { get; } = [];

    /// <summary>The addresses that tunnel packets of these hosts may come from, once for each subnet: <see cref="TunnelPeers"/>.</summary>
    public List<IPAddress> Senders { get; } = [];

    /// <summary>Remote subnets that nothing was made for, each with the reason.</summary>
    public List<SkippedPeer> Skipped { get; } = [];

    /// <summary>Routes to remote subnets.</summary>
    public HashSet<PeerRoute> Routes { get; } = [];

    /// <summary>Neighbours on the overlay devices.</summary>
    public Dictionary<OverlayHop, OverlayNeighbour> Neighbours { get; } = [];

    /// <summary>FDB entries of the overlay devices.</summary>
    public HashSet<OverlayFdbEntry> Fdb { get; } = [];

    /// <summary>Peers of WireGuard devices.</summary>
    public Dictionary<TunnelEnd, TunnelPeer> Tunnels { get; } = [];

    /// <summary>A subnet that its host is the router of: one route.</summary>
    internal void Direct(PeerLease peer, PeerAddress by, string device)
    {
        Peers.Add(new PeerPath(peer.Subnet, by.PublicIP, VtepMac: null));
        Routes.Add(PeerRoute.Direct(peer.Subnet, by.PublicIP, device));
    }

    /// <summary>A subnet behind an overlay device: a route, the neighbour that is its next hop, and the FDB entry for that.</summary>
    internal void Overlay(PeerLease peer, IPAddress publicIP, MacAddress mac, string device)
    {
        PeerRoute route = PeerRoute.Overlay(peer.Subnet, mac, device);
        Peers.Add(new PeerPath(peer.Subnet, publicIP, mac));
        Fdb.Add(new OverlayFdbEntry(device, mac, publicIP));
        Neighbours[new OverlayHop(device, route.Via!)] = new OverlayNeighbour(mac);
        Routes.Add(route);
    }

    /// <summary>A subnet behind a WireGuard device: a route, and the host that the device sends it to.</summary>
    internal void Tunnel(PeerLease peer, TunnelEnd end, TunnelPeer host, string device)
    {
        Peers.Add(new PeerPath(peer.Subnet, host.Endpoint!.Address, VtepMac: null, end.PublicKey));
        Tunnels[end] = host;
        Routes.Add(PeerRoute.Tunnel(peer.Subnet, device));
    }

    internal void Skip(PeerLease peer, string why) => Skipped.Add(new SkippedPeer(peer, why));
}

/// <summary>A lease of another host that cannot be served.</summary>
/// <param name="Peer">The lease.</param>
/// <param name="Why">The reason, as the end of the sentence "... is skipped: ".</param>
public sealed record SkippedPeer(PeerLease Peer, string Why);
