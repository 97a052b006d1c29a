using System.Net;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.Network.Configuration;
using Twill.System;

namespace Twill.Host;

/// <summary>
/// An administrator's bridge or interface, by which containers are on the LAN (<see cref="LanConf"/>). A bridge is looked at and never
/// changed: no address, MTU, hardware address, group or parameter of it is twill's.
/// </summary>
/// <remarks>
/// Two of these a bridge takes from its ports, as long as nobody sets them: the lowest hardware address and the lowest MTU. So containers'
/// host ends have a high address (<see cref="HostMacs.ForLanEnd"/>) and the bridge's own MTU.
/// </remarks>
public static class LanLink
{
    /// <summary>The bridge or interface.</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="conf">The network, which is on a LAN.</param>
    /// <exception cref="HostException">Containers cannot be on the LAN by it.</exception>
    public static Link Find(RouteSocket route, TwillConf conf)
    {
        LanConf lan = conf.Lan!;
        if (!route.TryGetLink(lan.Device, out Link? link))
        {
            throw new HostException($"{lan.What} does not exist: make it{(lan.IsRouted ? "" : " and put the host's interface on it")}, or "
                + "name another");
        }

        if (Fault(route, link, conf) is { } fault)
        {
            throw new HostException($"{lan.What} {fault}");
        }

        return link.IsUp ? link : throw new HostException($"{lan.What} is down: ip link set {lan.Device} up");
    }

    /// <summary>The MTU of the containers in bytes: that of the bridge or interface.</summary>
    /// <exception cref="HostException">Another one is configured: larger frames do not pass, and a port with a smaller MTU would lower the
    /// bridge's.</exception>
    public static int MtuOf(Link link, TwillConf conf) =>
        conf.Mtu == 0 || conf.Mtu == link.Mtu ? (int)link.Mtu
        : conf.Lan!.IsRouted && conf.Mtu < link.Mtu ? conf.Mtu
        : throw new HostException(
            $"$.mtu is {conf.Mtu}, and {conf.Lan.What}, which twill does not change, has {link.Mtu}: leave the key out; \"mtu\" of a "
                + "route in $.ipam.routes makes packets smaller"
        );

    /// <summary>This host's address beside a container's; null when it has none in that subnet.</summary>
    internal static IPAddress? HostAddress(List<InterfaceAddress> addresses, IPAddress container)
    {
        foreach (InterfaceAddress address in addresses)
        {
            if (address.Network.Contains(container))
            {
                return address.Address;
            }
        }

        return null;
    }

    private static string? Fault(RouteSocket route, Link link, TwillConf conf)
    {
        if (conf.Lan!.IsRouted)
        {
            return link.IsLoopback ? "is the loopback interface: name the one on the LAN"
                : link.MasterIndex != 0
                    ? $"is a port of {(route.TryGetLink(link.MasterIndex, out Link? master) ? master.Name : "another device")}, which has "
                        + "the host's address: name that, or, if it is a bridge, $.lan.bridge"
                : OffLan(route, link, conf) is { } range
                    ? $"has no address in {range}, where the containers' are: give the LAN's prefix in $.ipam, or name the interface on it"
                : null;
        }

        return link.Kind != HostBridge.Kind ? $"is no bridge ({link.Kind ?? "a hardware interface"}): name the bridge that holds it"
            : link.Bridge is { VlanFiltering: true, DefaultPvid: 0 }
                ? "filters VLANs and has none for new ports (vlan_default_pvid 0), and twill puts its ports into none: ip link set "
                    + $"{link.Name} type bridge vlan_default_pvid NUMBER, or a bridge of its own for the VLAN"
            : null;
    }

    /// <summary>A range of the containers in which the host has no address there: then the host would answer where nobody asks.</summary>
    private static IPNetwork? OffLan(RouteSocket route, Link link, TwillConf conf)
    {
        List<InterfaceAddress> addresses = route.ListAddresses(link.Index);
        foreach (IPNetwork range in conf.Ipam.Ranges)
        {
            if (!addresses.Exists(address => address.Network.Covers(range)))
            {
                return range;
            }
        }

        return null;
    }
}
