using System.Net;
using System.Net.Sockets;
using Twill.Cni;
using Twill.System;

namespace Twill.Network.Configuration;

/// <summary>
/// The key <c>ranges</c> of host-local: a list of pools, each of which gives one address, and is a list of
/// <c>{subnet, rangeStart, rangeEnd, gateway}</c> of one address family. An attachment gets one address of a family here, so that there is
/// a pool for each family at most.
/// </summary>
internal static class FixedRanges
{
    /// <summary>Reads the key, and <c>subnet</c> and its like beside it, which are a pool more as in host-local.</summary>
    internal static IpamFamily[] Read(ConfigReader section)
    {
        List<IpamFamily> families = [];
        if (section["subnet"].IsSet)
        {
            families.Add(FixedSubnet.Read(section, FamilyKeys.IPv4));
        }

        if (section["ipv6Subnet"].IsSet)
        {
            families.Add(FixedSubnet.Read(section, FamilyKeys.IPv6));
        }

        foreach (ConfigReader pool in section["ranges"].Items())
        {
            if (ReadPool(pool) is not { } family)
            {
                continue;
            }

            if (families.Exists(one => one.Family == family.Family))
            {
                pool.ComplainUnsupported(
                    $"an attachment gets one {FamilyKeys.Of(family.Family).Name} address: put all ranges into the first list, which is the "
                        + "pool for it"
                );
            }
            else
            {
                families.Add(family);
            }
        }

        families.SortBy((one, other) => one.Family.CompareTo(other.Family)); // AF_INET is below AF_INET6
        return [.. families];
    }

    private static IpamFamily? ReadPool(ConfigReader pool)
    {
        List<FixedRange> ranges = [];
        foreach (ConfigReader item in pool.Items())
        {
            if (item.Section("subnet", "rangeStart", "rangeEnd", "gateway") is not { } at)
            {
                continue;
            }

            if (at["subnet"].OptionalNetwork() is not IPNetwork subnet)
            {
                at["subnet"].Complain("a prefix like 10.1.0.0/24", false);
                continue;
            }

            if (FixedSubnet.ReadRange(at, FamilyKeys.Of(subnet.BaseAddress.AddressFamily)) is not { } range)
            {
                continue;
            }

            if (ranges.Find(other => Fault(range, other) is not null) is { } other)
            {
                at["subnet"].ComplainText($"{Fault(range, other)}");
            }

            ranges.Add(range);
        }

        if (ranges.Count == 0)
        {
            return pool.Complain<IpamFamily?>("""a list of at least one range like {"subnet":"10.1.0.0/24"}""", null);
        }

        return new IpamFamily(FamilyOf(ranges[0])) { Fixed = ranges };
    }

    /// <summary>Why two ranges cannot be in one pool; null when they can.</summary>
    private static string? Fault(FixedRange one, FixedRange other) =>
        FamilyOf(one) != FamilyOf(other) ? $"{one.Subnet} and {other.Subnet} are of two families: each has a list of its own"
        : one.Subnet.Equals(other.Subnet)
            ? one.First <= other.Last && other.First <= one.Last ? $"two ranges of {one.Subnet} overlap"
                : one.Gateway.Equals(other.Gateway) ? null
                : $"{one.Subnet} has the gateways {other.Gateway} and {one.Gateway}"
        : one.Subnet.Overlaps(other.Subnet) ? $"{one.Subnet} and {other.Subnet} overlap"
        : null;

    private static AddressFamily FamilyOf(FixedRange range) => range.Subnet.BaseAddress.AddressFamily;
}
