using System.Net;
using System.Net.Sockets;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.Linux.Neighbours;
using Twill.Linux.Nftables;
using Twill.Linux.Routes;
using Twill.System;

namespace Twill.Host.Attachments;

/// <summary>
/// A container with an address of the host's LAN and no interface on it: the host routes to it, and answers for it there by ARP. So all
/// containers are behind the host's own hardware address, which is all that some switches, clouds and wireless networks let through, and
/// the host reaches them.
/// <code>
/// container   192.168.50.140/24, router 192.168.50.254: inside, nothing tells it from a machine of the LAN
/// host end    proxy_arp=1: the host answers for the LAN and the other containers; 192.168.50.140 dev HOSTEND proto 117 src HOST
/// LAN         neigh proxy 192.168.50.140 dev eth0 proto 116: the host answers for this container and for nobody else
/// </code>
/// IPv4 only: for IPv6 the host would have to forward it, and would lose the default route that it has by router advertisements.
/// </summary>
public sealed class LanAttachment : IAttachment
{
    /// <summary>What an interface is born with: the most that it waits before it answers for another, in hundredths of a second.</summary>
    private const string KernelsDelay = "80";

    /// <inheritdoc/>
    public string Name => "routed";

    /// <inheritdoc/>
    /// <remarks>A host end on no bridge, as <see cref="RoutedAttachment"/> makes it.</remarks>
    public Link? Create(RouteSocket host, NetNs pod, PodLinkSpec spec, Link bridge, Action created) => null;

    /// <inheritdoc/>
    public bool Owns(Link end) => RoutedVeth.Is(end) && HostMacs.IsLanEnd(end.Mac);

    /// <inheritdoc/>
    public void Connect(AttachmentSite site, IReadOnlyList<AttachedAddress> addresses)
    {
        RouterAnnouncements.Refuse(site.Host, site.End, hasIPv6: false);
        List<IPAddress> own = [];
        foreach (AttachedAddress address in addresses)
        {
            if (IPv6Settings.IsIPv6(address.Address))
            {
                throw new HostException(
                    $"the host does not answer for IPv6 addresses on {site.Bridge.Name}, as for {address.Address}: $.lan.interface is for "
                        + "IPv4, $.lan.bridge for both"
                );
            }

            own.Add(address.Address);
        }

        Ensure(site.Host, site.Bridge, site.End, own);
        foreach (IPAddress address in own)
        {
            ArpAnnouncement.Send(site.Bridge.Index, address, site.Bridge.Mac ?? MacAddress.Zero);
        }
    }

    /// <inheritdoc/>
    public ContainerLink Inside(IReadOnlyList<AttachedAddress> addresses) => new BridgeAttachment().Inside(addresses);

    /// <inheritdoc/>
    public Link GatewayLink(AttachmentSite site) => site.End;

    /// <inheritdoc/>
    public string? FindDifference(AttachmentSite site, IReadOnlyList<AttachedAddress> addresses)
    {
        LanEntries entries = LanEntries.Read(site.Host);
        foreach (AttachedAddress address in addresses)
        {
            if (entries.FindDifference(site.End, site.Bridge, address.Address) is { } difference)
            {
                return difference;
            }
        }

        return null;
    }

    /// <inheritdoc/>
    public bool Delete(RouteSocket host, Link end, NftSocket? held = null)
    {
        List<Route> routes = LanEntries.RoutesOf(host, end.Index);
        DeleteProxies(host, proxy => routes.Exists(route => route.Destination.BaseAddress.Equals(proxy.Address)));
        return LinkRemoval.Run(host, end, held);
    }

    /// <inheritdoc/>
    public void DeleteStale(RouteSocket host)
    {
        HashSet<IPAddress>? there = null;
        DeleteProxies(host, proxy =>
        {
            if (there is null)
            {
                there = [];
                foreach (Route route in LanEntries.RoutesOf(host, 0))
                {
                    there.Add(route.Destination.BaseAddress);
                }
            }

            return !there.Contains(proxy.Address!);
        });
    }

    /// <inheritdoc/>
    public List<Link> List(IReadOnlyList<Link> links, string network, int bridge)
    {
        List<Link> ends = [];
        foreach (Link link in links)
        {
            if (link.Kind == "veth" && Owns(link) && BridgePorts.IsHostEnd(link, network))
            {
                ends.Add(link);
            }
        }

        return ends;
    }

    /// <summary>
    /// What a container needs of the host, written where it is missing. The first on an interface also has the host answer there at once,
    /// instead of up to 0.8 seconds later (<c>proxy_delay</c>), unless somebody has set another time; after the last that is as it was.
    /// </summary>
    /// <param name="host">A socket in the host's namespace, which is the calling thread's.</param>
    /// <param name="lan">The interface on the LAN.</param>
    /// <param name="end">The host end.</param>
    /// <param name="addresses">The container's addresses.</param>
    /// <exception cref="HostException">The host has a route to one of them by another way.</exception>
    public static void Ensure(RouteSocket host, Link lan, Link end, IReadOnlyList<IPAddress> addresses)
    {
        RoutedVeth.EnableProxyArp(end.Name);
        if (Sysctl.TryRead(ProxyDelay(lan.Name)) == KernelsDelay)
        {
            Sysctl.Write(ProxyDelay(lan.Name), "0");
        }

        List<InterfaceAddress> own = host.ListAddresses(lan.Index, AddressFamily.InterNetwork);
        RouteBatch batch = host.NewBatch();
        foreach (IPAddress address in addresses)
        {
            batch.Add(
                new NewRoute(new IPNetwork(address, 32))
                {
                    Index = end.Index,
                    Protocol = RouteProtocol.Container,
                    Source = LanLink.HostAddress(own, address),
                },
                tolerate: Errno.EEXIST
            );
            batch.Add(new NewProxyNeighbour(lan.Index, address) { Protocol = RouteProtocol.Twill });
        }

        batch.Send();
        for (int i = 0; i < addresses.Count; i++)
        {
            IPAddress address = addresses[i];
            if (
                batch.ErrnoOf(2 * i) == Errno.EEXIST
                && !LanEntries.RoutesOf(host, end.Index).Exists(route => route.Destination.BaseAddress.Equals(address))
            )
            {
                throw new HostException($"this host has another route to {address}, the container's address: ip route show {address}");
            }
        }
    }

    private static void DeleteProxies(RouteSocket host, Predicate<Neighbour> unwanted)
    {
        List<Neighbour> all = LanEntries.ProxiesOf(host),
            going = all.FindAll(unwanted);
        if (going.Count == 0)
        {
            return;
        }

        RouteBatch batch = host.NewBatch();
        foreach (Neighbour proxy in going)
        {
            batch.Add(new DeleteNeighbour(proxy.Index, proxy.Address!) { IsProxy = true }, tolerate: Errno.ENOENT);
        }

        batch.Send();
        foreach (Neighbour gone in going)
        {
            if (
                all.FindAll(proxy => proxy.Index == gone.Index).Count == going.FindAll(proxy => proxy.Index == gone.Index).Count
                && host.TryGetLink(gone.Index, out Link? lan)
                && Sysctl.TryRead(ProxyDelay(lan.Name)) == "0"
            )
            {
                Sysctl.TryWrite(ProxyDelay(lan.Name), KernelsDelay);
            }
        }
    }

    private static string ProxyDelay(string link) => $"net/ipv4/neigh/{link}/proxy_delay";
}
