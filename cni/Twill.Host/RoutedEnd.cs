using System.Net;
using System.Net.Sockets;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Links;

namespace Twill.Host;

/// <summary>An address of a container past the bridge's ports.</summary>
/// <param name="Container">The container's.</param>
/// <param name="Gateway">The host's in the same subnet.</param>
public sealed record RoutedAddress(IPAddress Container, IPAddress Gateway);

/// <summary>
/// The host end of a container for which the bridge has no port. It is on no bridge: the host routes to it, and answers for others when it asks
/// by ARP.
/// <code>
/// container   10.244.9.5/24, gateway 10.244.9.1: inside, nothing tells it from one on the bridge
/// host end    proxy_arp=1, 10.244.9.1 peer 10.244.9.5/32; of that the kernel makes: route 10.244.9.5 dev HOSTEND scope link src 10.244.9.1
/// bridge      proxy_arp=1: the host answers those who look there for 10.244.9.5
/// </code>
/// One address is all it takes. The way there is the kernel's own route of it, so that nobody who tidies up routes takes it away, and all of it
/// goes with the interface. Only broadcast and multicast stop at the host, as they do between hosts.
/// </summary>
/// <remarks>
/// A further bridge, joined to the first by a pair, would be the other way. But every broadcast, an ARP question for the gateway say, would go to
/// all containers of both, which is more than the kernel queues. And where br_netfilter is on, each frame between both is tracked as a connection
/// twice, and the second entry of one to a published port, which sees the translated address only, clashes with the first.
/// </remarks>
public static class RoutedEnd
{
    /// <summary>
    /// The highest number of a bridge's port that a container is left on; the kernel numbers ports from 1 and gives the lowest that is free. There
    /// are 1,023, but a broadcast is copied to all of them at once, onto a queue of one processor that by default holds 1,000 frames
    /// (<c>net.core.netdev_max_backlog</c>): who is behind the last ports never hears that somebody looks for him by ARP, and when two ask
    /// at once, half of all do not. Half of the queue leaves room for a second one.
    /// </summary>
    public const int LastPort = 512;

    /// <summary>The group number of routed ends (<c>ip link show group 116</c>), by which they differ from one that somebody took off the bridge.</summary>
    public const uint Group = RouteProtocol.Twill;

    /// <summary>Whether a host end, just made, is to be on the bridge; it is taken off when its port is past the last.</summary>
    /// <param name="host">A socket in the host's namespace.</param>
    /// <param name="spec">The pair.</param>
    /// <param name="end">Its host end.</param>
    public static bool StaysOnBridge(RouteSocket host, PodLinkSpec spec, Link end)
    {
        if (end.MasterIndex == 0)
            return false;
        if (end.BridgePort is not { Number: > LastPort })
            return true;
        RouteBatch batch = host.NewBatch();
        batch.Add(new SetLink(end.Index) { Alias = spec.Alias, Group = Group });   // as long as it has none, only the bridge tells whose it is
        batch.Add(new SetLink(end.Index) { Master = 0 });
        batch.Send();
        return false;
    }

    /// <summary>Brings a container into the network by its host end, which is up and on no bridge; from then on the bridge gets no more ports. The calling thread is in the host's namespace.</summary>
    /// <param name="host">A socket in the host's namespace.</param>
    /// <param name="spec">The pair.</param>
    /// <param name="index">Interface index of the host end.</param>
    /// <param name="bridge">The bridge that the others are on.</param>
    /// <param name="addresses">The container's addresses.</param>
    public static void Connect(RouteSocket host, PodLinkSpec spec, int index, Link bridge, IReadOnlyList<RoutedAddress> addresses)
    {
        AnswerAt(bridge.Name);
        AnswerAt(spec.HostName);
        RouteBatch batch = host.NewBatch();
        foreach (RoutedAddress address in addresses)
            batch.Add(new NewAddress(index, address.Gateway, 32) { Peer = address.Container });
        batch.Send();
        // Who talked to the address's last owner, if that was on the bridge, knows it at a hardware address that is there no more.
        foreach (RoutedAddress address in addresses)
            ArpAnnouncement.Send(bridge.Index, address.Container, bridge.Mac ?? HostMacs.ForBridge(bridge.Name));
    }

    /// <summary>Whether the host has containers past its bridges' ports: one list of addresses.</summary>
    public static bool AnyOn(RouteSocket host) => host.ListAddresses(family: AddressFamily.InterNetwork).Exists(IsRouted);

    /// <summary>The interface indexes of all routed host ends.</summary>
    public static HashSet<int> All(RouteSocket host)
    {
        HashSet<int> indexes = [];
        foreach (InterfaceAddress address in host.ListAddresses(family: AddressFamily.InterNetwork))
        {
            if (IsRouted(address))
                indexes.Add(address.Index);
        }
        return indexes;
    }

    /// <summary>
    /// <c>sysctl net.ipv4.conf.LINK.proxy_arp=1 net.ipv4.neigh.LINK.proxy_delay=0</c>: the host answers at a link for whom it reaches by another,
    /// and does not wait up to 0.8 seconds for somebody else to do so.
    /// </summary>
    /// <returns>True when something had to be written.</returns>
    public static bool AnswerAt(string link) => Sysctl.Ensure(ProxyArp(link), "1") | Sysctl.Ensure(ProxyDelay(link), "0");

    /// <summary>The first thing that a routed end, or the bridge for its sake, lacks; null when all is there.</summary>
    /// <param name="host">A socket in the host's namespace, which is the calling thread's.</param>
    /// <param name="end">The host end.</param>
    /// <param name="bridge">The bridge's name.</param>
    /// <param name="addresses">The container's addresses.</param>
    public static string? FindDifference(RouteSocket host, Link end, string bridge, IReadOnlyList<RoutedAddress> addresses)
    {
        List<InterfaceAddress> present = host.ListAddresses(end.Index, AddressFamily.InterNetwork);
        foreach (RoutedAddress address in addresses)
        {
            if (!present.Exists(a => a.Address.Equals(address.Gateway) && address.Container.Equals(a.Peer) && a.PrefixLength == 32))
                return $"host end {end.Name}, on no bridge, lacks the address {address.Gateway} peer {address.Container}";
        }
        foreach (string link in (ReadOnlySpan<string>)[end.Name, bridge])
        {
            if (Sysctl.Read(ProxyArp(link)) != "1")
                return $"the host does not answer ARP at {link} for containers past the bridge's ports: net.ipv4.conf.{link}.proxy_arp is not 1";
        }
        return null;
    }

    private static bool IsRouted(InterfaceAddress address) => address.Peer is not null && address.Label is { } name && HostNames.IsVeth(name);

    private static string ProxyArp(string link) => $"net/ipv4/conf/{link}/proxy_arp";

    private static string ProxyDelay(string link) => $"net/ipv4/neigh/{link}/proxy_delay";
}
