using System.Buffers.Binary;
using System.Globalization;
using System.IO.Enumeration;
using System.Net;
using System.Net.Sockets;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.Linux.Routes;

namespace Twill.Host;

/// <summary>The interface and address by which other hosts reach this one.</summary>
/// <param name="Name">The interface's name.</param>
/// <param name="Index">Its index.</param>
/// <param name="Address">The address that other hosts send to.</param>
/// <param name="Mtu">The interface's MTU in bytes.</param>
public sealed record Underlay(string Name, int Index, IPAddress Address, int Mtu)
{
    // An address that is nobody's (TEST-NET-1, RFC 5737): only the default route leads there.
    private static readonly IPAddress s_somewhereElse = new([192, 0, 2, 1]);

    /// <summary>
    /// Chooses by the configuration's <c>backend.interface</c>: empty, the interface of the IPv4 default route (of several, the one of
    /// the lowest metric) and its preferred source; an address or a prefix (<c>192.168.64.0/24</c>), the interface that has it or one of
    /// it; else an interface's name or a glob (<c>eth*</c>), the first by index that is up and has a global address.
    /// </summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="pattern">The value of <c>backend.interface</c>; may be empty or null.</param>
    /// <exception cref="HostException">Nothing fits.</exception>
    public static Underlay Select(RouteSocket route, string? pattern)
    {
        List<Link> links = route.ListLinks();
        List<InterfaceAddress> addresses = route.ListAddresses();
        if (string.IsNullOrEmpty(pattern))
            return OfDefaultRoute(route, links, addresses);
        if (IPAddress.TryParse(pattern, out IPAddress? exact))
            return First(links, addresses, (_, a) => a.Address.Equals(exact))
                ?? throw Nothing(pattern, "no interface has that address", links, addresses);
        if (pattern.Contains('/'))
        {
            if (!TryParsePrefix(pattern, out uint prefix, out uint mask))
                throw Nothing(pattern, "it is no IPv4 prefix like 192.168.64.0/24", links, addresses);
            return First(links, addresses, (_, a) => (Number(a.Address) & mask) == prefix)
                ?? throw Nothing(pattern, "no interface has an address in that prefix", links, addresses);
        }
        return First(links, addresses, (l, _) => FileSystemName.MatchesSimpleExpression(pattern, l.Name, ignoreCase: false))
            ?? throw Nothing(pattern, "no interface that is up and has a global IPv4 address has such a name", links, addresses);
    }

    /// <summary>
    /// The MTU in bytes of the interface that packets to the outside leave by, or 1500 when there is none: two short questions, no list.
    /// </summary>
    /// <param name="route">A socket in the host's namespace.</param>
    public static int MtuToOutside(RouteSocket route) =>
        route.TryGetRoute(s_somewhereElse, out Route? way) && route.TryGetLink(way.Index, out Link? link) && !link.IsLoopback
            ? (int)link.Mtu
            : 1500;

    private static Underlay OfDefaultRoute(RouteSocket route, List<Link> links, List<InterfaceAddress> addresses)
    {
        Route way = DefaultRoute(route)
            ?? throw new HostException("$.backend.interface is empty, and this host has no IPv4 default route to choose the underlay by: " +
                $"name an interface, a glob, an address or a prefix; there are {Offer(links, addresses)}");
        return First(links, addresses, (l, a) => l.Index == way.Index && (way.Source is null || a.Address.Equals(way.Source)))
            ?? First(links, addresses, (l, _) => l.Index == way.Index)
            ?? throw new HostException("$.backend.interface is empty, and the interface of the IPv4 default route is down or has no global " +
                $"IPv4 address: name another; there are {Offer(links, addresses)}");
    }

    private static Route? DefaultRoute(RouteSocket route)
    {
        Route? best = null;
        foreach (Route candidate in route.ListRoutes(new ListRoutes { Family = AddressFamily.InterNetwork, Table = RouteTable.Main }))
        {
            if (candidate.Destination.PrefixLength == 0 && candidate.Index != 0 && (best is null || candidate.Metric < best.Metric))
                best = candidate;
        }
        return best;
    }

    private static Underlay? First(List<Link> links, List<InterfaceAddress> addresses, Func<Link, InterfaceAddress, bool> fits)
    {
        foreach (Link link in links)
        {
            if (!IsUsable(link))
                continue;
            foreach (InterfaceAddress address in addresses)
            {
                if (address.Index == link.Index && IsUsable(address) && fits(link, address))
                    return new Underlay(link.Name, link.Index, address.Address, (int)link.Mtu);
            }
        }
        return null;
    }

    // Bits behind the length are let through: people copy "192.168.64.3/24" from `ip address`, and what they mean is clear.
    private static bool TryParsePrefix(string text, out uint prefix, out uint mask)
    {
        prefix = mask = 0;
        int slash = text.IndexOf('/');
        if (!IPAddress.TryParse(text.AsSpan(0, slash), out IPAddress? address) || address.AddressFamily != AddressFamily.InterNetwork
            || !byte.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out byte length) || length > 32)
            return false;
        mask = length == 0 ? 0 : uint.MaxValue << (32 - length);
        prefix = Number(address) & mask;
        return true;
    }

    private static uint Number(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        return BinaryPrimitives.ReadUInt32BigEndian(bytes);
    }

    private static bool IsUsable(Link link) => link.IsUp && !link.IsLoopback;

    private static bool IsUsable(InterfaceAddress address) =>
        address.Address.AddressFamily == AddressFamily.InterNetwork && address.Scope == RouteScope.Universe;

    private static HostException Nothing(string pattern, string why, List<Link> links, List<InterfaceAddress> addresses) =>
        new($"$.backend.interface: '{pattern}' picks no underlay: {why}; there are {Offer(links, addresses)}");

    private static string Offer(List<Link> links, List<InterfaceAddress> addresses)
    {
        List<string> offers = [];
        foreach (Link link in links)
        {
            if (!IsUsable(link))
                continue;
            foreach (InterfaceAddress address in addresses)
            {
                if (address.Index == link.Index && IsUsable(address))
                    offers.Add($"{link.Name} {address.Address}/{address.PrefixLength}");
            }
        }
        return offers.Count == 0 ? "none that is up with a global IPv4 address" : string.Join(", ", offers);
    }
}
