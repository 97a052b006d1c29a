using System.Net;
using System.Net.Sockets;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.Network;
using Twill.System;

namespace Twill.Host;

/// <summary>An address of a container past the bridge's ports.</summary>
/// <param name="Container">The container's.</param>
/// <param name="Gateway">The host's in the same subnet.</param>
/// <param name="PrefixLength">Bits of the subnet.</param>
public sealed record RoutedAddress(IPAddress Container, IPAddress Gateway, int PrefixLength)
{
    internal bool IsIPv6 => IPv6Settings.IsIPv6(Container);

    /// <summary>Bits of the container's address alone.</summary>
    internal int HostLength => IsIPv6 ? 128 : 32;
}

/// <summary>
/// The host end of a container for which the bridge has no port. It is on no bridge: the host routes to it, and answers for others when it
/// asks by ARP.
/// <code>
/// container   10.244.9.5/24, gateway 10.244.9.1: inside, nothing tells it from one on the bridge
/// host end    proxy_arp=1, 10.244.9.1 peer 10.244.9.5/32; of that the kernel makes: route 10.244.9.5 dev HOSTEND scope link src 10.244.9.1
/// bridge      proxy_arp=1: the host answers those who look there for 10.244.9.5
/// </code>
/// One address is all it takes. The way there is the kernel's own route of it, so that nobody who tidies up routes takes it away, and all
/// of it goes with the interface. Only broadcast and multicast stop at the host, as they do between hosts.
/// <para>
/// IPv6's neighbour discovery has no such switch as proxy_arp, only entries for single addresses (<see cref="ProxyNeighbours"/>): on the
/// bridge there is one for the container, and inside the subnet is not on the link but behind the gateway, so that it asks for nobody but
/// that:
/// </para>
/// <code>
/// container   fd00::5/64 noprefixroute; route fd00::1 dev eth0, fd00::/64 via fd00::1
/// host end    fd00::1 peer fd00::5/128
/// bridge      proxy_ndp=1, neigh proxy fd00::5
/// </code>
/// </summary>
/// <remarks>
/// A further bridge, joined to the first by a pair, would be the other way. But every broadcast, an ARP question for the gateway say, would
/// go to all containers of both, which is more than the kernel queues. And where br_netfilter is on, each frame between both is tracked as
/// a connection twice, and the second entry of one to a published port, which sees the translated address only, clashes with the first.
/// </remarks>
public static class RoutedVeth
{
    /// <summary>The group number of routed ends (<c>ip link show group 116</c>), by which they differ from one that somebody took off the
    /// bridge.</summary>
    public const uint Group = RouteProtocol.Twill;

    /// <summary>Whether a link is such a host end.</summary>
    public static bool Is(Link end) => end.MasterIndex == 0 && end.Group == Group;

    /// <summary>Takes a host end, just made, off its bridge: its port is past the last.</summary>
    internal static void TakeOffBridge(RouteSocket host, PodLinkSpec spec, Link end)
    {
        RouteBatch batch = host.NewBatch();
        batch.Add(new SetLink(end.Index) { Alias = spec.Alias, Group = Group }); // without an alias, only the bridge tells whose it is
        batch.Add(new SetLink(end.Index) { Master = 0 });
        batch.Send();
    }

    /// <summary>Brings a container into the network by its host end, which is up and on no bridge; from then on the bridge gets no more
    /// ports. The calling thread is in the host's namespace.</summary>
    /// <param name="host">A socket in the host's namespace.</param>
    /// <param name="spec">The pair.</param>
    /// <param name="end">The host end.</param>
    /// <param name="bridge">The bridge that the others are on.</param>
    /// <param name="addresses">The container's addresses.</param>
    public static void Connect(RouteSocket host, PodLinkSpec spec, Link end, Link bridge, IReadOnlyList<RoutedAddress> addresses)
    {
        EnableProxyArp(bridge.Name);
        EnableProxyArp(spec.HostName);
        List<IPAddress> six = [];
        RouteBatch batch = host.NewBatch();
        foreach (RoutedAddress address in addresses)
        {
            if (address.IsIPv6)
            {
                six.Add(address.Container);
            }

            batch.Add(
                new NewAddress(end.Index, address.Gateway, address.HostLength)
                {
                    Peer = address.Container,
                    AddressFlags = address.IsIPv6 ? AddressFlags.NoDad : AddressFlags.None,
                }
            );
        }
        if (six.Count > 0)
        {
            IPv6Settings.EnsureLink(spec.HostName);
        }
        else
        {
            RouterAnnouncements.Refuse(host, end, hasIPv6: false);
        }

        batch.Send();
        if (six.Count > 0)
        {
            ProxyNeighbours.Add(host, bridge, six);
        }
        // Who talked to the address's last owner, if that was on the bridge, knows it at a hardware address that is there no more.
        MacAddress here = bridge.Mac ?? HostMacs.ForBridge(bridge.Name);
        foreach (RoutedAddress address in addresses)
        {
            if (address.IsIPv6)
            {
                NeighbourAnnouncement.Send(bridge.Index, address.Container, here);
            }
            else
            {
                ArpAnnouncement.Send(bridge.Index, address.Container, here);
            }
        }
    }

    /// <summary>What is taken away before the host end goes: what does not go with it.</summary>
    /// <param name="host">A socket in the host's namespace.</param>
    /// <param name="end">The host end.</param>
    internal static void Disconnect(RouteSocket host, Link end)
    {
        HashSet<IPAddress> six = [];
        foreach (InterfaceAddress address in host.ListAddresses(end.Index, AddressFamily.InterNetworkV6))
        {
            if (address.Peer is { } container)
            {
                six.Add(container);
            }
        }
        if (six.Count > 0)
        {
            ProxyNeighbours.Delete(host, six);
        }
    }

    /// <summary>Takes away what containers left whose host ends are gone: of their namespaces, say. One question where there is
    /// nothing.</summary>
    /// <param name="host">A socket in the host's namespace.</param>
    public static void DeleteStaleProxyNeighbours(RouteSocket host) => ProxyNeighbours.DeleteStale(host);

    /// <summary>For a bridge that was made again: it answers for all containers past its ports, of IPv6 too.</summary>
    /// <param name="host">A socket in the host's namespace, which is the calling thread's.</param>
    /// <param name="bridge">The bridge.</param>
    /// <param name="subnets">The subnets whose containers are on it.</param>
    /// <returns>True when something had to be written.</returns>
    public static bool EnableProxyForAll(RouteSocket host, Link bridge, IReadOnlyList<IPNetwork> subnets)
    {
        List<IPAddress> six = [];
        foreach (IPAddress container in ProxyNeighbours.Containers(host))
        {
            foreach (IPNetwork subnet in subnets)
            {
                if (subnet.Contains(container))
                {
                    six.Add(container);
                }
            }
        }
        if (six.Count > 0)
        {
            ProxyNeighbours.Add(host, bridge, six);
        }

        return EnableProxyArp(bridge.Name) || six.Count > 0;
    }

    /// <summary>The addresses of a container's interface: one of IPv6 is alone on its link.</summary>
    public static PodAddress Inside(RoutedAddress address) => new(address.Container, address.PrefixLength) { IsAlone = address.IsIPv6 };

    /// <summary>The routes inside that lead to the gateway, and by it to the subnet, where the kernel makes none; before those that the
    /// container is to have.</summary>
    public static List<PodRoute> RoutesInside(IReadOnlyList<RoutedAddress> addresses)
    {
        List<PodRoute> routes = [];
        foreach (RoutedAddress address in addresses)
        {
            if (!address.IsIPv6)
            {
                continue;
            }

            PodRoute gateway = new(new IPNetwork(address.Gateway, address.HostLength), null);
            PodRoute subnet = new(IPv6Settings.SubnetOf(address.Container, address.PrefixLength), address.Gateway);
            routes.AddRange([gateway, subnet]);
        }
        return routes;
    }

    /// <summary>Whether the host has containers past its bridges' ports: one list of addresses, or two.</summary>
    public static bool AnyOn(RouteSocket host) => All(host).Count > 0;

    /// <summary>The interface indexes of all routed host ends.</summary>
    public static HashSet<int> All(RouteSocket host)
    {
        HashSet<int> indexes = [];
        foreach (InterfaceAddress address in host.ListAddresses())
        {
            if (IsRouted(host, address))
            {
                indexes.Add(address.Index);
            }
        }
        return indexes;
    }

    /// <summary>
    /// <c>sysctl net.ipv4.conf.LINK.proxy_arp=1 net.ipv4.neigh.LINK.proxy_delay=0</c>: the host answers at a link for whom it reaches by
    /// another, and does not wait up to 0.8 seconds for somebody else to do so.
    /// </summary>
    /// <returns>True when something had to be written.</returns>
    public static bool EnableProxyArp(string link) => Sysctl.Ensure(ProxyArp(link), "1") | Sysctl.Ensure(ProxyDelay(link), "0");

    /// <summary>The first thing that a routed end, or the bridge for its sake, lacks; null when all is there.</summary>
    /// <param name="host">A socket in the host's namespace, which is the calling thread's.</param>
    /// <param name="end">The host end.</param>
    /// <param name="bridge">The bridge's name.</param>
    /// <param name="addresses">The container's addresses.</param>
    public static string? FindDifference(RouteSocket host, Link end, string bridge, IReadOnlyList<RoutedAddress> addresses)
    {
        if (RouterAnnouncements.FindDifference(host, end, hasIPv6: addresses.Exists(address => address.IsIPv6)) is { } listens)
        {
            return listens;
        }

        List<InterfaceAddress> present = host.ListAddresses(end.Index);
        foreach (RoutedAddress address in addresses)
        {
            if (address.IsIPv6 && ProxyNeighbours.FindDifference(host, bridge, address.Container) is { } difference)
            {
                return difference;
            }

            if (
                !present.Exists(a =>
                    a.Address.Equals(address.Gateway) && address.Container.Equals(a.Peer) && a.PrefixLength == address.HostLength
                )
            )
            {
                return $"host end {end.Name}, on no bridge, lacks the address {address.Gateway} peer {address.Container}";
            }
        }
        foreach (string link in (ReadOnlySpan<string>)[end.Name, bridge])
        {
            if (Sysctl.Read(ProxyArp(link)) != "1")
            {
                return $"the host does not answer ARP at {link} for containers past the bridge's ports: net.ipv4.conf.{link}.proxy_arp "
                    + $"is not 1";
            }
        }
        return null;
    }

    /// <summary>IPv4 addresses are labelled with the interface's name; of IPv6 the interface is asked.</summary>
    private static bool IsRouted(RouteSocket host, InterfaceAddress address) =>
        address.Peer is not null
        && (
            address.Label is { } name
                ? DeviceNames.IsVeth(name)
                : host.TryGetLink(address.Index, out Link? link) && link.Group == Group && DeviceNames.IsVeth(link.Name)
        );

    private static string ProxyArp(string link) => $"net/ipv4/conf/{link}/proxy_arp";

    private static string ProxyDelay(string link) => $"net/ipv4/neigh/{link}/proxy_delay";
}
