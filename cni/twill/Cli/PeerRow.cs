using System.Net;
using System.Net.Sockets;
using Twill.Host.Reconcile;
using Twill.Linux;
using Twill.Linux.Routes;
using Twill.Linux.WireGuard;
using Twill.Network;
using Twill.System;

namespace Twill.Plugin.Cli;

/// <summary>How an entry in the kernel is.</summary>
internal enum EntryState
{
    /// <summary>As the agent makes it.</summary>
    Ok,

    /// <summary>Not there.</summary>
    Missing,

    /// <summary>There, but somebody changed it or put another in its place.</summary>
    Changed,

    /// <summary>This way does without.</summary>
    NotNeeded,
}

/// <summary>A peer of a WireGuard device.</summary>
/// <param name="PublicKey">its key; null when no peer is allowed the subnet</param>
/// <param name="Peer">how the device has it</param>
/// <param name="HandshakeAge">seconds since the last handshake was completed; null: there was none</param>
internal sealed record TunnelEntry(WireGuardKey? PublicKey, EntryState Peer, double? HandshakeAge);

/// <summary>The way to a subnet of another host, as the kernel has it.</summary>
/// <param name="Subnet">the remote subnet; null when only an FDB entry is left of it</param>
/// <param name="PublicIP">the other host's address; null when the entry that holds it is missing</param>
/// <param name="VtepMac">the hardware address of its VXLAN device; null for a direct route or when the entry that holds it is
/// missing</param>
/// <param name="Device">the interface that packets leave by</param>
/// <param name="Route">the route to the subnet</param>
/// <param name="Neighbour">the next hop's hardware address</param>
/// <param name="Fdb">the host behind that hardware address</param>
internal sealed record PeerRow(
    IPNetwork? Subnet,
    IPAddress? PublicIP,
    MacAddress? VtepMac,
    string Device,
    EntryState Route,
    EntryState Neighbour,
    EntryState Fdb
)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Subnet} {Device}";

    /// <summary>The peer that packets go to encrypted; null where they go another way.</summary>
    public TunnelEntry? Tunnel { get; init; }

    /// <summary>Whether packets find their way.</summary>
    public bool IsWhole =>
        Route == EntryState.Ok
        && Tunnel is null or { Peer: EntryState.Ok }
        && Neighbour is EntryState.Ok or EntryState.NotNeeded
        && Fdb is EntryState.Ok or EntryState.NotNeeded;

    /// <summary>Puts together what belongs together: a route by its next hop to a neighbour, that by its hardware address to an FDB
    /// entry.</summary>
    /// <param name="actual">the kernel's entries of one network</param>
    /// <param name="overlays">the overlay devices' names; empty for a backend without one</param>
    /// <param name="subnetLen">the length of an IPv4 lease, for subnets whose route is missing</param>
    public static List<PeerRow> Of(Actual actual, IReadOnlyList<string> overlays, int subnetLen)
    {
        List<PeerRow> rows = [];
        HashSet<OverlayHop> hops = [];
        HashSet<string> tunnels = [.. overlays.FindAll(DeviceNames.IsWireGuardDevice)];
        foreach (PeerRoute route in actual.Routes)
        {
            if (route.Type != RouteType.Unicast)
            {
                continue; // not to a host, but for what has none
            }

            if (tunnels.Contains(route.Device))
            {
                rows.Add(
                    ThroughTunnel(
                        actual,
                        route.Subnet,
                        route.Device,
                        route == PeerRoute.Tunnel(route.Subnet, route.Device) ? EntryState.Ok : EntryState.Changed
                    )
                );
                continue;
            }
            bool known = route.Metric == PeerRoute.FirstMetric(route.Subnet);
            if (!overlays.Contains(route.Device))
            {
                EntryState direct = route.Via is null || !known ? EntryState.Changed : EntryState.Ok;
                rows.Add(new PeerRow(route.Subnet, route.Via, null, route.Device, direct, EntryState.NotNeeded, EntryState.NotNeeded));
                continue;
            }
            bool v4 = route.Subnet.BaseAddress.AddressFamily == AddressFamily.InterNetwork;
            OverlayHop hop = new(route.Device, v4 ? route.Subnet.BaseAddress : route.Via ?? IPAddress.IPv6Any);
            bool good = known && (v4 ? route.NexthopKey == hop && IsOurs(actual, route, hop) : hop.Address.IsIPv6LinkLocal);
            hops.Add(hop);
            rows.Add(OverOverlay(actual, route.Subnet, hop, good ? EntryState.Ok : EntryState.Changed));
        }
        foreach (OverlayHop hop in actual.Neighbours.Keys)
        {
            // An IPv6 hop stands for its host's device: it does not say which subnet lost its route.
            if (!hops.Contains(hop))
            {
                rows.Add(
                    OverOverlay(
                        actual,
                        hop.Address.IsIPv6LinkLocal ? null : IPPrefix.Of(hop.Address, subnetLen),
                        hop,
                        EntryState.Missing
                    )
                );
            }
        }
        foreach (OverlayFdbEntry entry in actual.Fdb)
        {
            if (!rows.Exists(row => row.VtepMac == entry.Mac && row.Device == entry.Device))
            {
                Place(rows, entry);
            }
        }
        foreach ((TunnelEnd end, TunnelPeer peer) in actual.Tunnels)
        {
            foreach (IPNetwork subnet in peer.AllowedIPs)
            {
                if (!rows.Exists(row => row.Subnet is { } shown && shown.Equals(subnet) && row.Device == end.Device))
                {
                    rows.Add(ThroughTunnel(actual, subnet, end.Device, EntryState.Missing));
                }
            }
        }
        rows.SortBy(Compare);
        return rows;
    }

    /// <summary>Whether a nexthop object that the route names is ours: another is for somebody else to change or delete.</summary>
    private static bool IsOurs(Actual actual, PeerRoute route, OverlayHop hop) =>
        route.NexthopId == 0 || actual.NexthopIds?.IdOf(hop) == route.NexthopId;

    private static PeerRow ThroughTunnel(Actual actual, IPNetwork subnet, string device, EntryState route)
    {
        TunnelEntry entry = new(null, EntryState.Missing, null);
        IPAddress? host = null;
        foreach ((TunnelEnd end, TunnelPeer peer) in actual.Tunnels)
        {
            if (end.Device == device && peer.AllowedIPs.Contains(subnet))
            {
                (entry, host) = (
                    new TunnelEntry(end.PublicKey, peer.Endpoint is null ? EntryState.Changed : EntryState.Ok, peer.HandshakeAge),
                    peer.Endpoint?.Address
                );
            }
        }
        return new PeerRow(subnet, host, null, device, route, EntryState.NotNeeded, EntryState.NotNeeded) { Tunnel = entry };
    }

    private static PeerRow OverOverlay(Actual actual, IPNetwork? subnet, OverlayHop hop, EntryState route)
    {
        if (!actual.Neighbours.TryGetValue(hop, out OverlayNeighbour neighbour))
        {
            return new PeerRow(subnet, null, null, hop.Device, route, EntryState.Missing, EntryState.Missing);
        }

        EntryState fdb = EntryState.Missing;
        IPAddress? host = null;
        foreach (OverlayFdbEntry entry in actual.ForeignFdb)
        {
            if (entry.Mac == neighbour.Mac && entry.Device == hop.Device)
            {
                (fdb, host) = (EntryState.Changed, entry.Dst);
            }
        }
        foreach (OverlayFdbEntry entry in actual.Fdb)
        {
            if (entry.Mac == neighbour.Mac && entry.Device == hop.Device)
            {
                (fdb, host) = (entry.IsPlain ? EntryState.Ok : EntryState.Changed, entry.Dst);
            }
        }
        return new PeerRow(subnet, host, neighbour.Mac, hop.Device, route, neighbour.Permanent ? EntryState.Ok : EntryState.Changed, fdb);
    }

    /// <summary>An FDB entry that no neighbour leads to: of the one subnet that lacks its neighbour, if there is one; else a line of its
    /// own.</summary>
    private static void Place(List<PeerRow> rows, OverlayFdbEntry entry)
    {
        List<PeerRow> incomplete = rows.FindAll(row =>
            row.Neighbour == EntryState.Missing && row.Subnet is not null && row.Device == entry.Device
        );
        if (incomplete.Count == 1)
        {
            rows[rows.IndexOf(incomplete[0])] = incomplete[0] with { PublicIP = entry.Dst, VtepMac = entry.Mac, Fdb = EntryState.Ok };
        }
        else
        {
            rows.Add(new PeerRow(null, entry.Dst, entry.Mac, entry.Device, EntryState.Missing, EntryState.Missing, EntryState.Ok));
        }
    }

    /// <summary>IPv4 first, by address; what no subnet is known of comes last.</summary>
    private static int Compare(PeerRow one, PeerRow other)
    {
        byte[] first = Key(one),
            second = Key(other);
        return first.Length != second.Length ? first.Length - second.Length : first.AsSpan().SequenceCompareTo(second);
    }

    private static byte[] Key(PeerRow row) => row.Subnet is { } subnet ? subnet.BaseAddress.GetAddressBytes() : new byte[17];
}
