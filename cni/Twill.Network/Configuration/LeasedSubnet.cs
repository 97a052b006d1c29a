using System.Net;
using Twill.Cni;
using Twill.System;

namespace Twill.Network.Configuration;

/// <summary>The part of <c>ipam</c> for leases from etcd, for one address family: <c>network</c>, <c>subnetLen</c>, <c>subnetMin</c>,
/// <c>subnetMax</c>.</summary>
internal static class LeasedSubnet
{
    /// <summary>Complains about keys that only a fixed subnet has a use for.</summary>
    internal static void RefuseOthers(ConfigReader section, FamilyKeys keys, bool isLan)
    {
        foreach (string key in (ReadOnlySpan<string>)[keys.RangeStart, keys.RangeEnd, keys.Gateway])
        {
            if (section[key].IsSet && !(isLan && key == keys.Gateway))
            {
                section[key].ComplainText("belongs to a fixed subnet; with etcd every leased subnet has its own");
            }
        }
    }

    internal static IpamFamily Read(ConfigReader section, FamilyKeys keys, bool isLan)
    {
        ConfigReader at = section[keys.Network];
        IPNetwork? network = at.OptionalNetwork(keys.Family);
        if (network is null && !at.IsSet)
        {
            at.Complain(keys.ClusterNetwork, false);
        }

        if (network is IPNetwork found && !keys.IsUsable(found))
        {
            at.Complain(keys.Unicast, false);
        }

        var defaults = new IpamFamily(keys.Family);
        ConfigReader lengthAt = section[keys.SubnetLen];
        int length = lengthAt.Int(defaults.SubnetLen, 1, keys.LongestSubnet);
        if (network is IPNetwork whole && length <= whole.PrefixLength)
        {
            lengthAt.ComplainText(
                $"expected more than the network's {whole.PrefixLength} bits and at most {keys.LongestSubnet}, "
                    + $"got '{length}'{(lengthAt.Exists ? "" : " (the default)")}"
            );
        }
        IPAddress? min = Bound(section[keys.SubnetMin], keys, network, length),
            max = Bound(section[keys.SubnetMax], keys, network, length);
        if (min is not null && max is not null && IPPrefix.NumberOf(min) > IPPrefix.NumberOf(max))
        {
            section[keys.SubnetMax].Complain($"an address not below {keys.SubnetMin} {min}", false);
        }

        return defaults with
        {
            Network = network,
            SubnetLen = length,
            SubnetMin = min,
            SubnetMax = max,
            Router = isLan ? ReadRouter(section[keys.Gateway], keys, network) : null,
        };
    }

    /// <summary>The LAN's router: its first address, if nothing is said.</summary>
    private static IPAddress? ReadRouter(ConfigReader at, FamilyKeys keys, IPNetwork? network) =>
        network is not { } lan ? null
        : at.OptionalAddress(keys.Family) is not { } router ? lan.FirstHost()
        : lan.Contains(router) ? router
        : at.Complain($"an address in {lan}, the LAN", lan.FirstHost());

    private static IPAddress? Bound(ConfigReader at, FamilyKeys keys, IPNetwork? network, int length)
    {
        if (at.OptionalAddress(keys.Family) is not IPAddress address || network is not IPNetwork whole)
        {
            return null;
        }

        if (!whole.Contains(address))
        {
            return at.Complain($"an address within {whole}", (IPAddress?)null);
        }

        return IPPrefix.Of(address, length).BaseAddress.Equals(address)
            ? address
            : at.Complain($"the first address of a /{length}", (IPAddress?)null);
    }
}
