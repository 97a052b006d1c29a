using System.Globalization;
using System.IO.Enumeration;
using System.Net;
using System.Net.Sockets;
using Twill.Host.Backends;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.Linux.Netlink;
using Twill.Linux.Routes;
using Twill.Network;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Host;

/// <summary>The interface and addresses by which other hosts reach this one.</summary>
/// <param name="Name">The interface's name.</param>
/// <param name="Index">Its index.</param>
/// <param name="IPv4">The IPv4 address that other hosts send to; null for none.</param>
/// <param name="IPv6">The same for IPv6.</param>
/// <param name="Mtu">The interface's MTU in bytes.</param>
public sealed record Underlay(string Name, int Index, IPAddress? IPv4, IPAddress? IPv6, int Mtu)
{
    /// <inheritdoc/>
    public override string ToString() => Name;

    // An address that is nobody's (TEST-NET-1, RFC 5737): only the default route leads there.
    private static readonly IPAddress s_somewhereElse = new([192, 0, 2, 1]);

    // The same of IPv6 (RFC 3849).
    private static readonly IPAddress s_somewhereElseV6 = IPAddress.Parse("2001:db8::1");

    private static readonly AddressFamily[] s_families = [AddressFamily.InterNetwork, AddressFamily.InterNetworkV6];

    /// <summary>The addresses that there are, IPv4's first; at least one.</summary>
    public IReadOnlyList<IPAddress> Addresses =>
        IPv4 is null ? [IPv6!]
        : IPv6 is null ? [IPv4]
        : [IPv4, IPv6];

    /// <summary>The MTU in bytes that a backend leaves to containers, by whichever of the addresses their packets go.</summary>
    public int MtuWith(IBackend backend)
    {
        int overhead = 0;
        foreach (IPAddress address in Addresses)
        {
            overhead = Math.Max(overhead, backend.Overhead(address.AddressFamily));
        }

        return Mtu - overhead;
    }

    /// <summary>
    /// Chooses by the configuration's <c>backend.interface</c>: empty, the interface of the default route (of several, the one of the
    /// lowest metric; IPv6's only where there is none of IPv4) and the source that the kernel would use; an address or a prefix
    /// (<c>192.168.64.0/24</c>), the interface that has it or one of it; else an interface's name or a glob (<c>eth*</c>), the first by
    /// index that is up and has a global address, an IPv4 one if any interface has. IPv6 addresses count when they stay: not temporary,
    /// deprecated or tentative ones; configured ones before those that routers advertised, the lowest first.
    /// </summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="pattern">The value of <c>backend.interface</c>; may be empty or null.</param>
    /// <param name="dual">
    /// Whether the interface's address of the other family is wanted too, as in a network with both. Otherwise there is IPv6 only where
    /// the pattern says so, or no interface has an IPv4 address.
    /// </param>
    /// <exception cref="HostException">Nothing fits.</exception>
    public static Underlay Select(RouteSocket route, string? pattern, bool dual) => Select(route, pattern, dual, null, []);

    /// <summary>The same for a network. Its own bridge and overlay devices are none, and neither are the devices of twill's other networks.
    /// Of several addresses that fit, the one that other hosts know is kept for as long as it is there.</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="conf">The network.</param>
    /// <param name="published">What other hosts know of this one; null: nothing yet.</param>
    /// <exception cref="HostException">Nothing fits.</exception>
    public static Underlay Select(RouteSocket route, TwillConf conf, NodeFile? published) =>
        Select(route, conf.Backend.Interface, conf.Ipam.IPv6 is not null, conf, published?.PublicAddresses ?? []);

    private static Underlay Select(
        RouteSocket route,
        string? pattern,
        bool dual,
        TwillConf? conf,
        IReadOnlyList<IPAddress> published
    )
    {
        List<InterfaceAddress> addresses = InOrder(route.ListAddresses(), published);
        Candidates all = new(InOrder(route.ListLinks(), addresses, published), addresses) { Conf = conf };
        if (string.IsNullOrEmpty(pattern))
        {
            return OfDefaultRoute(route, all, dual, published);
        }

        if (IPAddress.TryParse(pattern, out IPAddress? exact))
        {
            return Choose(all, dual, (_, a) => a.Address.Equals(exact))
                ?? OnLoopback(route, all, exact)
                ?? throw Nothing(pattern, "no interface has that address", all);
        }

        if (pattern.Contains('/'))
        {
            if (ParsePrefix(pattern) is not { } prefix)
            {
                throw Nothing(pattern, "it is no prefix like 192.168.64.0/24 or fd00:64::/64", all);
            }

            return Choose(all, dual, (_, a) => a.Address.AddressFamily == prefix.BaseAddress.AddressFamily && prefix.Contains(a.Address))
                ?? throw Nothing(pattern, "no interface has an address in that prefix", all);
        }
        return Choose(all, dual, (l, _) => FileSystemName.MatchesSimpleExpression(pattern, l.Name, ignoreCase: false))
            ?? throw Nothing(pattern, "no interface that is up and has a global address has such a name", all);
    }

    /// <summary>
    /// The MTU in bytes of the interface that packets to the outside leave by, or 1500 when there is none: two short questions, no list.
    /// </summary>
    /// <param name="route">A socket in the host's namespace.</param>
    public static int MtuToOutside(RouteSocket route) =>
        route.TryGetRoute(s_somewhereElse, out Route? way) && route.TryGetLink(way.Index, out Link? link) && !link.IsLoopback
            ? (int)link.Mtu
            : 1500;

    private sealed record Candidates(List<Link> Links, List<InterfaceAddress> Addresses)
    {
        /// <summary>The network that asks; null: none.</summary>
        internal TwillConf? Conf { get; init; }

        /// <summary>Whether other hosts are reached by the address: it is not that of a device of twill's own, where containers are. A
        /// bridge may be both, where containers are on the hosts' own LAN.</summary>
        internal bool IsOutside(Link link, IPAddress address) =>
            Conf is null
            || (Conf.Lan is not null && link.Name == Conf.Bridge)
            || (
                link.Name == Conf.Bridge && !Conf.IsForeign
                    ? !Conf.Ipam.Ranges.Exists(network => network.Contains(address)) || !HasContainers(link, address)
                    : !Conf.Backend.DeviceNames.Contains(link.Name) && !DeviceNames.IsVeth(link.Name) && link.Group != HostBridge.Group
            );

        /// <summary>Whether the address is this network's gateway on its bridge: the first of a subnet of the length that is
        /// leased.</summary>
        private bool HasContainers(Link link, IPAddress address) =>
            Addresses.Exists(one =>
                one.Index == link.Index
                && one.Address.Equals(address)
                && one.PrefixLength == Conf!.Ipam.Of(address.AddressFamily)?.SubnetLen
                && Conf.Ipam.GatewayOf(one.Network).Equals(address)
            );
    }

    private static Underlay OfDefaultRoute(RouteSocket route, Candidates all, bool dual, IReadOnlyList<IPAddress> published)
    {
        foreach (AddressFamily family in s_families)
        {
            if (family == AddressFamily.InterNetworkV6 && !dual && First(all, AddressFamily.InterNetwork, (_, _) => true) is not null)
            {
                break; // a default route that is away for a moment does not make this host another one
            }

            if (DefaultRoute(route, family) is not (var device, var source))
            {
                continue;
            }

            List<IPAddress> ofFamily = published.FindAll(address => address.AddressFamily == family);
            IPAddress? known = ofFamily.Count > 0 ? ofFamily[0] : null;
            source ??=
                known is not null && Choose(all, dual: false, (l, a) => l.Index == device && a.Address.Equals(known)) is not null ? known
                : SourceBy(route, family, device);
            return Choose(all, dual, (l, a) => l.Index == device && (source is null || a.Address.Equals(source)), [family, .. s_families])
                ?? (source is null ? null : OnLoopback(route, all, source, device))
                ?? Choose(all, dual, (l, _) => l.Index == device)
                ?? throw new HostException(
                    "$.backend.interface is empty, and the interface of the default route is down or has no global "
                        + $"address: name another; {Offer(all)}"
                );
        }
        throw new HostException(
            $"$.backend.interface is empty, and this host has no {(dual ? "" : "IPv4 ")}default route to choose the underlay by: "
                + $"name an interface, a glob, an address or a prefix; {Offer(all)}"
        );
    }

    /// <summary>The interface of the default route, of several ways the first that is alive, and the route's preferred source.</summary>
    private static (int Device, IPAddress? Source)? DefaultRoute(RouteSocket route, AddressFamily family)
    {
        Route? best = null;
        foreach (
            Route candidate in route.ListRoutes(
                new ListRoutes
                {
                    Family = family,
                    Table = RouteTable.Main,
                    RouteType = RouteType.Unicast,
                }
            )
        )
        {
            if (candidate.Destination.PrefixLength == 0 && (best is null || candidate.Metric < best.Metric))
            {
                best = candidate;
            }
        }

        if (best is null)
        {
            return null;
        }

        int device = best.Index;
        foreach (NextHop hop in best.NextHops)
        {
            device = device == 0 || hop.IsAlive ? hop.Index : device;
            if (hop.IsAlive)
            {
                break;
            }
        }

        if (device == 0 && route.TryGetRoute(SomewhereElse(family), out Route? way)) // a nexthop object that is listed by number only
        {
            device = way.Index;
        }

        return device == 0 ? null : (device, best.Source);
    }

    /// <summary>The source address that the kernel itself would use for packets that leave by the device; null when they leave by
    /// another.</summary>
    private static IPAddress? SourceBy(RouteSocket route, AddressFamily family, int device)
    {
        try
        {
            return route.TryGetRoute(SomewhereElse(family), out Route? way) && way.Index == device ? way.Source : null;
        }
        catch (NetlinkException)
        {
            return null; // a rule or a route that forbids it
        }
    }

    private static IPAddress SomewhereElse(AddressFamily family) =>
        family == AddressFamily.InterNetwork ? s_somewhereElse : s_somewhereElseV6;

    /// <summary>An address of the loopback device, which a router knows the way to: packets leave by the default route's.</summary>
    private static Underlay? OnLoopback(RouteSocket route, Candidates all, IPAddress address, int device = 0)
    {
        if (!all.Addresses.Exists(one => one.Address.Equals(address) && all.Links.Exists(l => l.Index == one.Index && l.IsLoopback)))
        {
            return null;
        }

        device = device != 0 ? device : DefaultRoute(route, address.AddressFamily)?.Device ?? 0;
        return all.Links.Find(link => link.Index == device) is not { } way
            ? null
            : address.AddressFamily == AddressFamily.InterNetwork
                ? new Underlay(way.Name, way.Index, address, null, (int)way.Mtu)
                : new Underlay(way.Name, way.Index, null, address, (int)way.Mtu);
    }

    /// <summary>The first address that fits, of IPv4 if there is one, and with it the interface's best of the other family.</summary>
    private static Underlay? Choose(Candidates all, bool dual, Func<Link, InterfaceAddress, bool> fits, AddressFamily[]? families = null)
    {
        foreach (AddressFamily family in families ?? s_families)
        {
            if (First(all, family, fits) is not (var link, var address))
            {
                continue;
            }

            bool v4 = family == AddressFamily.InterNetwork;
            IPAddress? other = !dual
                ? null
                : First(all, v4 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork, (l, a) =>
                    l.Index == link.Index && fits(l, a)
                )?.Address
                    ?? First(all, v4 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork, (l, _) => l.Index == link.Index)?.Address;
            return new Underlay(link.Name, link.Index, v4 ? address : other, v4 ? other : address, (int)link.Mtu);
        }
        return null;
    }

    private static (Link Link, IPAddress Address)? First(Candidates all, AddressFamily family, Func<Link, InterfaceAddress, bool> fits)
    {
        foreach (Link link in all.Links)
        {
            if (!IsUsable(link))
            {
                continue;
            }

            foreach (InterfaceAddress address in all.Addresses)
            {
                if (
                    address.Index == link.Index
                    && address.Address.AddressFamily == family
                    && IsUsable(address)
                    && all.IsOutside(link, address.Address)
                    && fits(link, address)
                )
                {
                    return (link, address.Address);
                }
            }
        }
        return null;
    }

    /// <summary>The one with the address that other hosts know first: a pattern may fit several.</summary>
    private static List<Link> InOrder(List<Link> links, List<InterfaceAddress> addresses, IReadOnlyList<IPAddress> published)
    {
        bool IsKnown(Link link) => addresses.Exists(a => a.Index == link.Index && published.Contains(a.Address));

        return [.. links.FindAll(IsKnown), .. links.FindAll(link => !IsKnown(link))];
    }

    /// <summary>What other hosts know first. IPv6's by themselves, so that one that is added or renewed changes nothing: the kernel lists
    /// the newest first.</summary>
    private static List<InterfaceAddress> InOrder(List<InterfaceAddress> addresses, IReadOnlyList<IPAddress> published)
    {
        List<InterfaceAddress> v6 = addresses.FindAll(a => a.Address.AddressFamily == AddressFamily.InterNetworkV6);
        v6.SortBy(
            (one, other) =>
            {
                int lasting = (other.Flags & AddressFlags.Permanent).CompareTo(one.Flags & AddressFlags.Permanent);
                return lasting != 0 ? lasting : one.Address.GetAddressBytes().AsSpan().SequenceCompareTo(other.Address.GetAddressBytes());
            }
        );
        List<InterfaceAddress> v4 = addresses.FindAll(a => a.Address.AddressFamily == AddressFamily.InterNetwork);
        List<InterfaceAddress> all = [.. v4, .. v6];
        return [.. all.FindAll(a => published.Contains(a.Address)), .. all.FindAll(a => !published.Contains(a.Address))];
    }

    // Bits behind the length are let through: people copy "192.168.64.3/24" from `ip address`, and what they mean is clear.
    private static IPNetwork? ParsePrefix(string text)
    {
        int slash = text.IndexOf('/');
        return
            slash >= 0
            && IPAddress.TryParse(text.AsSpan(0, slash), out IPAddress? address)
            && byte.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out byte length)
            && length <= (address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128)
            ? IPPrefix.Of(address, length)
            : null;
    }

    private static bool IsUsable(Link link) => link.IsUp && !link.IsLoopback;

    // IFA_F_SECONDARY is IPv6's IFA_F_TEMPORARY. A tentative address of a link without DAD is good at once, another one in a second or two.
    private static bool IsUsable(InterfaceAddress address) =>
        address.Scope == RouteScope.Universe
        && (
            address.Address.AddressFamily == AddressFamily.InterNetwork
            || (address.Flags & (AddressFlags.Secondary | AddressFlags.Deprecated | AddressFlags.Tentative | AddressFlags.DadFailed)) == 0
        );

    private static HostException Nothing(string pattern, string why, Candidates all)
    {
        foreach (Link link in all.Links)
        {
            foreach (InterfaceAddress address in all.Addresses)
            {
                if (
                    address.Index == link.Index
                    && IsUsable(link)
                    && !all.IsOutside(link, address.Address)
                    && (pattern == link.Name || pattern == $"{address.Address}" || ParsePrefix(pattern)?.Contains(address.Address) == true)
                )
                {
                    why = $"{link.Name} with {address.Address} is twill's own, and leads to containers, not to other hosts";
                }
            }
        }

        return new($"$.backend.interface '{pattern}' picks no underlay: {why}; {Offer(all)}");
    }

    private static string Offer(Candidates all)
    {
        List<string> offers = [];
        foreach (Link link in all.Links)
        {
            if (!IsUsable(link))
            {
                continue;
            }

            foreach (InterfaceAddress address in all.Addresses)
            {
                if (address.Index == link.Index && IsUsable(address) && all.IsOutside(link, address.Address))
                {
                    offers.Add($"{link.Name} {address.Address}/{address.PrefixLength}");
                }
            }
        }
        return offers.Count == 0 ? "no interface is up with a global address" : $"there are {string.Join(", ", offers)}";
    }
}
