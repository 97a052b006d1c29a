using System.Net;
using System.Net.Sockets;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Netlink;
using Twill.Linux.Routes;
using Twill.Network;
using Twill.System;

namespace Twill.Host.Forwarding;

/// <summary>The ways that a network's packets of one address family take through this host.</summary>
/// <param name="Network">The network's name.</param>
/// <param name="Bridge">The bridge that its containers hang on.</param>
/// <param name="Containers">The addresses of all its containers, on every host; null when only the IPAM plugin knows.</param>
public sealed record ForwardTraffic(string Network, InterfaceRef Bridge, IPNetwork? Containers)
{
    /// <inheritdoc/>
    public override string ToString() => Network;

    private static readonly IPAddress s_outside = new([192, 0, 2, 1]),
        s_outside6 = IPAddress.Parse("2001:db8::1"); // TEST-NET-1 and its like: somewhere outside

    /// <summary>IPv4 or IPv6; <see cref="Containers"/> are of it.</summary>
    public AddressFamily Family { get; init; } = AddressFamily.InterNetwork;

    /// <summary>Whether there are containers on other hosts.</summary>
    public bool HasOtherHosts { get; init; }

    /// <summary>The interface that leads to other hosts' containers; null when not known.</summary>
    public InterfaceRef? Across { get; init; }

    /// <summary>The interface that leads out of the cluster; null when not known.</summary>
    public InterfaceRef? Outside { get; init; }

    /// <summary>Of each family that a network's containers have, as far as it is known without looking at the host.</summary>
    /// <param name="network">The network's name.</param>
    /// <param name="bridge">The bridge.</param>
    /// <param name="ranges">Where the containers' addresses are, of both families; empty when only the IPAM plugin knows.</param>
    /// <param name="hasIPv6">Whether they have IPv6 addresses, where <paramref name="ranges"/> does not say it.</param>
    public static List<ForwardTraffic> Of(string network, InterfaceRef bridge, IReadOnlyList<IPNetwork> ranges, bool hasIPv6)
    {
        List<ForwardTraffic> all = new(2);
        foreach (IPNetwork range in ranges)
        {
            all.Add(new ForwardTraffic(network, bridge, range) { Family = range.BaseAddress.AddressFamily });
        }

        if (all.Count > 0)
        {
            return all;
        }

        all.Add(new ForwardTraffic(network, bridge, null));
        if (hasIPv6)
        {
            all.Add(new ForwardTraffic(network, bridge, null) { Family = AddressFamily.InterNetworkV6 });
        }

        return all;
    }

    /// <summary>Looks up the interfaces, and, where only the IPAM plugin knows the containers' addresses, whether they have IPv6: then the
    /// bridge has.</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="network">The network's name.</param>
    /// <param name="bridge">The bridge's name.</param>
    /// <param name="ranges">Where the containers' addresses are, of both families; empty when only the IPAM plugin knows.</param>
    /// <param name="hasOtherHosts">See <see cref="HasOtherHosts"/>.</param>
    /// <param name="overlay">Tells the name of the overlay device that containers' packets of a family take; null when they leave by the
    /// underlay.</param>
    /// <param name="underlay">The underlay's name; null when not known: then it is what the main routing table says.</param>
    public static List<ForwardTraffic> Find(
        RouteSocket route,
        string network,
        string bridge,
        IReadOnlyList<IPNetwork> ranges,
        bool hasOtherHosts,
        Func<AddressFamily, string?> overlay,
        string? underlay
    )
    {
        InterfaceRef at = InterfaceOf(route, bridge);
        return Of(network, at, ranges, hasIPv6: ranges.Count == 0 && HasIPv6(route, at))
            .ConvertAll(traffic =>
            {
                InterfaceRef? outside = !string.IsNullOrEmpty(underlay) ? InterfaceOf(route, underlay) : WayOut(route, traffic.Family);
                return traffic with
                {
                    HasOtherHosts = hasOtherHosts,
                    Outside = outside,
                    Across = overlay(traffic.Family) is { } device ? InterfaceOf(route, device) : outside,
                };
            });
    }

    /// <summary>Of containers on a LAN. By its bridge their packets go from port to port, and pass the forward chains with br_netfilter
    /// only; by an interface from a host end to that.</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="network">The network's name.</param>
    /// <param name="device">The bridge or interface.</param>
    /// <param name="isRouted">Whether it is an interface.</param>
    /// <param name="ranges">Where the containers' addresses are; empty when only the IPAM plugin knows.</param>
    internal static List<ForwardTraffic> OnLan(
        RouteSocket route,
        string network,
        string device,
        bool isRouted,
        IReadOnlyList<IPNetwork> ranges
    )
    {
        InterfaceRef lan = InterfaceOf(route, device),
            port = new(DeviceNames.Veth("", ""));
        return Of(network, isRouted ? port : lan, ranges, hasIPv6: false).ConvertAll(traffic => traffic with { Lan = lan });
    }

    /// <summary>The bridge or interface on the LAN that the containers are on; null when they are on none.</summary>
    internal InterfaceRef? Lan { get; init; }

    /// <summary>As `nft` and iptables name the family in rules: ip, ip6.</summary>
    internal string Word => IsIPv6 ? "ip6" : "ip";

    internal bool IsIPv6 => Family == AddressFamily.InterNetworkV6;

    /// <summary>What has to pass the forward chains.</summary>
    /// <param name="published">Also what comes from outside for published ports, which an administrator may well want to keep out.</param>
    internal List<ProbePacket> Packets(bool published)
    {
        List<ProbePacket> packets = [];
        if (Lan is not null)
        {
            if (Bridge != Lan || IsBridgedTrafficFiltered())
            {
                packets.Add(new("from containers to the LAN", Bridge, Lan, Containers, null));
                packets.Add(new("from the LAN to containers", Lan, Bridge, null, Containers));
            }

            return OfFamily(packets);
        }

        if (HasOtherHosts)
        {
            packets.Add(new("from containers to those of other hosts", Bridge, Across, Containers, Containers));
            packets.Add(new("to containers from those of other hosts", Across, Bridge, Containers, Containers));
        }
        packets.Add(new("from containers to the outside", Bridge, Outside, Containers, null));
        packets.Add(new("from the outside that answer containers", Outside, Bridge, null, Containers) { IsAnswer = true });
        if (published)
        {
            packets.Add(new("from the outside to published ports", Outside, Bridge, null, Containers) { IsTranslated = true });
        }

        if (IsBridgedTrafficFiltered())
        {
            packets.Add(new("between containers of this host", Bridge, Bridge, Containers, Containers));
        }

        return OfFamily(packets);
    }

    /// <summary>What has to pass the forward chains of family bridge, whose interfaces are ports: host ends, named as any of them may
    /// be.</summary>
    internal List<ProbePacket> Frames()
    {
        InterfaceRef port = new(DeviceNames.Veth("", ""));
        return OfFamily([new("between containers of this host", port, port, Containers, Containers) { Within = Bridge }]);
    }

    private List<ProbePacket> OfFamily(List<ProbePacket> packets) =>
        IsIPv6 ? packets.ConvertAll(packet => packet with { Family = Family, Description = $"{packet.Description} over IPv6" }) : packets;

    /// <summary>With br_netfilter also packets between two ports of one bridge pass the forward chains of the families ip and
    /// inet.</summary>
    private bool IsBridgedTrafficFiltered()
    {
        try
        {
            return Sysctl.Read($"net/bridge/bridge-nf-call-{Word}tables") == "1";
        }
        catch (LibcException e) when (e.Errno == Errno.ENOENT)
        {
            return false; // br_netfilter is not loaded
        }
    }

    private static InterfaceRef InterfaceOf(RouteSocket route, string name) =>
        new(name, route.TryGetLink(name, out Link? link) ? link.Index : 0);

    private static bool HasIPv6(RouteSocket route, InterfaceRef bridge) =>
        bridge.Index != 0
        && route
            .ListAddresses(bridge.Index, AddressFamily.InterNetworkV6)
            .Exists(address => address.Scope == Linux.Routes.RouteScope.Universe);

    private static InterfaceRef? WayOut(RouteSocket route, AddressFamily family)
    {
        try
        {
            return
                route.TryGetRoute(family == AddressFamily.InterNetworkV6 ? s_outside6 : s_outside, out Route? way)
                && route.TryGetLink(way.Index, out Link? link)
                ? new InterfaceRef(link.Name, link.Index)
                : null;
        }
        catch (NetlinkException)
        {
            return null; // a route that leads nowhere: unreachable, prohibit, blackhole
        }
    }
}
