using System.Net;
using Twill.Linux;

namespace Twill.Host.Backends;

/// <summary>What this host is in one network: all that a backend may know about it.</summary>
/// <param name="NetworkName">The network's name; marks the overlay device.</param>
/// <param name="Network">The cluster network that every lease lies in.</param>
/// <param name="Subnets">The subnets this host holds; the first one names its overlay device's address.</param>
/// <param name="Lost">Subnets this host held and lost; its containers may still use them.</param>
/// <param name="PublicIP">This host's address on the underlay.</param>
/// <param name="UnderlayName">The interface that carries <paramref name="PublicIP"/>.</param>
/// <param name="VtepMac">The MAC address of this host's VXLAN device, the same for ever.</param>
/// <param name="Mtu">MTU in bytes of the overlay device and of containers.</param>
/// <param name="MainRoutes">The routes of the main table that decide whether another host is reached without a router.</param>
public sealed record LocalNode(
    string NetworkName,
    IPNetwork Network,
    IReadOnlyList<IPNetwork> Subnets,
    IReadOnlyList<IPNetwork> Lost,
    IPAddress PublicIP,
    string UnderlayName,
    MacAddress VtepMac,
    int Mtu,
    IReadOnlyList<MainRoute> MainRoutes)
{
    /// <summary>
    /// Whether packets to <paramref name="address"/> leave through the underlay interface straight to that host: the longest
    /// matching route is one of the underlay's and has no gateway (what `ip route get ADDRESS` answers without "via").
    /// </summary>
    public bool IsOnLink(IPAddress address)
    {
        MainRoute? best = null;
        foreach (MainRoute route in MainRoutes)
        {
            if (route.Destination.BaseAddress.AddressFamily == address.AddressFamily && route.Destination.Contains(address)
                && (best is null || IsBetter(route, best)))
            {
                best = route;
            }
        }

        return best is { HasGateway: false } && best.Device == UnderlayName;
    }

    /// <summary>Whether the other is this host as it was, the routes of the main table left aside.</summary>
    public bool IsSameAs(LocalNode other) =>
        this == other with { Subnets = Subnets, Lost = Lost, MainRoutes = MainRoutes } && Subnets.SequenceEqual(other.Subnets) && Lost.SequenceEqual(other.Lost);

    private static bool IsBetter(MainRoute route, MainRoute than) =>
        route.Destination.PrefixLength != than.Destination.PrefixLength
            ? route.Destination.PrefixLength > than.Destination.PrefixLength
            : route.Metric < than.Metric;
}

/// <summary>The part of a route in the main table that says whether its destinations are neighbours on the wire.</summary>
/// <param name="Destination">Destination prefix.</param>
/// <param name="Device">Name of the interface it leads to.</param>
/// <param name="HasGateway">Whether a router stands in between.</param>
/// <param name="Metric">Its priority; the lower wins among equal prefixes.</param>
public sealed record MainRoute(IPNetwork Destination, string Device, bool HasGateway, uint Metric = 0);
