using System.Net;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Routes;

namespace Twill.Host.Forwarding;

/// <summary>The ways that a network's packets take through this host.</summary>
/// <param name="Network">The network's name.</param>
/// <param name="Bridge">The bridge that its containers hang on.</param>
/// <param name="Containers">The addresses of all its containers, on every host; null when only the IPAM plugin knows.</param>
public sealed record ForwardTraffic(string Network, Door Bridge, IPNetwork? Containers)
{
    private const string BridgeFilter = "net/bridge/bridge-nf-call-iptables";

    private static readonly IPAddress s_outside = new([192, 0, 2, 1]); // TEST-NET-1: somewhere outside

    /// <summary>Whether there are containers on other hosts.</summary>
    public bool HasOtherHosts { get; init; }

    /// <summary>The interface that leads to other hosts' containers; null when not known.</summary>
    public Door? Across { get; init; }

    /// <summary>The interface that leads out of the cluster; null when not known.</summary>
    public Door? Outside { get; init; }

    /// <summary>Looks up the interfaces.</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="network">The network's name.</param>
    /// <param name="bridge">The bridge's name.</param>
    /// <param name="containers">See <see cref="Containers"/>.</param>
    /// <param name="hasOtherHosts">See <see cref="HasOtherHosts"/>.</param>
    /// <param name="overlay">The overlay device's name; null when packets for other hosts leave by the underlay.</param>
    /// <param name="underlay">The underlay's name; null when not known: then it is what the main routing table says.</param>
    public static ForwardTraffic Find(
        RouteSocket route, string network, string bridge, IPNetwork? containers, bool hasOtherHosts, string? overlay, string? underlay)
    {
        Door? outside = !string.IsNullOrEmpty(underlay) ? DoorOf(route, underlay) : WayOut(route);
        return new ForwardTraffic(network, DoorOf(route, bridge), containers)
        {
            HasOtherHosts = hasOtherHosts,
            Outside = outside,
            Across = overlay is null ? outside : DoorOf(route, overlay),
        };
    }

    /// <summary>What has to pass the forward chains.</summary>
    /// <param name="published">Also what comes from outside for published ports, which an administrator may well want to keep out.</param>
    internal List<ProbePacket> Packets(bool published)
    {
        List<ProbePacket> packets = [];
        if (HasOtherHosts)
        {
            packets.Add(new("from containers to those of other hosts", Bridge, Across, Containers, Containers));
            packets.Add(new("to containers from those of other hosts", Across, Bridge, Containers, Containers));
        }
        packets.Add(new("from containers to the outside", Bridge, Outside, Containers, null));
        packets.Add(new("from the outside that answer containers", Outside, Bridge, null, Containers) { IsAnswer = true });
        if (published)
            packets.Add(new("from the outside to published ports", Outside, Bridge, null, Containers) { IsTranslated = true });
        if (IsBridgedTrafficFiltered())
            packets.Add(new("between containers of this host", Bridge, Bridge, Containers, Containers));
        return packets;
    }

    /// <summary>What has to pass the forward chains of family bridge, whose interfaces are ports: host ends, named as any of them may be.</summary>
    internal List<ProbePacket> Frames()
    {
        Door port = new(HostNames.Veth("", ""));
        return [new("between containers of this host", port, port, Containers, Containers) { Within = Bridge }];
    }

    /// <summary>With br_netfilter also packets between two ports of one bridge pass the forward chains of the families ip and inet.</summary>
    private static bool IsBridgedTrafficFiltered()
    {
        try
        {
            return Sysctl.Read(BridgeFilter) == "1";
        }
        catch (LibcException e) when (e.Errno == Errno.ENOENT)
        {
            return false; // br_netfilter is not loaded
        }
    }

    private static Door DoorOf(RouteSocket route, string name) => new(name, route.TryGetLink(name, out Link? link) ? link.Index : 0);

    private static Door? WayOut(RouteSocket route) =>
        route.TryGetRoute(s_outside, out Route? way) && route.TryGetLink(way.Index, out Link? link) ? new Door(link.Name, link.Index) : null;
}
