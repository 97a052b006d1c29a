using System.Net;
using System.Net.Sockets;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.Linux.Routes;
using Twill.Network;
using Twill.System;

namespace Twill.Host;

/// <summary>Which container, and how its pair of interfaces should be.</summary>
/// <param name="Network">The network's name; kept in the host end's alias.</param>
/// <param name="ContainerId">The runtime's name for the container.</param>
/// <param name="IfName">The interface's name inside.</param>
/// <param name="Mtu">Bytes, of both ends.</param>
/// <param name="Hairpin">Whether the bridge sends frames back to the port they came from.</param>
public sealed record PodLinkSpec(string Network, string ContainerId, string IfName, int Mtu, bool Hairpin)
{
    /// <inheritdoc/>
    public override string ToString() => HostName;

    /// <summary>Whether the container may send as itself only (<see cref="AntiSpoof.SourceFilter"/>).</summary>
    public bool AntiSpoof { get; init; }

    /// <summary>Whether it exchanges frames with the bridge only, not with other containers.</summary>
    public bool Isolated { get; init; }

    /// <summary>Name of the host end.</summary>
    public string HostName { get; } = DeviceNames.Veth(ContainerId, IfName);

    /// <summary>Name of the device that queues what the container sends, when that is limited.</summary>
    public string IfbName => DeviceNames.Ifb(ContainerId, IfName);

    /// <summary>Whether the host end hangs on a bridge that is not twill's to change.</summary>
    public bool IsOnLan { get; init; }

    /// <summary>Whether it hangs on none, and the host answers for the container on the LAN.</summary>
    public bool IsRoutedOnLan { get; init; }

    /// <summary>Hardware address of the host end.</summary>
    public MacAddress HostMac => IsOnLan ? HostMacs.ForLanEnd(ContainerId, IfName) : HostMacs.ForHostEnd(ContainerId, IfName);

    /// <summary>The host end's alias.</summary>
    public string Alias => DeviceNames.VethAlias(Network, ContainerId, IfName);
}

/// <summary>An address for a container.</summary>
/// <param name="Address">The address itself.</param>
/// <param name="PrefixLength">Bits of its subnet.</param>
public sealed record PodAddress(IPAddress Address, int PrefixLength)
{
    /// <summary>Whether the kernel is to make no route of the subnet: it is not on the link.</summary>
    public bool IsAlone { get; init; }
}

/// <summary>A route in a container.</summary>
/// <param name="Dst">Destination.</param>
/// <param name="Gateway">Next hop; null: everything there is on the link.</param>
/// <param name="Mtu">Path MTU in bytes, 0: the interface's.</param>
/// <param name="AdvMss">Advertised TCP segment size in bytes, 0: the kernel's choice.</param>
/// <param name="Priority">Metric, 0: the kernel's choice.</param>
/// <param name="Table">Routing table; null: main.</param>
/// <param name="Scope">rtm_scope; null: global behind a gateway, else link.</param>
public sealed record PodRoute(
    IPNetwork Dst,
    IPAddress? Gateway,
    int Mtu = 0,
    int AdvMss = 0,
    int Priority = 0,
    uint? Table = null,
    int? Scope = null
)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Dst}";
}

/// <summary>
/// A container's veth pair, whose one end is made inside the container's namespace under its final name. How the other end hangs on the
/// host is the attachment's part (<see cref="Attachments.IAttachment"/>).
/// </summary>
public static class PodLink
{
    /// <summary>
    /// <c>ip link add HOST address MAC mtu MTU up type veth peer name IFNAME mtu MTU netns NETNS</c>.
    /// </summary>
    /// <param name="pod">The container's namespace.</param>
    /// <param name="spec">What to make.</param>
    internal static NewVeth Veth(NetNs pod, PodLinkSpec spec) =>
        new(spec.HostName, spec.IfName)
        {
            Mac = spec.HostMac,
            Mtu = (uint)spec.Mtu,
            Up = true,
            PeerNetns = pod.Handle,
        };

    /// <summary>The index of the container's end.</summary>
    /// <param name="inPod">A socket in the container's namespace.</param>
    /// <param name="ifName">The interface's name inside.</param>
    /// <exception cref="HostException">Somebody has taken it away.</exception>
    public static int IndexOf(RouteSocket inPod, string ifName) =>
        inPod.TryGetLink(ifName, out Link? link)
            ? link.Index
            : throw new HostException($"interface {ifName} vanished from the container's namespace while it was being set up");

    /// <summary>
    /// Inside: <c>ip link set IFNAME address MAC up</c>, then addresses and routes, in one batch. Before IPv6 addresses:
    /// <see cref="IPv6Settings.EnsureInside"/>.
    /// </summary>
    /// <param name="inPod">A socket in the container's namespace.</param>
    /// <param name="index">The interface's index inside.</param>
    /// <param name="mac">Its hardware address.</param>
    /// <param name="addresses">Its addresses.</param>
    /// <param name="routes">Its routes, next hops on the link first.</param>
    /// <param name="asks">Whether the kernel is to ask if anybody has an IPv6 address already; see <see cref="WaitUntilUnique"/>.</param>
    /// <returns>The address families in which the default route of another interface comes before this one's.</returns>
    public static List<AddressFamily> Configure(
        RouteSocket inPod,
        int index,
        MacAddress mac,
        IReadOnlyList<PodAddress> addresses,
        IReadOnlyList<PodRoute> routes,
        bool asks = false
    )
    {
        RouteBatch batch = inPod.NewBatch();
        batch.Add(new SetLink(index) { Mac = mac, Up = true });
        foreach (PodAddress address in addresses)
        {
            batch.Add(
                new NewAddress(index, address.Address, address.PrefixLength)
                {
                    AddressFlags =
                        (asks ? AddressFlags.None : AddressFlags.NoDad)
                        | (address.IsAlone ? AddressFlags.NoPrefixRoute : AddressFlags.None),
                }
            );
        }

        int first = batch.Count;
        foreach (PodRoute route in routes)
        {
            batch.Add(RouteOf(route, index), tolerate: Errno.EEXIST); // named twice, it is one route
        }

        batch.Send();
        List<AddressFamily> behind = [];
        for (int i = 0; i < routes.Count; i++)
        {
            if (StandsAlone(routes[i]) && batch.ErrnoOf(first + i) == Errno.EEXIST && !NamedBefore(routes, i))
            {
                PutBehind(inPod, routes[i], index);
                if (routes[i] is { Table: null, Dst: { PrefixLength: 0, BaseAddress.AddressFamily: var family } })
                {
                    SourceRoutes.Ensure(inPod, index, family, addresses, routes);
                    behind.Add(family);
                }
            }
        }

        return behind;
    }

    /// <summary>Inside: <c>ip route append</c> of each.</summary>
    /// <param name="inPod">A socket in the container's namespace.</param>
    /// <param name="index">The interface's index inside.</param>
    /// <param name="routes">The routes.</param>
    public static void AddRoutes(RouteSocket inPod, int index, IReadOnlyList<PodRoute> routes)
    {
        RouteBatch batch = inPod.NewBatch();
        foreach (PodRoute route in routes)
        {
            batch.Add(RouteOf(route, index), tolerate: Errno.EEXIST);
        }

        batch.Send();
    }

    /// <summary>
    /// Waits until a host end forwards, now that the container's end is up; or the bridge, which runs when its first port does. The
    /// kernel's worker that takes note of carriers runs a moment later, on a busy machine many milliseconds later, and the container's
    /// first packet would be lost, which costs it a second. From Linux 6.8 on, asking for a link makes the kernel do that worker's part at
    /// once (rtnl_getlink, linkwatch_sync_dev), so that one question is all there is to it.
    /// </summary>
    /// <param name="host">A socket in the host's namespace.</param>
    /// <param name="name">The host end, or the bridge.</param>
    public static void WaitUntilForwarding(RouteSocket host, string name)
    {
        const int Questions = 200; // of a millisecond each: an ADD does not fail for this, the worker does come
        for (int i = 0; i < Questions && !host.GetLink(name).IsRunning; i++)
        {
            Thread.Sleep(1);
        }
    }

    /// <summary>
    /// Waits until an interface answers neighbour solicitations for an IPv6 address that it was just given. The kernel joins the group that
    /// they are sent to (RFC 4291, section 2.7.1) in a worker, also for an address without duplicate address detection; whoever asks
    /// before that is not heard, and asks again a second later.
    /// </summary>
    /// <param name="place">A socket in the interface's namespace.</param>
    /// <param name="index">The interface.</param>
    /// <param name="address">Its address. For one of IPv4 there is nothing to wait for.</param>
    public static void WaitUntilSolicited(RouteSocket place, int index, IPAddress address)
    {
        if (!IPv6Settings.IsIPv6(address))
        {
            return;
        }

        IPAddress group = SolicitedNodeGroup(address);
        const int Questions = 200; // of a millisecond each: an ADD does not fail for this, the worker does come
        for (int i = 0; i < Questions && !place.ListMulticastGroups(index).Contains(group); i++)
        {
            Thread.Sleep(1);
        }
    }

    /// <summary>
    /// Waits until the kernel has asked by duplicate address detection (RFC 4862, section 5.4) whether somebody else has an IPv6 address of
    /// the container. It takes one to two seconds.
    /// </summary>
    /// <param name="inPod">A socket in the container's namespace.</param>
    /// <param name="index">The interface's index inside.</param>
    /// <exception cref="HostException">Somebody has it, or the kernel still asks after ten seconds.</exception>
    public static void WaitUntilUnique(RouteSocket inPod, int index)
    {
        const int Questions = 200; // of 50 ms each
        for (int i = 0; ; i++)
        {
            InterfaceAddress? asking = null;
            foreach (InterfaceAddress address in inPod.ListAddresses(index, AddressFamily.InterNetworkV6))
            {
                if ((address.Flags & AddressFlags.DadFailed) != 0)
                {
                    throw new HostException($"somebody else has the container's address {address.Address} already");
                }

                asking = (address.Flags & AddressFlags.Tentative) != 0 && !address.Address.IsIPv6LinkLocal ? address : asking;
            }

            if (asking is null)
            {
                return;
            }

            if (i == Questions)
            {
                throw new HostException($"the kernel still asks whether somebody else has the container's address {asking.Address}");
            }

            Thread.Sleep(50);
        }
    }

    /// <summary>ff02::1:ffXX:XXXX with the last 24 bits of the address.</summary>
    private static IPAddress SolicitedNodeGroup(IPAddress address)
    {
        Span<byte> group = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0];
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        bytes[13..].CopyTo(group[13..]);
        return new IPAddress(group);
    }

    /// <summary>
    /// Behind those that are there: a container in two networks has a default route in each, and keeps one when it leaves the other. The
    /// kernel changes between default routes of one metric as it thinks their routers alive, and IPv6 has no order among routes of one
    /// metric at all: there it is the first, or see <see cref="PutBehind"/>.
    /// </summary>
    internal static NewRoute RouteOf(PodRoute route, int index) =>
        new(route.Dst)
        {
            Mode = StandsAlone(route) ? RouteMode.Add : RouteMode.Append,
            Gateway = route.Gateway,
            Index = index,
            Scope = (RouteScope?)route.Scope,
            Mtu = (uint)route.Mtu,
            AdvMss = (uint)route.AdvMss,
            Metric = (uint)route.Priority,
            Table = route.Table ?? 0,
        };

    private static bool StandsAlone(PodRoute route) =>
        route.Priority == 0 && (route.Dst.PrefixLength == 0 || IPv6Settings.IsIPv6(route.Dst.BaseAddress));

    private static bool NamedBefore(IReadOnlyList<PodRoute> routes, int number)
    {
        for (int i = 0; i < number; i++)
        {
            if (routes[i] == routes[number])
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>A route to where there is another already: with the next metric that is free.</summary>
    private static void PutBehind(RouteSocket inPod, PodRoute route, int index)
    {
        const uint IP6_RT_PRIO_USER = 1024, // what IPv6 makes of no metric
            Most = 256; // of so many networks no container is
        uint least = IPv6Settings.IsIPv6(route.Dst.BaseAddress) ? IP6_RT_PRIO_USER : 0;
        for (uint metric = least + 1; metric < least + Most; metric++)
        {
            if (inPod.TryExecute(RouteOf(route, index) with { Metric = metric }, Errno.EEXIST))
            {
                return;
            }
        }
        throw new HostException($"there are {Most} routes to {route.Dst} in the container already");
    }
}
