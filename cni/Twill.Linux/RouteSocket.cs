using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.Linux.Neighbours;
using Twill.Linux.Netlink;
using Twill.Linux.Nexthops;
using Twill.Linux.Routes;
using Twill.Linux.Rules;
using Twill.Linux.TrafficControl;
using Twill.System;

namespace Twill.Linux;

/// <summary>
/// Links, addresses, routes, neighbours and queues of one network namespace, over rtnetlink: what <c>ip</c>, <c>bridge</c> and <c>tc</c>
/// do. The namespace is the one it was opened in, whichever thread uses it; one thread at a time.
/// </summary>
public sealed class RouteSocket : IDisposable
{
    private readonly NetlinkSocket _socket;

    /// <summary>Takes over a channel.</summary>
    public RouteSocket(INetlinkChannel channel) => _socket = new NetlinkSocket(channel, RouteRequests.Describe);

    /// <summary>Opens a socket in the network namespace of the calling thread.</summary>
    /// <exception cref="LibcException">Descriptors ran out.</exception>
    public static RouteSocket Open() => new(KernelChannel.Open(NetlinkFamily.Route));

    /// <summary>Opens a socket in a network namespace.</summary>
    /// <exception cref="LibcException">Descriptors ran out, or CAP_SYS_ADMIN is missing.</exception>
    public static RouteSocket Open(NetNs ns) => ns.Visit(Open);

    /// <summary>Opens a socket in a network namespace and sets a kernel parameter there, on the one visit.</summary>
    /// <param name="ns">The namespace.</param>
    /// <param name="parameter">The parameter's path below /proc/sys; one that this kernel does not have, or that cannot be written,
    /// is left out.</param>
    /// <param name="value">Its value.</param>
    /// <exception cref="LibcException">As of <see cref="Open(NetNs)"/>, or the parameter cannot be written.</exception>
    public static RouteSocket Open(NetNs ns, string parameter, string value) =>
        ns.Visit(() =>
        {
            Sysctl.TryWrite(parameter, value);
            return Open();
        });

    /// <summary>The socket's address, by which <see cref="NetworkChange.PortId"/> tells whose doing a change was. 0 before the first
    /// request.</summary>
    public uint PortId => _socket.PortId;

    /// <summary>Sends one request and waits until the kernel has done it.</summary>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public void Execute<T>(in T request)
        where T : struct, INetlinkRequest => _socket.Execute(in request);

    /// <summary>Sends one request; one or two errors are answers as well.</summary>
    /// <returns>False when the kernel answered with a tolerated error.</returns>
    /// <exception cref="NetlinkException">The kernel refused for another reason.</exception>
    public bool TryExecute<T>(in T request, Errno tolerate, Errno alsoTolerate = Errno.None)
        where T : struct, INetlinkRequest => _socket.TryExecute(in request, tolerate, alsoTolerate);

    /// <summary>Prints a request that another sends in this socket's place, when requests are traced.</summary>
    internal void Trace<T>(in T request)
        where T : struct, INetlinkRequest => _socket.Trace(in request);

    /// <summary>A batch: several requests in one system call.</summary>
    public RouteBatch NewBatch() => new(_socket);

    /// <summary>Finds one link: one message there, one back.</summary>
    /// <param name="link">Its index or its name.</param>
    /// <param name="found">The link.</param>
    /// <returns>False when there is none.</returns>
    /// <exception cref="NetlinkException">The kernel refused for another reason than ENODEV.</exception>
    public bool TryGetLink(LinkRef link, [NotNullWhen(true)] out Link? found) =>
        _socket.TryGet(new GetLink(link), Errno.ENODEV, Link.Decode, out found);

    /// <summary>Finds one link.</summary>
    /// <param name="link">Its index or its name.</param>
    /// <exception cref="NetlinkException">ENODEV: there is none.</exception>
    public Link GetLink(LinkRef link) =>
        TryGetLink(link, out Link? found) ? found : throw new NetlinkException($"get link {link}", Errno.ENODEV);

    /// <summary>Lists links.</summary>
    /// <param name="master">Interface index of the bridge whose ports are wanted; 0 for all links.</param>
    /// <param name="kind">Only links of this kind; null for all.</param>
    public List<Link> ListLinks(int master = 0, string? kind = null) =>
        _socket.Dump(new ListLinks { Master = master, Kind = kind }, (in NetlinkMessage m) =>
            Link.Decode(in m) is { } link && (master == 0 || link.MasterIndex == master) && (kind is null || link.Kind == kind)
                ? link
                : null
        );

    /// <summary>Lists ports of a bridge while others come and go: each is one, and of those that come or go one may be missing.</summary>
    /// <param name="bridge">The bridge's interface index.</param>
    public List<Link> ListPortsOnce(int bridge) =>
        _socket.DumpOnce(new ListLinks { Master = bridge }, (in NetlinkMessage m) =>
            Link.Decode(in m) is { } link && link.MasterIndex == bridge ? link : null
        );

    /// <summary>Deletes a link if it is there.</summary>
    /// <returns>False when there is none.</returns>
    public bool DeleteLinkIfPresent(LinkRef link) => TryExecute(new DeleteLink(link), Errno.ENODEV);

    /// <summary>Lists addresses.</summary>
    /// <param name="index">Interface index; 0 for all interfaces.</param>
    /// <param name="family">Unspecified for both families.</param>
    public List<InterfaceAddress> ListAddresses(int index = 0, AddressFamily family = AddressFamily.Unspecified) =>
        _socket.Dump(new ListAddresses { Index = index, Family = family }, (in NetlinkMessage m) =>
            InterfaceAddress.Decode(in m) is { } address && (index == 0 || address.Index == index) ? address : null
        );

    /// <summary>Lists the IPv6 multicast groups that an interface has joined.</summary>
    /// <param name="index">Interface index.</param>
    public List<IPAddress> ListMulticastGroups(int index)
    {
        ListMulticastGroups request = new(index);
        return _socket.Dump(request, (in NetlinkMessage m) => request.Decode(in m));
    }

    /// <summary>Lists routes.</summary>
    /// <param name="filter">Which; <c>default</c> lists all of both families in all tables.</param>
    public List<Route> ListRoutes(ListRoutes filter = default)
    {
        try
        {
            return _socket.Dump(in filter, (in NetlinkMessage m) =>
                Route.Decode(in m) is { } route && filter.Matches(route) ? route : null
            );
        }
        catch (NetlinkException e) when (e.Errno == Errno.ENOENT && filter.Table != 0)
        {
            return []; // no route was ever put into this table
        }
    }

    /// <summary>Lists nexthop objects.</summary>
    /// <param name="nexthops">The objects, of all interfaces; null when the kernel has none such.</param>
    /// <returns>False when the kernel does not know of nexthop objects: before Linux 5.3.</returns>
    public bool TryListNexthops([NotNullWhen(true)] out List<NexthopObject>? nexthops)
    {
        try
        {
            nexthops = _socket.Dump(new ListNexthops(), NexthopObject.Decode);
            return true;
        }
        catch (NetlinkException e) when (e.Errno is Errno.EOPNOTSUPP or Errno.EINVAL)
        {
            nexthops = null;
            return false;
        }
    }

    /// <summary>Asks which way a packet would take.</summary>
    /// <param name="destination">IPv4 or IPv6.</param>
    /// <param name="route">The way: <see cref="Route.Source"/> is the source address that this host would use.</param>
    /// <returns>False when the destination is unreachable (ENETUNREACH).</returns>
    public bool TryGetRoute(IPAddress destination, [NotNullWhen(true)] out Route? route) =>
        TryGetRoute(new GetRoute(destination), out route);

    /// <summary>Asks which way a packet would take.</summary>
    /// <param name="packet">The packet.</param>
    /// <param name="route">The way.</param>
    /// <returns>False when there is none.</returns>
    /// <exception cref="NetlinkException">A rule or route refuses it, or a packet from there may not come in by that interface.</exception>
    public bool TryGetRoute(in GetRoute packet, [NotNullWhen(true)] out Route? route) =>
        _socket.TryGet(in packet, Errno.ENETUNREACH, Route.Decode, out route);

    /// <summary>Lists the rules that say which routing table a packet's way is looked for in, in the order in which they are asked:
    /// <c>ip rule show</c>.</summary>
    /// <param name="family">IPv4 or IPv6.</param>
    public List<PolicyRule> ListRules(AddressFamily family) => _socket.Dump(new ListRules(family), PolicyRule.Decode);

    /// <summary>Lists the addresses that this host answers for: <c>ip neigh show proxy</c>.</summary>
    /// <param name="family">Unspecified for both families.</param>
    public List<Neighbour> ListProxyNeighbours(AddressFamily family = AddressFamily.Unspecified) =>
        _socket.Dump(new ListNeighbours { Family = family, Proxies = true }, (in NetlinkMessage m) =>
            Neighbour.Decode(in m) is { } neighbour && (neighbour.Flags & NeighbourFlags.Proxy) != 0 ? neighbour : null
        );

    /// <summary>Lists neighbours: IP addresses and the hardware addresses they are at.</summary>
    /// <param name="index">Interface index; 0 for all interfaces.</param>
    /// <param name="family">Unspecified for both families.</param>
    public List<Neighbour> ListNeighbours(int index = 0, AddressFamily family = AddressFamily.Unspecified) =>
        _socket.Dump(new ListNeighbours { Index = index, Family = family }, (in NetlinkMessage m) =>
            Neighbour.Decode(in m) is { } neighbour && (index == 0 || neighbour.Index == index) ? neighbour : null
        );

    /// <summary>Lists FDB entries: hardware addresses and the hosts (vxlan) or ports (bridge) they are at.</summary>
    /// <param name="index">Interface index of a vxlan device or of a bridge's port; 0 for all.</param>
    /// <param name="master">Interface index of a bridge, whose own entries and its ports' are wanted; 0 for all.</param>
    public List<Neighbour> ListFdb(int index = 0, int master = 0) =>
        _socket.Dump(new ListFdb { Index = index, Master = master }, (in NetlinkMessage m) =>
            Neighbour.Decode(in m) is { } entry && (index == 0 || entry.Index == index) ? entry : null
        );

    /// <summary>Finds one queueing discipline of a link.</summary>
    /// <param name="index">Interface index.</param>
    /// <param name="parent"><see cref="TcHandle.Root"/> or <see cref="TcHandle.Ingress"/>.</param>
    /// <param name="qdisc">The discipline; at the root the kernel's default when nobody put another there.</param>
    /// <returns>False when there is none.</returns>
    public bool TryGetQdisc(int index, uint parent, [NotNullWhen(true)] out Qdisc? qdisc) =>
        _socket.TryGetAcknowledged(new GetQdisc(index, parent), Errno.ENOENT, Qdisc.Decode, out qdisc);

    /// <summary>Lists the filters on what arrives by a link, which must have the hook for them.</summary>
    /// <param name="index">Interface index.</param>
    public List<TcFilter> ListIngressFilters(int index) => _socket.Dump(new ListFilters(index, TcHandle.IngressQdisc), TcFilter.Decode);

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();
}
