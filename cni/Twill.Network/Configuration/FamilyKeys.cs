using System.Net;
using System.Net.Sockets;
using Twill.System;

namespace Twill.Network.Configuration;

/// <summary>How <c>ipam</c> speaks of an address family: <c>network</c> and its like for IPv4, <c>ipv6Network</c> and its like for
/// IPv6.</summary>
internal sealed class FamilyKeys
{
    internal static readonly FamilyKeys IPv4 = new()
    {
        Family = AddressFamily.InterNetwork,
        Network = "network",
        SubnetLen = "subnetLen",
        SubnetMin = "subnetMin",
        SubnetMax = "subnetMax",
        Subnet = "subnet",
        RangeStart = "rangeStart",
        RangeEnd = "rangeEnd",
        Gateway = "gateway",
        ClusterNetwork = "the cluster network, an IPv4 prefix like 10.244.0.0/16",
        Unicast = "a prefix of unicast addresses (not within 0.0.0.0/8, 127.0.0.0/8 or 224.0.0.0/3)",
        Name = "IPv4",
        LongestSubnet = 30,
        LongestFixedSubnet = 31,
    };

    internal static readonly FamilyKeys IPv6 = new()
    {
        Family = AddressFamily.InterNetworkV6,
        Network = "ipv6Network",
        SubnetLen = "ipv6SubnetLen",
        SubnetMin = "ipv6SubnetMin",
        SubnetMax = "ipv6SubnetMax",
        Subnet = "ipv6Subnet",
        RangeStart = "ipv6RangeStart",
        RangeEnd = "ipv6RangeEnd",
        Gateway = "ipv6Gateway",
        ClusterNetwork = "the cluster network, an IPv6 prefix like fc00:1::/48",
        Unicast = "a prefix of global or unique local unicast addresses (within 2000::/3 or fc00::/7)",
        Name = "IPv6",
        LongestSubnet = 126,
        LongestFixedSubnet = 127,
    };

    internal required AddressFamily Family { get; init; }

    internal required string Name { get; init; }

    internal required string Network { get; init; }

    internal required string SubnetLen { get; init; }

    internal required string SubnetMin { get; init; }

    internal required string SubnetMax { get; init; }

    internal required string Subnet { get; init; }

    internal required string RangeStart { get; init; }

    internal required string RangeEnd { get; init; }

    internal required string Gateway { get; init; }

    /// <summary>What is expected of <see cref="Network"/>.</summary>
    internal required string ClusterNetwork { get; init; }

    /// <summary>What containers' addresses must be, for a complaint.</summary>
    internal required string Unicast { get; init; }

    /// <summary>Bits of the smallest subnet that has room for a gateway and a container beside what no host may have.</summary>
    internal required int LongestSubnet { get; init; }

    /// <summary>The same where hosts can have both addresses of a subnet of two (RFC 3021, RFC 6164).</summary>
    internal required int LongestFixedSubnet { get; init; }

    /// <summary>Those of a family.</summary>
    internal static FamilyKeys Of(AddressFamily family) => family == AddressFamily.InterNetwork ? IPv4 : IPv6;

    /// <summary>Whether containers can have addresses of it: not this host's own, no multicast, nothing reserved or of one link
    /// only.</summary>
    internal bool IsUsable(IPNetwork network)
    {
        UInt128 first = network.First(),
            last = network.Last();
        return Family == AddressFamily.InterNetwork
            ? first >> 24 != 0 && last >> 29 != 7 && (first > 0x7FFF_FFFF || last < 0x7F00_0000)
            : (first >> 125 == 1 && last >> 125 == 1) || (first >> 121 == 0x7E && last >> 121 == 0x7E);
    }
}
