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
        ConfigReader at = section[keys.Subnet];
        if (at.OptionalNetwork(keys.Family) is not IPNetwork subnet)
        {
            return none;
        }

        if (subnet.PrefixLength > keys.LongestSubnet)
        {
            at.Complain($"an {keys.Name} prefix of at most {keys.LongestSubnet} bits", false);
        }

        if (!keys.IsUsable(subnet))
        {
            at.Complain(keys.Unicast, false);
        }

        IPAddress? start = Host(section[keys.RangeStart], subnet),
            end = Host(section[keys.RangeEnd], subnet),
            gateway = Host(section[keys.Gateway], subnet);
        if (start is not null && end is not null && IPPrefix.NumberOf(start) > IPPrefix.NumberOf(end))
        {
            section[keys.RangeEnd].Complain($"an address not below {keys.RangeStart} {start}", false);
        }

        IPAddress router = gateway ?? subnet.FirstHost();
        if (start is not null && end is not null && start.Equals(end) && start.Equals(router))
        {
            section[keys.RangeEnd].ComplainText($"the range holds only the gateway's address {router}");
        }

        return none with
        {
            Subnet = subnet,
            RangeStart = start,
            RangeEnd = end,
            Gateway = gateway,
        };
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
    /// in IPv4 not its last (broadcast).</summary>
    private static IPAddress? Host(ConfigReader at, IPNetwork subnet)
    {
        AddressFamily family = subnet.BaseAddress.AddressFamily;
        if (at.OptionalAddress(family) is not IPAddress address)
        {
            return null;
        }

        UInt128 number = IPPrefix.NumberOf(address),
            last = subnet.Last();
        return
            number > subnet.First() && (number < last || (number == last && family == AddressFamily.InterNetworkV6))
            ? address
            : at.Complain($"an address of a host in {subnet}", (IPAddress?)null);
    }
}
