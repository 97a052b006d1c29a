using System.Net;
using Twill.Host;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Neighbours;
using Twill.Linux.Netlink;
using Twill.Linux.Routes;
using Twill.Network;
using Twill.Network.State;
using Twill.System;

namespace Twill.Plugin.Cli.Doctor;

/// <summary>The containers themselves: interface, address and way out inside, and the way to them from the host.</summary>
internal static class ContainerCheck
{
    private const string Name = "containers";

    /// <summary>Some requests each: enough to see what is the same in all of them.</summary>
    private const int MostAsked = 200;

    public static void Run(Findings to, HostView host, NetworkView network)
    {
        if (!network.IsOurs || network.HostEnds.Count == 0 || host.Find(network.Conf.Bridge) is not { } bridge)
        {
            return;
        }

        int looked = 0;
        to.Look(
            Name,
            () =>
            {
                Dictionary<IPAddress, Neighbour> fixedNeighbours = FixedNeighbours(host, bridge);
                foreach (AddressFile file in network.Records)
                {
                    if (looked == MostAsked || file.Record is not { } record || file.WhyGone(host.Namespaces) is not null)
                    {
                        continue;
                    }

                    looked++;
                    WayIn(to, host, network, file.Address, record);
                    Inside(to, host, network, file.Address, record);
                    if (fixedNeighbours.TryGetValue(file.Address, out Neighbour? neighbour))
                    {
                        to.Fail(
                            Name,
                            $"somebody gave the host a fixed hardware address {neighbour.Mac} for {file.Address} ({Of(record)})",
                            $"ip neigh del {file.Address} dev {bridge.Name}"
                        );
                    }
                }
            },
            () => $"{Format.Count(looked, "address")} looked at, inside and from the host"
        );
    }

    private static Dictionary<IPAddress, Neighbour> FixedNeighbours(HostView host, Link bridge)
    {
        Dictionary<IPAddress, Neighbour> found = [];
        foreach (Neighbour neighbour in host.Route.ListNeighbours(bridge.Index))
        {
            if (neighbour is { IsPermanent: true, Address: { } address, Protocol: not RouteProtocol.Twill })
            {
                found[address] = neighbour;
            }
        }

        return found;
    }

    private static void WayIn(Findings to, HostView host, NetworkView network, IPAddress address, AddressRecord record)
    {
        string way = host.WayTo(address);
        if (way != network.Conf.Bridge && !network.HostEnds.Exists(end => end.Name == way && RoutedVeth.Is(end)))
        {
            to.Fail(
                Name,
                $"packets from the host to {address} ({Of(record)}) leave by {way}, not by {network.Conf.Bridge}",
                $"find the route or rule that is in the way (ip route get {address}; ip rule) and remove it"
            );
        }
    }

    private static void Inside(Findings to, HostView host, NetworkView network, IPAddress address, AddressRecord record)
    {
        try
        {
            using NetNs netns = NetNs.Open(record.Netns);
            if (record.Identity?.IsSameAs(netns.Identity) != true)
            {
                return; // the path leads elsewhere from here
            }

            using RouteSocket inside = netns.Run(() => RouteSocket.Open());
            if (Fault(inside, network, address, NameInside(host, inside, record)) is var (fault, remedy))
            {
                to.Fail(Name, $"in {Of(record)}: {fault}", $"nsenter --net={record.Netns} {remedy}; or restart the container");
            }
        }
        catch (LibcException)
        {
            // Its path means nothing here: of another mount namespace.
        }
    }

    /// <summary>The name that the container's end has: Docker gives it another one than the plugins were told.</summary>
    private static string NameInside(HostView host, RouteSocket inside, AddressRecord record) =>
        host.Find(DeviceNames.Veth(record.Owner.ContainerId, record.Owner.IfName)) is { } end
        && inside.TryGetLink(end.LinkIndex, out Link? link)
        && link.LinkIndex == end.Index
            ? link.Name
            : record.Owner.IfName;

    private static (string Fault, string Remedy)? Fault(RouteSocket inside, NetworkView network, IPAddress address, string name)
    {
        if (!inside.TryGetLink(name, out Link? link))
        {
            return ($"interface {name} is gone", "ip link");
        }

        if (!link.IsUp)
        {
            return ($"interface {name} is down", $"ip link set dev {name} up");
        }

        if (!inside.ListAddresses(link.Index).Exists(there => there.Address.Equals(address)))
        {
            return ($"interface {name} lacks its address {address}", $"ip address add {address}/{LengthOf(network, address)} dev {name}");
        }

        if (SourceRoutes.FindDifference(inside, link, address) is { } difference)
        {
            return difference;
        }

        if (!network.Conf.Ipam.IsForeign && network.Conf.Ipam.Etcd is not null && Beyond(network, address) is { } beyond)
        {
            string way = WayOf(inside, beyond, link);
            if (way != name)
            {
                return (
                    $"packets to other hosts' containers ({beyond}) leave by {way}, not by {name}",
                    $"ip route replace default via {GatewayOf(network, address)} dev {name}"
                );
            }
        }

        return null;
    }

    private static string WayOf(RouteSocket inside, IPAddress address, Link link)
    {
        try
        {
            return !inside.TryGetRoute(address, out Route? way) ? "nowhere (no route)"
                : way.Index == link.Index ? link.Name
                : $"interface #{way.Index}";
        }
        catch (NetlinkException e)
        {
            return $"nowhere ({e.Message})";
        }
    }

    /// <summary>An address of the cluster network that is not in this host's subnet of the same family.</summary>
    private static IPAddress? Beyond(NetworkView network, IPAddress address)
    {
        foreach (IPNetwork range in network.Conf.Ipam.Ranges)
        {
            if (range.Contains(address))
            {
                foreach (UInt128 number in (ReadOnlySpan<UInt128>)[range.First() + 1, range.Last() - 1])
                {
                    IPAddress candidate = IPPrefix.AddressOf(number, address.AddressFamily);
                    if (!network.Subnets.Exists(own => own.Contains(candidate)))
                    {
                        return candidate;
                    }
                }
            }
        }

        return null;
    }

    private static IPAddress? GatewayOf(NetworkView network, IPAddress address)
    {
        foreach (IPNetwork subnet in network.Subnets)
        {
            if (subnet.Contains(address))
            {
                return network.GatewayOf(subnet);
            }
        }

        return null;
    }

    private static int LengthOf(NetworkView network, IPAddress address)
    {
        foreach (IPNetwork subnet in network.Subnets)
        {
            if (subnet.Contains(address))
            {
                return subnet.PrefixLength;
            }
        }

        return address.GetAddressBytes().Length * 8;
    }

    private static string Of(AddressRecord record) => $"container {record.Owner.ContainerId}, {record.Owner.IfName}";
}
