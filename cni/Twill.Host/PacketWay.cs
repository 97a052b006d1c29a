using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Netlink;
using Twill.Linux.Routes;

namespace Twill.Host;

/// <summary>Where the kernel sends a packet (<c>ip route get</c>).</summary>
public static class PacketWay
{
    /// <summary>The name of the interface that it leaves by, or why nowhere.</summary>
    /// <param name="kernel">A socket in the namespace that the packet is in.</param>
    /// <param name="packet">The packet.</param>
    /// <param name="route">The route that it takes; null when it takes none.</param>
    public static string Of(RouteSocket kernel, in GetRoute packet, out Route? route)
    {
        route = null;
        try
        {
            return !kernel.TryGetRoute(packet, out route) ? "nowhere (no route)"
                : kernel.TryGetLink(route.Index, out Link? link) ? link.Name
                : "nowhere";
        }
        catch (NetlinkException e)
        {
            return $"nowhere ({e.Message})"; // a blackhole, unreachable or prohibit route, or such a rule
        }
    }
}
