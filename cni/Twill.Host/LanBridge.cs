using Twill.Linux;
using Twill.Linux.Links;
using Twill.Network.Configuration;

namespace Twill.Host;

/// <summary>
/// An administrator's bridge on which containers are (<see cref="LanConf"/>). It is looked at and never changed: no address, MTU, hardware
/// address, group or parameter of it is twill's.
/// </summary>
/// <remarks>
/// Two of these a bridge takes from its ports, as long as nobody sets them: the lowest hardware address and the lowest MTU. So containers'
/// host ends have a high address (<see cref="HostMacs.ForLanEnd"/>) and the bridge's own MTU.
/// </remarks>
public static class LanBridge
{
    /// <summary>The bridge.</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="lan">The LAN.</param>
    /// <exception cref="HostException">It is missing, no bridge, or down, or its VLANs leave containers out.</exception>
    public static Link Find(RouteSocket route, LanConf lan)
    {
        if (!route.TryGetLink(lan.Bridge, out Link? bridge))
        {
            throw new HostException(
                $"bridge {lan.Bridge} of $.lan.bridge does not exist: make it and put the host's interface on it, or name another"
            );
        }

        if (bridge.Kind != HostBridge.Kind)
        {
            throw new HostException(
                $"device {lan.Bridge} of $.lan.bridge is no bridge ({bridge.Kind ?? "a hardware interface"}): name the bridge that holds it"
            );
        }

        if (bridge.Bridge is { VlanFiltering: true, DefaultPvid: 0 })
        {
            throw new HostException(
                $"bridge {lan.Bridge} of $.lan.bridge filters VLANs and has none for new ports (vlan_default_pvid 0), and twill puts its "
                    + $"ports into none: ip link set {lan.Bridge} type bridge vlan_default_pvid NUMBER, or a bridge of its own for the VLAN"
            );
        }

        return bridge.IsUp ? bridge : throw new HostException($"bridge {lan.Bridge} of $.lan.bridge is down: ip link set {lan.Bridge} up");
    }

    /// <summary>The MTU of the containers in bytes: the bridge's.</summary>
    /// <exception cref="HostException">Another one is configured: larger frames do not pass, and a port with a smaller MTU would lower the
    /// bridge's.</exception>
    public static int MtuOf(Link bridge, TwillConf conf) =>
        conf.Mtu == 0 || conf.Mtu == bridge.Mtu
            ? (int)bridge.Mtu
            : throw new HostException(
                $"$.mtu is {conf.Mtu}, and bridge {bridge.Name} of $.lan.bridge, which twill does not change, has {bridge.Mtu}: leave the "
                    + "key out; \"mtu\" of a route in $.ipam.routes makes packets smaller"
            );
}
