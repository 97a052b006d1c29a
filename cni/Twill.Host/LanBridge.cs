using Twill.Linux;
using Twill.Linux.Links;
using Twill.Network.Configuration;

namespace Twill.Host;

/// <summary>
/// An administrator's bridge on which containers are (<see cref="LanConf"/>). It is looked at and never changed: no address, MTU, hardware
/// address, group or parameter of it is twill's.
/// </summary>
public static class LanBridge
{
    /// <summary>The bridge.</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="lan">The LAN.</param>
    /// <exception cref="HostException">It is missing, no bridge, or down.</exception>
    public static Link Find(RouteSocket route, LanConf lan)
    {
        if (!route.TryGetLink(lan.Bridge, out Link? bridge))
        {
            throw new HostException(
                $"bridge {lan.Bridge} of the LAN does not exist: make it and put the host's interface on it, or name another in "
                    + "$.lan.bridge"
            );
        }

        HostBridge.ThrowIfNotBridge(route, lan.Bridge);
        return bridge.IsUp ? bridge : throw new HostException($"bridge {lan.Bridge} of the LAN is down (ip link set {lan.Bridge} up)");
    }

    /// <summary>The MTU of the containers in bytes: as configured, but not more than the bridge's.</summary>
    /// <exception cref="HostException">More is configured: frames of that size do not pass.</exception>
    public static int MtuOf(Link bridge, TwillConf conf) =>
        conf.Mtu == 0 ? (int)bridge.Mtu
        : conf.Mtu <= bridge.Mtu ? conf.Mtu
        : throw new HostException($"bridge {bridge.Name} of the LAN has an MTU of {bridge.Mtu}, less than the {conf.Mtu} of $.mtu");
}
