using System.Net;
using Twill.Cni;
using Twill.Host;
using Twill.Network.Configuration;
using Twill.System;

namespace Twill.Plugin;

/// <summary>What an ADD asks of the host for the addresses that the IPAM plugin gave.</summary>
internal static class HostSetup
{
    /// <summary>What the host needs before one of its containers has an IPv6 address.</summary>
    /// <exception cref="CniException">code 7: with that MTU there is no IPv6</exception>
    public static void EnsureIPv6(TwillConf conf, CniIp address, int mtu)
    {
        if (mtu < IPv6Settings.MinMtu)
        {
            throw new CniException(
                CniErrorCode.InvalidNetworkConfig,
                $"with an MTU of {mtu} bytes there is no IPv6, and the IPAM plugin gave {address.Cidr}",
                conf.Mtu != 0
                    ? $"$.mtu: expected 0 or at least {IPv6Settings.MinMtu}, got '{mtu}'"
                    : $"$.mtu: the underlay leaves {mtu} bytes; raise its MTU, so that at least {IPv6Settings.MinMtu} are left, or "
                        + $"take IPv6 out of the IPAM plugin's configuration"
            );
        }

        HostReconciler.EnsureIPv6(conf);
    }

    /// <summary>This host's addresses in the subnets of the addresses in a result.</summary>
    public static List<BridgeGateway> GatewaysOf(CniResult addresses)
    {
        List<BridgeGateway> gateways = new(addresses.Ips.Count);
        foreach (CniIp ip in addresses.Ips)
        {
            if (ip.Gateway is not null)
            {
                gateways.Add(new BridgeGateway(ip.Gateway, ip.PrefixLength));
            }
        }

        return gateways;
    }

    /// <summary>The prefixes of the addresses in a result.</summary>
    public static List<IPNetwork> PrefixesOf(CniResult addresses)
    {
        List<IPNetwork> prefixes = new(addresses.Ips.Count);
        foreach (CniIp ip in addresses.Ips)
        {
            prefixes.Add(IPPrefix.Of(ip.Address, ip.PrefixLength));
        }

        return prefixes;
    }
}
