using System.Net;
using System.Net.Sockets;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.Linux.Routes;
using Twill.Network;
using Twill.Network.Configuration;
using Twill.System;

namespace Twill.Host;

/// <summary>Something that this host needs, and by what a subnet of containers would take it away.</summary>
/// <param name="Prefix">The addresses.</param>
/// <param name="Reason">What is there, as the end of the sentence "it overlaps ..": <c>192.168.50.0/24, the network of eth0</c>.</param>
public sealed record HostPrefix(IPNetwork Prefix, string Reason)
{
    /// <summary>Whether it is what another program has a route to, rather than a link or an address.</summary>
    public bool IsRoute { get; init; }
}

/// <summary>
/// The addresses that this host itself needs: what its devices are on (other bridges, the LAN), its own addresses, the routes of other
/// programs, its gateways, etcd. No container gets them, and no other host's subnet does. What a network made for itself is not among them
/// (its bridge, its overlay devices, its containers' host ends, all routes with <see cref="RouteProtocol.Twill"/>), nor are default routes.
/// </summary>
/// <remarks>
/// A route or a link that has the whole of a leased network in it (<c>10.0.0.0/8</c> of a VPN or a large LAN, around
/// <c>10.244.0.0/16</c>) stands beside it as a default route does: the more exact routes of the network are an exception that somebody
/// chose.
/// </remarks>
public sealed class HostPrefixes
{
    private readonly List<HostPrefix> _needed = [];
    private readonly List<HostPrefix> _around = [];
    private readonly List<IPNetwork> _links = [];
    private readonly HashSet<IPAddress> _gateways = [];
    private readonly HashSet<IPNetwork> _ownRoutes = [];

    private HostPrefixes() { }

    /// <summary>A host that needs nothing.</summary>
    public static HostPrefixes None { get; } = new();

    /// <summary>All that is needed and lies in the network's prefixes.</summary>
    public IReadOnlyList<HostPrefix> All => _needed;

    /// <summary>Links that have the whole of a leased network in them.</summary>
    public IReadOnlyList<HostPrefix> Around => _around;

    /// <summary>What a subnet would take away; null: nothing.</summary>
    public HostPrefix? FindOverlap(IPNetwork subnet)
    {
        foreach (HostPrefix needed in _needed)
        {
            if (needed.Prefix.Overlaps(subnet))
            {
                return needed;
            }
        }

        return null;
    }

    /// <summary>The same for the subnet of another host. While this host has a route of twill's to it, or had one a moment ago, another
    /// program's route to just that subnet is in the way of that one, and does not count.</summary>
    /// <param name="subnet">The subnet.</param>
    /// <param name="isLedTo">Whether a route of twill's was there a moment ago.</param>
    public HostPrefix? FindOverlap(IPNetwork subnet, bool isLedTo)
    {
        foreach (HostPrefix needed in _needed)
        {
            if (
                needed.Prefix.Overlaps(subnet)
                && !(needed.IsRoute && needed.Prefix.Equals(subnet) && (isLedTo || _ownRoutes.Contains(subnet)))
            )
            {
                return needed;
            }
        }

        return null;
    }

    /// <summary>Whether an address is a next hop of this host's routes: its router's, which must not become this host's own.</summary>
    public bool IsNextHop(IPAddress address) => _gateways.Contains(address);

    /// <summary>The link of which an address is the network or the broadcast address, and so no host's; null: none.</summary>
    public IPNetwork? LinkWithEdge(IPAddress address)
    {
        foreach (IPNetwork link in _links)
        {
            if (
                link.Contains(address)
                && !link.IsPair()
                && (
                    link.BaseAddress.Equals(address)
                    || (address.AddressFamily == AddressFamily.InterNetwork && IPPrefix.NumberOf(address) == link.Last())
                )
            )
            {
                return link;
            }
        }

        return null;
    }

    /// <summary>Reads routes and addresses, each in one dump.</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="conf">The network that asks: what is its own does not count.</param>
    /// <param name="etcd">Addresses of etcd's members, besides those that the configuration names.</param>
    /// <param name="within">Only what lies in these prefixes is looked at; null: in the network's.</param>
    public static HostPrefixes Read(
        RouteSocket route,
        TwillConf conf,
        IReadOnlyCollection<IPAddress>? etcd = null,
        IReadOnlyList<IPNetwork>? within = null
    )
    {
        HostPrefixes prefixes = new();
        Reader reader = new(prefixes, route, conf, within ?? conf.Ipam.Ranges);
        reader.ReadAddresses();
        reader.ReadRoutes();
        reader.AddEtcd([.. EtcdAddresses(conf), .. etcd ?? []]);
        return prefixes;
    }

    /// <summary>The endpoints of etcd that are given by address.</summary>
    private static IEnumerable<IPAddress> EtcdAddresses(TwillConf conf)
    {
        foreach (string endpoint in conf.Ipam.Etcd?.Endpoints ?? [])
        {
            // What follows http:// or https:// is written as an IPEndPoint is. System.Uri would make the plugin 0.1 MB larger.
            string hostAndPort = endpoint[(endpoint.IndexOf("://", StringComparison.Ordinal) + 3)..];
            if (IPEndPoint.TryParse(hostAndPort, out IPEndPoint? at))
            {
                yield return at.Address;
            }
        }
    }

    /// <summary>Fills it.</summary>
    private sealed class Reader(HostPrefixes to, RouteSocket route, TwillConf conf, IReadOnlyList<IPNetwork> networks)
    {
        private readonly HashSet<int> _own = OwnDevices(route, conf);
        private readonly int _lan = conf.Lan is { } lan && route.TryGetLink(lan.Device, out Link? link) ? link.Index : 0;
        private readonly Dictionary<int, Link?> _asked = []; // what was asked for already

        private bool IsLeased => conf.Ipam.Etcd is not null;

        internal void ReadAddresses()
        {
            foreach (InterfaceAddress address in route.ListAddresses())
            {
                if (address.Address.IsIPv6LinkLocal || IPAddress.IsLoopback(address.Address) || _own.Contains(address.Index))
                {
                    continue;
                }

                to._links.Add(address.Network);
                int bits = IPPrefix.Bits(address.Address.AddressFamily);
                if (IsForeign(new IPNetwork(address.Address, bits), address.Index, out string? device))
                {
                    to._needed.Add(
                        new HostPrefix(new IPNetwork(address.Address, bits), $"{address.Address}, this host's own address on {device}")
                    );
                }
            }
        }

        internal void ReadRoutes()
        {
            foreach (Route found in route.ListRoutes(new() { Table = RouteTable.Main, RouteType = RouteType.Unicast }))
            {
                if (found.Protocol == RouteProtocol.Twill)
                {
                    to._ownRoutes.Add(found.Destination);
                }

                if (found.Destination.BaseAddress.IsIPv6LinkLocal || found.Protocol == RouteProtocol.Twill)
                {
                    continue;
                }

                List<NextHop> hops = Hops(found);
                foreach (NextHop hop in hops)
                {
                    AddGateway(hop.Index, hop.Gateway!);
                }

                if (found.Destination.PrefixLength > 0 && IsNeeded(found, hops.Count > 0, out string? device))
                {
                    to._needed.Add(new HostPrefix(found.Destination, Describe(found, device)) { IsRoute = hops.Count > 0 });
                }
            }
        }

        internal void AddEtcd(IEnumerable<IPAddress> members)
        {
            HashSet<IPAddress> told = [];
            foreach (IPAddress member in members)
            {
                IPNetwork alone = new(member, IPPrefix.Bits(member.AddressFamily));
                if (IsOfNetworks(alone) && told.Add(member))
                {
                    to._needed.Add(new HostPrefix(alone, $"{member}, an endpoint of etcd"));
                }
            }
        }

        private static HashSet<int> OwnDevices(RouteSocket route, TwillConf conf)
        {
            HashSet<int> own = [];
            Add(conf.IsForeign || conf.Lan is not null ? "" : conf.Bridge);
            foreach (string name in conf.Backend.DeviceNames)
            {
                Add(name);
            }

            if (conf.IsForeign) // which of the bridges is the main plugin's, only that knows
            {
                foreach (Link link in route.ListLinks(kind: HostBridge.Kind))
                {
                    own.Add(link.Index);
                }
            }

            return own;

            void Add(string name)
            {
                if (name.Length > 0 && route.TryGetLink(name, out Link? link))
                {
                    own.Add(link.Index);
                }
            }
        }

        /// <summary>Its next hops that are routers.</summary>
        private static List<NextHop> Hops(Route found)
        {
            List<NextHop> hops = [];
            if (found.Gateway is { } only)
            {
                hops.Add(new NextHop(found.Index, only, 1, 0));
            }

            foreach (NextHop hop in found.NextHops)
            {
                if (hop.Gateway is not null)
                {
                    hops.Add(hop);
                }
            }

            return hops;
        }

        private void AddGateway(int index, IPAddress via)
        {
            IPNetwork alone = new(via, IPPrefix.Bits(via.AddressFamily));
            if (via.IsIPv6LinkLocal || !to._gateways.Add(via) || !IsForeign(alone, index, out string? device))
            {
                return;
            }

            to._needed.Add(new HostPrefix(alone, $"{via}, this host's gateway on {device}"));
        }

        /// <summary>Whether a route is another program's and lies in the networks, other than around the whole of one.</summary>
        private bool IsNeeded(Route found, bool hasGateway, out string? device)
        {
            const byte RTPROT_KERNEL = 2;
            bool isLink = !hasGateway && found.Protocol == RTPROT_KERNEL;
            device = null;
            if (isLink && _lan != 0 && found.Index == _lan)
            {
                return false; // the LAN itself, on which containers and host are neighbours
            }

            foreach (IPNetwork network in networks)
            {
                bool isAround = found.Destination.Covers(network)
                    && (found.Destination.PrefixLength < network.PrefixLength ? IsLeased || !isLink : IsLeased && !isLink);
                if (found.Destination.Overlaps(network) && !isAround)
                {
                    return IsForeign(found.Destination, FirstIndex(found), out device);
                }

                if (isAround && isLink && IsForeign(found.Destination, FirstIndex(found), out device))
                {
                    to._around.Add(new HostPrefix(found.Destination, Describe(found, device)));
                }
            }

            return false;
        }

        private static int FirstIndex(Route found) => found.Index != 0 || found.NextHops.Count == 0 ? found.Index : found.NextHops[0].Index;

        private string Describe(Route found, string? device) =>
            Hops(found) is [var hop, ..] ? $"{found.Destination}, which this host has a route to (via {hop.Gateway} dev {device})"
            : $"{found.Destination}, the network of {device}";

        private bool IsOfNetworks(IPNetwork prefix)
        {
            foreach (IPNetwork network in networks)
            {
                if (network.Overlaps(prefix))
                {
                    return true;
                }
            }

            return false;
        }

        /// <summary>Whether a prefix lies in the networks, on a device that is not this network's own.</summary>
        private bool IsForeign(IPNetwork prefix, int index, out string? device)
        {
            device = null;
            if (!IsOfNetworks(prefix) || _own.Contains(index))
            {
                return false;
            }

            if (index == 0)
            {
                device = "#0"; // a route to no device
                return true;
            }

            if (Find(index) is not { } link || IsFormerOverlay(link))
            {
                return false; // it went since its address or route was listed, as a container's host end does, and needs nothing
            }

            device = link.Name;
            return !DeviceNames.IsVeth(device);
        }

        /// <summary>Whether it is an overlay device that an earlier configuration of this network has left: its alias tells.</summary>
        private bool IsFormerOverlay(Link link) => link.Alias == OverlaySpec.AliasOf(conf.Name);

        /// <summary>One by one: where containers come and go, a list of all links is never the same twice.</summary>
        private Link? Find(int index)
        {
            if (!_asked.TryGetValue(index, out Link? link))
            {
                _asked[index] = link = route.TryGetLink(index, out Link? found) ? found : null;
            }

            return link;
        }
    }
}
