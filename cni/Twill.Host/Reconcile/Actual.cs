using System.Net;
using System.Net.Sockets;
using Twill.Linux;
using Twill.Linux.Neighbours;
using Twill.Linux.Routes;

namespace Twill.Host.Reconcile;

/// <summary>What is in the kernel for one network. Only entries that carry our mark may be removed.</summary>
/// <param name="Routes">Routes of the main table with our protocol number.</param>
/// <param name="Neighbours">Neighbours on the overlay device with our protocol number, by address.</param>
/// <param name="Fdb">FDB entries of the overlay device with our mark.</param>
/// <param name="ForeignFdb">FDB entries of the overlay device without it.</param>
public sealed record Actual(
    IReadOnlySet<PeerRoute> Routes,
    IReadOnlyDictionary<IPAddress, OverlayNeighbour> Neighbours,
    IReadOnlySet<OverlayFdbEntry> Fdb,
    IReadOnlySet<OverlayFdbEntry> ForeignFdb)
{
    /// <summary>A kernel that knows nothing of this network.</summary>
    public static Actual Empty { get; } = new(
        new HashSet<PeerRoute>(), new Dictionary<IPAddress, OverlayNeighbour>(), new HashSet<OverlayFdbEntry>(), new HashSet<OverlayFdbEntry>());

    /// <summary>A kernel in which all of this is as it was wanted, and nothing else.</summary>
    public static Actual AsWanted(Desired desired) =>
        new(desired.Routes, desired.Neighbours, desired.Fdb, new HashSet<OverlayFdbEntry>());

    /// <summary>Reads the kernel.</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="names">Names of links for this round.</param>
    /// <param name="network">The cluster network: other networks have routes with our number too.</param>
    /// <param name="overlay">Interface index of the overlay device; 0 for none.</param>
    public static Actual Read(RouteSocket route, LinkNames names, IPNetwork network, int overlay)
    {
        HashSet<PeerRoute> routes = [];
        foreach (Route found in route.ListRoutes(
            new() { Family = AddressFamily.InterNetwork, Table = RouteTable.Main, Protocol = RouteProtocol.Twill }))
        {
            if ((overlay != 0 && found.Index == overlay) || IsInside(network, found.Destination))
            {
                routes.Add(new PeerRoute(
                    found.Destination, found.Gateway, found.Index == 0 ? "" : names.NameOf(found.Index), found.Onlink, found.Metric));
            }
        }

        return overlay == 0 ? Empty with { Routes = routes } : ReadOverlay(route, overlay) with { Routes = routes };
    }

    private static Actual ReadOverlay(RouteSocket route, int overlay)
    {
        Dictionary<IPAddress, OverlayNeighbour> neighbours = [];
        foreach (Neighbour found in route.ListNeighbours(overlay))
        {
            if (found.Protocol == RouteProtocol.Twill && found.Address is { } address)
            {
                neighbours[address] = new OverlayNeighbour(found.Mac ?? MacAddress.Zero, found.IsPermanent);
            }
        }

        HashSet<OverlayFdbEntry> ours = [], foreign = [];
        foreach (Neighbour found in route.ListFdb(overlay))
        {
            if (found.Mac is { } mac && found.Address is { } dst)
            {
                ((found.Flags & OverlayFdbEntry.Mark) == OverlayFdbEntry.Mark ? ours : foreign).Add(new OverlayFdbEntry(mac, dst));
            }
        }

        return Empty with { Neighbours = neighbours, Fdb = ours, ForeignFdb = foreign };
    }

    internal static bool IsInside(IPNetwork network, IPNetwork subnet) =>
        subnet.PrefixLength >= network.PrefixLength && network.Contains(subnet.BaseAddress);
}
