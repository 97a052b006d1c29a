using System.Net;
using System.Net.Sockets;
using Twill.Cni;
using Twill.System;

namespace Twill.Network.Configuration;

/// <summary>The part of <c>ipam</c> for one host alone, for one address family: <c>subnet</c>, <c>rangeStart</c>, <c>rangeEnd</c>,
/// <c>gateway</c> as in host-local.</summary>
internal static class FixedSubnet
{
    /// <summary>Complains about keys that only leases from etcd have a use for.</summary>
    internal static void RefuseOthers(ConfigReader section, FamilyKeys keys)
    {
        foreach (string key in (ReadOnlySpan<string>)[keys.Network, keys.SubnetLen, keys.SubnetMin, keys.SubnetMax])
        {
            RefuseLeasing(section[key]);
        }
    }

    internal static IpamFamily Read(ConfigReader section, FamilyKeys keys)
    {
        var none = new IpamFamily(keys.Family);
        return ReadRange(section, keys, keys.Subnet, keys.RangeStart, keys.RangeEnd, keys.Gateway) is { } range
            ? none with { Fixed = [range] }
            : none;
    }

    /// <summary>Reads a range; null when there is none, or after a noted complaint.</summary>
    internal static FixedRange? ReadRange(
        ConfigReader section,
        FamilyKeys keys,
        string subnetKey = "subnet",
        string startKey = "rangeStart",
        string endKey = "rangeEnd",
        string gatewayKey = "gateway"
    )
    {
        ConfigReader at = section[subnetKey];
        if (at.OptionalNetwork(keys.Family) is not IPNetwork subnet)
        {
            return null;
        }

        if (subnet.PrefixLength > keys.LongestFixedSubnet)
        {
            at.ComplainUnsupported(
                $"a subnet of one address has none for a gateway beside its container's: write the prefix that both are in, and "
                    + $"{startKey} and {endKey} {subnet.BaseAddress}"
            );
        }

        if (!keys.IsUsable(subnet))
        {
            at.Complain(keys.Unicast, false);
        }

        IPAddress? start = Host(section[startKey], subnet),
            end = Host(section[endKey], subnet),
            gateway = Host(section[gatewayKey], subnet);
        if (start is not null && end is not null && IPPrefix.NumberOf(start) > IPPrefix.NumberOf(end))
        {
            section[endKey].Complain($"an address not below {startKey} {start}", false);
        }

        FixedRange range = new(subnet, start, end, gateway);
        if (start is not null && end is not null && start.Equals(end) && start.Equals(range.Gateway))
        {
            section[endKey].ComplainText($"the range holds only the gateway's address {range.Gateway}");
        }

        return range;
    }

    /// <summary>Complains about a key that only leases from etcd have a use for.</summary>
    internal static void RefuseLeasing(ConfigReader at)
    {
        if (at.Exists)
        {
            at.ComplainText("belongs to leases from etcd, but ipam has a fixed subnet");
        }
    }

    /// <summary>An address a container or gateway can have: in the subnet, not its first (the network's own, in IPv6 that of any router),
    /// in IPv4 not its last (broadcast); of a subnet of two addresses both.</summary>
    private static IPAddress? Host(ConfigReader at, IPNetwork subnet)
    {
        AddressFamily family = subnet.BaseAddress.AddressFamily;
        if (at.OptionalAddress(family) is not IPAddress address)
        {
            return null;
        }

        UInt128 number = IPPrefix.NumberOf(address);
        return
            number >= IPPrefix.NumberOf(subnet.FirstHost()) && number <= IPPrefix.NumberOf(subnet.LastHost())
            ? address
            : at.Complain($"an address of a host in {subnet}", (IPAddress?)null);
    }
}
