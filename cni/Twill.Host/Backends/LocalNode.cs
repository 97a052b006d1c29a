using System.Net;
using System.Net.Sockets;
using Twill.Linux.WireGuard;
using Twill.System;

namespace Twill.Host.Backends;

/// <summary>What this host is in one network: all that a backend may know about it.</summary>
/// <param name="NetworkName">The network's name; marks the overlay devices.</param>
/// <param name="Networks">The cluster networks, one of a family, that every lease lies in.</param>
/// <param name="Subnets">The subnets this host holds, of all families, oldest first; the first of a family names its overlay device's
/// address.</param>
/// <param name="Lost">Subnets this host held and lost; its containers may still use them.</param>
/// <param name="Addresses">This host's addresses on the underlay.</param>
/// <param name="UnderlayName">The interface that carries <paramref name="Addresses"/>.</param>
/// <param name="MainRoutes">The routes of the main table that decide whether another host is reached without a router.</param>
public sealed record LocalNode(
    string NetworkName,
    IReadOnlyList<IPNetwork> Networks,
    IReadOnlyList<IPNetwork> Subnets,
    IReadOnlyList<IPNetwork> Lost,
    PerFamily<LocalAddress> Addresses,
    string UnderlayName,
    IReadOnlyList<MainRoute> MainRoutes
)
{
    /// <summary>What this host itself needs: no subnet of another host that overlaps it is led to.</summary>
    public HostPrefixes Needs { get; init; } = HostPrefixes.None;

    /// <summary>Subnets of other hosts that it led to a moment ago.</summary>
    public IReadOnlySet<IPNetwork> LedTo { get; init; } = new HashSet<IPNetwork>();

    /// <summary>
    /// Whether this host's own address lies in a cluster network, as where <c>192.168.0.0/16</c> is leased on a LAN of it. Then addresses
    /// of hosts may lie in subnets of others, and every lease must be compared with all.
    /// </summary>
    public bool IsInsideNetwork
    {
        get
        {
            foreach (LocalAddress address in Addresses)
            {
                if (NetworkOf(address.PublicIP) is not null)
                {
                    return true;
                }
            }

            return false;
        }
    }

    /// <summary>What it takes to talk WireGuard; null for other backends.</summary>
    public LocalWireGuard? WireGuard { get; init; }

    /// <summary>The oldest subnet of each family.</summary>
    public PerFamily<IPNetwork> FirstSubnets
    {
        get
        {
            PerFamily<IPNetwork> first = default;
            foreach (IPNetwork subnet in Subnets)
            {
                AddressFamily family = subnet.BaseAddress.AddressFamily;
                first = first[family] is null ? first.With(family, subnet) : first;
            }

            return first;
        }
    }

    /// <summary>
    /// Whether packets to <paramref name="address"/> leave through the underlay interface straight to that host: the longest
    /// matching route is one of the underlay's and has no gateway (what `ip route get ADDRESS` answers without "via").
    /// </summary>
    public bool IsOnLink(IPAddress address)
    {
        MainRoute? best = null;
        foreach (MainRoute route in MainRoutes)
        {
            if (
                route.Destination.BaseAddress.AddressFamily == address.AddressFamily
                && route.Destination.Contains(address)
                && (best is null || IsBetter(route, best))
            )
            {
                best = route;
            }
        }

        return best is { HasGateway: false } && best.Device == UnderlayName;
    }

    /// <summary>The cluster network that an address lies in; null: none.</summary>
    internal IPNetwork? NetworkOf(IPAddress address)
    {
        foreach (IPNetwork network in Networks)
        {
            if (network.Contains(address))
            {
                return network;
            }
        }

        return null;
    }

    /// <summary>Whether the kernel takes a route to the subnet by way of the address: an IPv6 route's next hop is an IPv6
    /// address.</summary>
    internal static bool CanRoute(IPNetwork subnet, IPAddress via) =>
        subnet.BaseAddress.AddressFamily == AddressFamily.InterNetwork || via.AddressFamily == AddressFamily.InterNetworkV6;

    /// <summary>Whether the other is this host as it was; what else is on it and in its main table left aside.</summary>
    public bool IsSameAs(LocalNode other) =>
        this == other with { Networks = Networks, Subnets = Subnets, Lost = Lost, MainRoutes = MainRoutes, Needs = Needs, LedTo = LedTo }
        && Networks.SequenceEqual(other.Networks)
        && Subnets.SequenceEqual(other.Subnets)
        && Lost.SequenceEqual(other.Lost);

    private static bool IsBetter(MainRoute route, MainRoute than) =>
        route.Destination.PrefixLength != than.Destination.PrefixLength
            ? route.Destination.PrefixLength > than.Destination.PrefixLength
            : route.Metric < than.Metric;
}

/// <summary>What this host needs besides its address to talk WireGuard.</summary>
/// <param name="PrivateKey">Its private key.</param>
/// <param name="PresharedKey">The key that all hosts of the network mix into their handshakes; null for none.</param>
/// <param name="KeepaliveSeconds">Seconds between packets that keep the way to each peer open; 0 for none.</param>
public sealed record LocalWireGuard(WireGuardSecret PrivateKey, WireGuardSecret? PresharedKey = null, ushort KeepaliveSeconds = 0);

/// <summary>The part of a route in the main table that says whether its destinations are neighbours on the wire.</summary>
/// <param name="Destination">Destination prefix.</param>
/// <param name="Device">Name of the interface it leads to.</param>
/// <param name="HasGateway">Whether a router stands in between.</param>
/// <param name="Metric">Its priority; the lower wins among equal prefixes.</param>
public sealed record MainRoute(IPNetwork Destination, string Device, bool HasGateway, uint Metric = 0);
