using Twill.Cni;
using Twill.Host;

namespace Twill.Plugin;

/// <summary>What a result says of a container that the bridge has no port for.</summary>
internal static class RoutedAddresses
{
    /// <summary>Its addresses, each with the host's in the same subnet.</summary>
    /// <exception cref="HostException">the host has none in a subnet, and so no way to the container but the bridge</exception>
    public static List<RoutedAddress> Of(string bridge, CniResult addresses)
    {
        List<RoutedAddress> all = new(addresses.Ips.Count);
        foreach (CniIp ip in addresses.Ips)
        {
            all.Add(
                ip.Gateway is { } gateway
                    ? new RoutedAddress(ip.Address, gateway, ip.PrefixLength)
                    : throw new HostException(
                        $"bridge {bridge} has no port left, and {ip.Cidr} cannot be reached past it: "
                            + "the IPAM plugin names no gateway for it, which would be the host's own address in that subnet"
                    )
            );
        }
        return all;
    }
}
