using System.Net;
using System.Net.Sockets;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Neighbours;
using Twill.Linux.Routes;

namespace Twill.Host.Attachments;

/// <summary>What is in the kernel for all containers on the LAN's interface (<see cref="LanAttachment"/>).</summary>
public sealed class LanEntries
{
    private readonly List<Route> _routes;
    private readonly List<Neighbour> _proxies;

    private LanEntries(List<Route> routes, List<Neighbour> proxies) => (_routes, _proxies) = (routes, proxies);

    /// <summary>Reads it, in two dumps.</summary>
    /// <param name="host">A socket in the host's namespace.</param>
    public static LanEntries Read(RouteSocket host) => new(RoutesOf(host, 0), ProxiesOf(host));

    /// <summary>What a container lacks to be on the LAN with an address, in words; null when it lacks nothing.</summary>
    /// <param name="end">Its host end.</param>
    /// <param name="lan">The interface on the LAN.</param>
    /// <param name="address">The address.</param>
    public string? FindDifference(Link end, Link lan, IPAddress address)
    {
        if (!_routes.Exists(route => route.Index == end.Index && route.Destination.BaseAddress.Equals(address)))
        {
            return $"the host has no route to {address} by {end.Name} (ip route add {address} dev {end.Name} proto "
                + $"{RouteProtocol.Container})";
        }

        return !_proxies.Exists(proxy => proxy.Index == lan.Index && address.Equals(proxy.Address))
                ? $"the host does not answer on {lan.Name} for {address} (ip neigh add proxy {address} dev {lan.Name} protocol "
                    + $"{RouteProtocol.Twill})"
            : !end.ProxyArp ? $"the host does not answer the container's ARP: net.ipv4.conf.{end.Name}.proxy_arp is not 1"
            : Sysctl.Read($"net/ipv4/conf/{lan.Name}/forwarding") != "1"
                ? $"the host does not forward: net.ipv4.conf.{lan.Name}.forwarding is not 1"
            : null;
    }

    /// <summary>Routes to containers by a host end; 0: by all.</summary>
    internal static List<Route> RoutesOf(RouteSocket host, int end) =>
        host.ListRoutes(
            new ListRoutes
            {
                Family = AddressFamily.InterNetwork,
                Table = RouteTable.Main,
                Protocol = RouteProtocol.Container,
                Index = end,
            }
        );

    /// <summary>Addresses that the host answers for, on whatever interface.</summary>
    internal static List<Neighbour> ProxiesOf(RouteSocket host) =>
        host.ListProxyNeighbours(AddressFamily.InterNetwork).FindAll(proxy => proxy.Protocol == RouteProtocol.Twill);
}
