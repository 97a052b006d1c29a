using System.Globalization;
using System.IO.Enumeration;
using System.Net;
using System.Net.Sockets;
using Twill.Host.Backends;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.Linux.Routes;
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
    // An address that is nobody's (TEST-NET-1, RFC 5737): only the default route leads there.
    private static readonly IPAddress s_somewhereElse = new([192, 0, 2, 1]);

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
    /// lowest metric; IPv6's only where there is none of IPv4) and its preferred source; an address or a prefix (<c>192.168.64.0/24</c>),
    /// the interface that has it or one of it; else an interface's name or a glob (<c>eth*</c>), the first by index that is up and has a
    /// global address, an IPv4 one if any interface has. IPv6 addresses count when they stay: not temporary, deprecated or tentative ones;
    /// configured ones before those that routers advertised, the lowest first.
    /// </summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="pattern">The value of <c>backend.interface</c>; may be empty or null.</param>
    /// <param name="dual">
    /// Whether the interface's address of the other family is wanted too, as in a network with both. Otherwise there is IPv6 only where
    /// the pattern says so, or no interface has an IPv4 address.
    /// </param>
    /// <exception cref="HostException">Nothing fits.</exception>
    public static Underlay Select(RouteSocket route, string? pattern, bool dual)
    {
        Candidates all = new(route.ListLinks(), InOrder(route.ListAddresses()));
        if (string.IsNullOrEmpty(pattern))
        {
            return OfDefaultRoute(route, all, dual);
        }

        if (IPAddress.TryParse(pattern, out IPAddress? exact))
        {
            return Choose(all, dual, (_, a) => a.Address.Equals(exact)) ?? throw Nothing(pattern, "no interface has that address", all);
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

    private sealed record Candidates(List<Link> Links, List<InterfaceAddress> Addresses);

    private static Underlay OfDefaultRoute(RouteSocket route, Candidates all, bool dual)
    {
        foreach (AddressFamily family in s_families)
        {
            if (family == AddressFamily.InterNetworkV6 && !dual && First(all, AddressFamily.InterNetwork, (_, _) => true) is not null)
            {
                break; // a default route that is away for a moment does not make this host another one
            }

            if (DefaultRoute(route, family) is not { } way)
            {
                continue;
            }

            return Choose(
                all,
                dual,
                (l, a) => l.Index == way.Index && (way.Source is null || a.Address.Equals(way.Source)),
                [family, .. s_families]
            )
                ?? Choose(all, dual, (l, _) => l.Index == way.Index)
                ?? throw new HostException(
                    "$.backend.interface is empty, and the interface of the default route is down or has no global "
                        + $"address: name another; there are {Offer(all)}"
                );
        }
        throw new HostException(
            $"$.backend.interface is empty, and this host has no {(dual ? "" : "IPv4 ")}default route to choose the underlay by: "
                + $"name an interface, a glob, an address or a prefix; there are {Offer(all)}"
        );
    }

    private static Route? DefaultRoute(RouteSocket route, AddressFamily family)
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
            if (candidate.Destination.PrefixLength == 0 && candidate.Index != 0 && (best is null || candidate.Metric < best.Metric))
            {
                best = candidate;
            }
        }
        return best;
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
                if (address.Index == link.Index && address.Address.AddressFamily == family && IsUsable(address) && fits(link, address))
                {
                    return (link, address.Address);
                }
            }
        }
        return null;
    }

    /// <summary>IPv6's by themselves, so that one that is added or renewed changes nothing: the kernel lists the newest first.</summary>
    private static List<InterfaceAddress> InOrder(List<InterfaceAddress> addresses)
    {
        List<InterfaceAddress> v6 = addresses.FindAll(a => a.Address.AddressFamily == AddressFamily.InterNetworkV6);
        v6.Sort(
            (one, other) =>
            {
                int lasting = (other.Flags & AddressFlags.Permanent).CompareTo(one.Flags & AddressFlags.Permanent);
                return lasting != 0 ? lasting : one.Address.GetAddressBytes().AsSpan().SequenceCompareTo(other.Address.GetAddressBytes());
            }
        );
        return [.. addresses.FindAll(a => a.Address.AddressFamily == AddressFamily.InterNetwork), .. v6];
    }

    // Bits behind the length are let through: people copy "192.168.64.3/24" from `ip address`, and what they mean is clear.
    private static IPNetwork? ParsePrefix(string text)
    {
        int slash = text.IndexOf('/');
        return
            IPAddress.TryParse(text.AsSpan(0, slash), out IPAddress? address)
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

    private static HostException Nothing(string pattern, string why, Candidates all) =>
        new($"$.backend.interface '{pattern}' picks no underlay: {why}; there are {Offer(all)}");

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
                if (address.Index == link.Index && IsUsable(address))
                {
                    offers.Add($"{link.Name} {address.Address}/{address.PrefixLength}");
                }
            }
        }
        return offers.Count == 0 ? "none that is up with a global address" : string.Join(", ", offers);
    }
}
