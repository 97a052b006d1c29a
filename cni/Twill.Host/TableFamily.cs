using System.Net;
using System.Net.Sockets;
using Twill.Linux.Nftables;

namespace Twill.Host;

/// <summary>
/// What an address family is to a network's nftables table. IPv4's sets and maps have the plain names (<c>local</c>, <c>ports</c>), those
/// of IPv6 end in 6 (<c>local6</c>, <c>ports6</c>); all that is done with them is done for each family of the table.
/// </summary>
internal sealed record TableFamily
{
    /// <summary>In every table.</summary>
    internal static readonly TableFamily IPv4 = new()
    {
        Family = AddressFamily.InterNetwork,
        Suffix = "",
        Address = NftType.Ipv4Addr,
        // Multicast and the limited broadcast: nobody could answer to a translated address.
        NeverMasqueraded = [new(new IPAddress([224, 0, 0, 0]), 4), new(IPAddress.Broadcast, 32)],
        Loopback = new IPNetwork(new IPAddress([127, 0, 0, 0]), 8),
        NotPublishedAt = [],
    };

    /// <summary>In the tables of networks whose containers have, or may have, IPv6 addresses.</summary>
    internal static readonly TableFamily IPv6 = new()
    {
        Family = AddressFamily.InterNetworkV6,
        Suffix = "6",
        Address = NftType.Ipv6Addr,
        NeverMasqueraded = [IPNetwork.Parse("fe80::/10"), IPNetwork.Parse("ff00::/8")], // they never leave their link, nor may be forwarded
        // The kernel itself drops what comes from or goes to ::1 by any interface but lo (ip6_rcv_core), and has no route_localnet for it:
        // what answers a connection from ::1 would be dropped as well. The link-local addresses that clients ask from cannot be routed to a
        // container.
        Loopback = null,
        NotPublishedAt = [new(IPAddress.IPv6Loopback, 128), IPNetwork.Parse("fe80::/10")],
    };

    internal static readonly IReadOnlyList<TableFamily> OnlyIPv4 = [IPv4],
        Both = [IPv4, IPv6];

    private TableFamily() { }

    /// <summary>AF_INET or AF_INET6.</summary>
    internal required AddressFamily Family { get; init; }

    /// <summary>The end of its sets' and maps' names.</summary>
    internal required string Suffix { get; init; }

    /// <summary>What its addresses are in sets and maps.</summary>
    internal required NftType Address { get; init; }

    /// <summary>Destinations that see the container's own address whatever is configured.</summary>
    internal required IReadOnlyList<IPNetwork> NeverMasqueraded { get; init; }

    /// <summary>The host's own addresses that containers could get at once <c>route_localnet</c> is on; null where the kernel sees to
    /// it.</summary>
    internal required IPNetwork? Loopback { get; init; }

    /// <summary>Addresses of the host that ports at all of its addresses are not published at.</summary>
    internal required IReadOnlyList<IPNetwork> NotPublishedAt { get; init; }

    internal static TableFamily Of(AddressFamily family) => family == AddressFamily.InterNetworkV6 ? IPv6 : IPv4;

    internal static TableFamily Of(IPAddress address) => Of(address.AddressFamily);
}
