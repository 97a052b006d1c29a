using System.Net;
using System.Net.Sockets;
using Twill.Host.Reconcile;
using Twill.Linux;

namespace Twill.Host.Backends;

/// <summary>
/// Containers' packets cross the underlay inside UDP. A remote subnet costs exactly one route, one neighbour and one FDB entry, and
/// nothing is ever learned or flooded. The way of a packet from 10.244.1.5 to 10.244.7.9 on host 192.168.64.3:
/// <list type="number">
/// <item>the container sends it to its gateway, this host's bridge;</item>
/// <item>the route says: to 10.244.7.0/24 by way of 10.244.7.0 on twill.1 (onlink: no address of ours has to cover that hop);</item>
/// <item>the neighbour says: 10.244.7.0 has the MAC address that the remote host published for its twill.1;</item>
/// <item>the FDB of twill.1 says: that MAC address lives behind 192.168.64.3;</item>
/// <item>the kernel wraps the frame (VNI, UDP port) and sends it to 192.168.64.3 like any packet of this host;</item>
/// <item>there twill.1 unwraps it, sees its own MAC address, and the host routes it to its bridge.</item>
/// </list>
/// <code>
/// bridge fdb replace VTEP-MAC dev twill.1 dst PUBLIC-IP self permanent extern_learn
/// ip neigh replace SUBNET-BASE lladdr VTEP-MAC dev twill.1 nud permanent proto 116
/// ip route prepend SUBNET via SUBNET-BASE dev twill.1 onlink proto 116
/// </code>
/// With direct routing a host on the same link gets the one route of <see cref="HostGwBackend"/> instead.
/// </summary>
public sealed class VxlanBackend(BackendOptions options) : IBackend
{
    /// <summary>The name in the configuration and in the lease.</summary>
    public const string TypeName = "vxlan";

    /// <inheritdoc/>
    public string Type => TypeName;

    /// <inheritdoc/>
    public bool NeedsMainRoutes => options.DirectRouting;

    /// <summary>The device of a VNI: "twill.1".</summary>
    public static string DeviceName(uint vni) => $"twill.{vni}";

    /// <summary>Outer IP header, UDP, VXLAN and inner Ethernet header: 20 or 40, 8, 8 and 14 bytes.</summary>
    public int Overhead(AddressFamily underlay) => underlay == AddressFamily.InterNetworkV6 ? 70 : 50;

    /// <inheritdoc/>
    public Desired Wanted(LocalNode self, IEnumerable<PeerLease> others)
    {
        VxlanSpec overlay = new(
            DeviceName(options.Vni), options.Vni, options.Port, self.PublicIP, self.VtepMac, self.Mtu,
            self.Subnets.Count > 0 ? self.Subnets[0].BaseAddress : null, self.NetworkName);
        Desired wanted = new(overlay);
        Dictionary<MacAddress, IPAddress> owners = new() { [self.VtepMac] = self.PublicIP };
        HashSet<IPAddress> bases = [];
        foreach (PeerLease peer in PeerCheck.InOrder(others))
        {
            bool direct = options.DirectRouting && self.IsOnLink(peer.PublicIP);
            string? refusal = PeerCheck.Refusal(self, peer, Type, bases) ?? (direct ? null : Unreachable(peer, owners));
            if (refusal is not null)
            {
                wanted.Skip(peer, refusal);
                continue;
            }

            bases.Add(peer.Subnet.BaseAddress);
            wanted.Peers.Add(peer);
            if (direct)
            {
                wanted.Routes.Add(new PeerRoute(peer.Subnet, peer.PublicIP, self.UnderlayName, OnLink: false));
                continue;
            }

            MacAddress mac = peer.VtepMac!.Value;
            owners[mac] = peer.PublicIP;
            wanted.Fdb.Add(new OverlayFdbEntry(mac, peer.PublicIP));
            wanted.Neighbours[peer.Subnet.BaseAddress] = new OverlayNeighbour(mac);
            wanted.Routes.Add(new PeerRoute(peer.Subnet, peer.Subnet.BaseAddress, overlay.Name, OnLink: true));
        }

        return wanted;
    }

    private string? Unreachable(PeerLease peer, Dictionary<MacAddress, IPAddress> owners)
    {
        if (peer.VtepMac is not { } mac)
        {
            return "it publishes no VtepMAC";
        }

        // The all-zero entry of an FDB catches every address that is not listed, a multicast entry floods: neither may come from a lease.
        if (mac == MacAddress.Zero || mac.IsMulticast)
        {
            return $"its VtepMAC {mac} is no address of a device";
        }

        if (peer.Vni is { } vni && vni != options.Vni)
        {
            return $"it uses VNI {vni}, this host {options.Vni}";
        }

        return owners.TryGetValue(mac, out IPAddress? owner) && !owner.Equals(peer.PublicIP)
            ? $"its VtepMAC {mac} is also published by {owner}: two hosts share one stored identity (copied disks?)"
            : null;
    }
}
