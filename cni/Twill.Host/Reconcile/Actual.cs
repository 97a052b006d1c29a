using System.Net;
using System.Net.Sockets;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Neighbours;
using Twill.Linux.Nexthops;
using Twill.Linux.Routes;
using Twill.Linux.WireGuard;
using Twill.System;

namespace Twill.Host.Reconcile;

/// <summary>What is in the kernel for one network. Only entries that carry our mark may be removed.</summary>
/// <param name="Routes">Routes of the main table with our protocol number.</param>
/// <param name="Neighbours">Neighbours on the overlay devices with our protocol number.</param>
/// <param name="Fdb">FDB entries of the overlay devices with our mark.</param>
/// <param name="ForeignFdb">FDB entries of the overlay devices without it.</param>
public sealed record Actual(
    IReadOnlySet<PeerRoute> Routes,
    IReadOnlyDictionary<OverlayHop, OverlayNeighbour> Neighbours,
    IReadOnlySet<OverlayFdbEntry> Fdb,
    IReadOnlySet<OverlayFdbEntry> ForeignFdb
)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Routes.Count} routes, {Neighbours.Count} neighbours, {Fdb.Count} FDB entries";

    /// <summary>Peers of WireGuard devices, all of which are ours to keep.</summary>
    public IReadOnlyDictionary<TunnelEnd, TunnelPeer> Tunnels { get; init; } = new Dictionary<TunnelEnd, TunnelPeer>();

    /// <summary>Our nexthop objects by where they lead: one for each hop, whose number is of our range.</summary>
    public IReadOnlyDictionary<OverlayHop, uint> Nexthops { get; init; } = new Dictionary<OverlayHop, uint>();

    /// <summary>Nexthop objects of ours that no route should name, by number.</summary>
    public IReadOnlyList<uint> StrayNexthops { get; init; } = [];

    /// <summary>The numbers of nexthop objects; null when routes do without: the kernel has no such objects, or they are not to be
    /// used.</summary>
    public NexthopIds? NexthopIds { get; init; }

    /// <summary>A kernel that knows nothing of this network.</summary>
    public static Actual Empty { get; } =
        new(
            new HashSet<PeerRoute>(),
            new Dictionary<OverlayHop, OverlayNeighbour>(),
            new HashSet<OverlayFdbEntry>(),
            new HashSet<OverlayFdbEntry>()
        );

    /// <summary>A kernel in which all of this is as it was wanted, and nothing else.</summary>
    /// <param name="desired">What was wanted.</param>
    /// <param name="ids">The numbers of nexthop objects, those that were wanted among them; null when routes do without.</param>
    public static Actual AsWanted(Desired desired, NexthopIds? ids = null)
    {
        HashSet<PeerRoute> routes = new(desired.Routes.Count);
        Dictionary<OverlayHop, uint> nexthops = [];
        foreach (PeerRoute route in desired.Routes)
        {
            if (ids is not null && route.NexthopKey is { } hop && ids.IdOf(hop) is not 0 and var id)
            {
                nexthops[hop] = id;
                routes.Add(route with { NexthopId = id });
            }
            else
            {
                routes.Add(route);
            }
        }

        return new(routes, desired.Neighbours, desired.Fdb, new HashSet<OverlayFdbEntry>())
        {
            Tunnels = desired.Tunnels,
            Nexthops = nexthops,
            NexthopIds = ids,
        };
    }

    /// <summary>The same kernel, when its nexthop objects are not to be used: those that are there are in the way.</summary>
    public Actual WithoutNexthops() =>
        this with
        {
            Nexthops = new Dictionary<OverlayHop, uint>(),
            StrayNexthops = [.. StrayNexthops, .. Nexthops.Values],
            NexthopIds = null,
        };

    /// <summary>Reads the kernel.</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="names">Names of links for this round.</param>
    /// <param name="networks">The cluster networks: other networks have routes with our number too.</param>
    /// <param name="overlays">Names of the overlay devices; those that do not exist have nothing.</param>
    public static Actual Read(RouteSocket route, LinkNames names, IReadOnlyList<IPNetwork> networks, IEnumerable<string> overlays)
    {
        List<(string Name, int Index)> devices =
        [
            .. overlays.ConvertAll(name => (name, names.IndexOf(name))).FindAll(device => device.Item2 != 0),
        ];
        NexthopReader nexthops = new(route, devices);
        HashSet<PeerRoute> routes = [];
        foreach (AddressFamily family in Families)
        {
            foreach (
                Route found in route.ListRoutes(
                    new()
                    {
                        Family = family,
                        Table = RouteTable.Main,
                        Protocol = RouteProtocol.Twill,
                    }
                )
            )
            {
                NexthopObject? nexthop = nexthops.Find(found.NexthopId);
                if (
                    devices.Exists(device => found.GoesThrough(device.Index) || nexthop?.Index == device.Index)
                    || networks.Exists(network => network.Covers(found.Destination))
                )
                {
                    routes.UnionWith(Split(found, nexthop, names));
                    nexthops.TakeNamed(nexthop);
                }
            }
        }

        Dictionary<OverlayHop, OverlayNeighbour> neighbours = [];
        HashSet<OverlayFdbEntry> ours = [],
            foreign = [];
        Dictionary<TunnelEnd, TunnelPeer> tunnels = [];
        foreach ((string device, int index) in devices)
        {
            if (route.TryGetLink(index, out Link? link) && WireGuardTunnel.Kinds.Contains(link.Kind))
            {
                ReadTunnel(link, tunnels);
                continue;
            }

            ReadNeighbours(route, device, index, neighbours);
            ReadFdb(route, device, index, ours, foreign);
        }

        return new Actual(routes, neighbours, ours, foreign)
        {
            Tunnels = tunnels,
            Nexthops = nexthops.Ids?.ByHop ?? new Dictionary<OverlayHop, uint>(),
            StrayNexthops = nexthops.Strays,
            NexthopIds = nexthops.Ids,
        };
    }

    /// <summary>IPv6 as well, also for a network without it, which may have had it: unless the kernel has none.</summary>
    private static AddressFamily[] Families =>
        Directory.Exists("/proc/sys/net/ipv6") ? [AddressFamily.InterNetwork, AddressFamily.InterNetworkV6] : [AddressFamily.InterNetwork];

    /// <summary>IPv6 makes one route with several ways of routes that differ in their next hop only; each can be removed alone.</summary>
    private static IEnumerable<PeerRoute> Split(Route found, NexthopObject? nexthop, LinkNames names) =>
        nexthop is not null
            ?
            [
                new PeerRoute(found.Destination, nexthop.Gateway, DeviceOf(found, nexthop.Index, names), nexthop.Onlink, found.Metric)
                {
                    Type = found.RouteType,
                    NexthopId = nexthop.Id,
                },
            ]
        : found.NextHops.Count == 0 || found.Destination.BaseAddress.AddressFamily == AddressFamily.InterNetwork
            ?
            [
                new PeerRoute(found.Destination, found.Gateway, DeviceOf(found, found.Index, names), found.Onlink, found.Metric)
                {
                    Type = found.RouteType,
                    NexthopId = found.NexthopId,
                },
            ]
        : found.NextHops.ConvertAll(hop => new PeerRoute(
                found.Destination,
                hop.Gateway,
                names.NameOf(hop.Index),
                hop.IsOnlink,
                found.Metric
            ));

    /// <summary>What leads nowhere has no device, whatever IPv6 says of the loopback one.</summary>
    private static string DeviceOf(Route found, int index, LinkNames names) =>
        index == 0 || found.RouteType != RouteType.Unicast ? "" : names.NameOf(index);

    private static void ReadTunnel(Link link, Dictionary<TunnelEnd, TunnelPeer> to)
    {
        using IWireGuard wireGuard = WireGuardTunnel.Open(link);
        foreach (WireGuardPeer peer in wireGuard.Get(link.Name).Peers)
        {
            to[new TunnelEnd(link.Name, peer.PublicKey)] = TunnelPeer.Of(peer, DateTimeOffset.UtcNow);
        }
    }

    private static void ReadNeighbours(RouteSocket route, string device, int index, Dictionary<OverlayHop, OverlayNeighbour> to)
    {
        foreach (Neighbour found in route.ListNeighbours(index))
        {
            if (found.Protocol == RouteProtocol.Twill && found.Address is { } address)
            {
                to[new OverlayHop(device, address)] = new OverlayNeighbour(found.Mac ?? MacAddress.Zero, found.IsPermanent);
            }
        }
    }

    private static void ReadFdb(
        RouteSocket route,
        string device,
        int index,
        HashSet<OverlayFdbEntry> ours,
        HashSet<OverlayFdbEntry> foreign
    )
    {
        foreach (Neighbour found in route.ListFdb(index))
        {
            if (OverlayFdbEntry.Of(device, found) is { } entry)
            {
                // Whoever made an entry with a nexthop object: it must go before ours can take its place.
                bool isOurs = (found.Flags & OverlayFdbEntry.Mark) == OverlayFdbEntry.Mark && entry.NexthopId == 0;
                (isOurs ? ours : foreign).Add(entry);
            }
        }
    }
}
