using System.Net;
using System.Net.Sockets;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.Linux.Neighbours;
using Twill.System;

namespace Twill.Host;

/// <summary>
/// Proxy neighbours on the bridge: with them the host answers neighbour solicitations for containers past the bridge's ports
/// (<see cref="RoutedVeth"/>). ARP needs one switch for all of them, IPv6 an entry for each (<c>ip -6 neigh show proxy</c>). The
/// kernel does not remove them with the container's interface: whoever removes the interface removes them.
/// </summary>
internal static class ProxyNeighbours
{
    /// <summary><c>sysctl net.ipv6.conf.BRIDGE.proxy_ndp=1 net.ipv6.neigh.BRIDGE.proxy_delay=0; ip neigh replace proxy ADDRESS dev BRIDGE
    /// proto 116</c></summary>
    internal static void Add(RouteSocket host, Link bridge, IReadOnlyList<IPAddress> containers)
    {
        Sysctl.Ensure(ProxyNdp(bridge.Name), "1");
        Sysctl.Ensure($"net/ipv6/neigh/{bridge.Name}/proxy_delay", "0");
        RouteBatch batch = host.NewBatch();
        foreach (IPAddress container in containers)
        {
            batch.Add(new NewProxyNeighbour(bridge.Index, container) { Protocol = RouteProtocol.Twill });
        }

        batch.Send();
    }

    /// <summary>Takes away those of these containers, on whichever bridge.</summary>
    internal static void Delete(RouteSocket host, ICollection<IPAddress> containers) => DeleteWhere(host, containers.Contains);

    /// <summary>Takes away those of containers that are gone. One question where there are none.</summary>
    internal static void DeleteStale(RouteSocket host)
    {
        HashSet<IPAddress>? there = null;
        DeleteWhere(host, address => !(there ??= Containers(host)).Contains(address));
    }

    /// <summary>What a container lacks of it; null when it is there.</summary>
    internal static string? FindDifference(RouteSocket host, string bridge, IPAddress container)
    {
        if (Sysctl.Read(ProxyNdp(bridge)) != "1")
        {
            return $"the host does not answer neighbour discovery at {bridge} for containers past the bridge's ports: "
                + $"net.ipv6.conf.{bridge}.proxy_ndp is not 1";
        }

        return host.TryGetLink(bridge, out Link? link) && Ours(host).Exists(one => one.Index == link.Index && container.Equals(one.Address))
            ? null
            : $"the host does not answer neighbour discovery at {bridge} for {container}, which is past the bridge's ports (ip neigh "
                + $"add proxy {container} dev {bridge})";
    }

    /// <summary>The IPv6 addresses of all containers past bridges' ports: the peers of host ends' addresses.</summary>
    internal static HashSet<IPAddress> Containers(RouteSocket host)
    {
        HashSet<IPAddress> containers = [];
        foreach (InterfaceAddress address in host.ListAddresses(family: AddressFamily.InterNetworkV6))
        {
            if (address.Peer is { } container)
            {
                containers.Add(container);
            }
        }
        return containers;
    }

    private static void DeleteWhere(RouteSocket host, Predicate<IPAddress> unwanted)
    {
        RouteBatch batch = host.NewBatch();
        foreach (Neighbour proxy in Ours(host))
        {
            if (proxy.Address is { } address && unwanted(address))
            {
                batch.Add(new DeleteNeighbour(proxy.Index, address) { IsProxy = true }, tolerate: Errno.ENOENT);
            }
        }
        if (batch.Count > 0)
        {
            batch.Send();
        }
    }

    private static List<Neighbour> Ours(RouteSocket host) =>
        host.ListProxyNeighbours(AddressFamily.InterNetworkV6).FindAll(proxy => proxy.Protocol == RouteProtocol.Twill);

    private static string ProxyNdp(string link) => $"net/ipv6/conf/{link}/proxy_ndp";
}
