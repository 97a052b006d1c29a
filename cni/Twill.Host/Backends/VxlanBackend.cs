using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Twill.Cni;
using Twill.Host.Reconcile;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.Linux.Routes;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;
using Names = Twill.Network.DeviceNames;

namespace Twill.Host.Backends;

/// <summary>
/// Containers' packets cross the underlay inside UDP. A remote subnet costs exactly one route (and, of IPv4, the nexthop object that it
/// names), one neighbour and one FDB entry, and nothing is ever learned or flooded. The way of a packet from 10.244.1.5 to
/// 10.244.7.9 on host 192.168.64.3:
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
/// ip nexthop add id ID via SUBNET-BASE dev twill.1 onlink proto 116
/// ip route prepend SUBNET nhid ID proto 116
/// </code>
/// Where the kernel has no nexthop objects, the route says itself what the object says.
/// An IPv6 subnet's route leads by way of the link-local address that goes with the MAC address: the kernel refuses a hop inside the subnet
/// while anybody has another route to it, and takes 0 for metric 1024, so that ours has 1 to come before those.
/// <code>ip -6 route replace SUBNET via fe80::MAC dev twill-v6.1 proto 116 metric 1</code>
/// A device sends over one family of the underlay, so there is one for each that this host has. A subnet is reached over its own family
/// where both hosts have that, else over the other: IPv4 containers meet on an underlay of IPv6 alone, and the other way round.
/// With direct routing a host on the same link gets the one route of <see cref="HostGwBackend"/> instead.
/// </summary>
/// <param name="Vni">VXLAN network identifier, 1 to 16777215.</param>
/// <param name="Port">UDP port.</param>
/// <param name="DirectRouting">Hosts on the same link are reached by a plain route.</param>
public sealed record VxlanBackend(uint Vni = 1, ushort Port = VxlanBackend.DefaultPort, bool DirectRouting = false) : BackendConf, IBackend
{
    /// <summary>The name in the configuration and in the lease.</summary>
    public const string TypeName = "vxlan";

    /// <summary>The port that IANA gave VXLAN.</summary>
    public const ushort DefaultPort = 4789;

    private const int IPv6MinMtu = 1280;

    /// <inheritdoc/>
    public override string Type => TypeName;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Keys => ["vni", "port", "directRouting", BackendTypes.InterfaceKey];

    /// <inheritdoc/>
    public override IReadOnlyList<string> DeviceNames => [DeviceName(AddressFamily.InterNetwork), DeviceName(AddressFamily.InterNetworkV6)];

    /// <inheritdoc/>
    public override TunnelPort? TunnelPort => new TunnelPort(Port, Vni);

    /// <inheritdoc/>
    public override string? ExclusiveSetting => $"backend.vni: {Vni}";

    /// <inheritdoc/>
    public IReadOnlyList<string> DeviceKinds => [VxlanDevice.Kind];

    /// <inheritdoc/>
    public bool NeedsMainRoutes => DirectRouting;

    /// <inheritdoc/>
    public override bool HasLeaseData => true;

    /// <summary>Outer IP header, UDP, VXLAN and inner Ethernet header: 20 or 40, 8, 8 and 14 bytes.</summary>
    public override int Overhead(AddressFamily underlay) => underlay == AddressFamily.InterNetworkV6 ? 70 : 50;

    /// <inheritdoc/>
    public override string? DeviceNameOver(AddressFamily outer) => DeviceName(outer);

    /// <inheritdoc/>
    public override BackendConf Read(ConfigReader section) =>
        this with
        {
            Vni = (uint)section["vni"].Int((int)Vni, 1, 16_777_215),
            Port = (ushort)section["port"].Int(Port, 1, 65_535),
            DirectRouting = section["directRouting"].Bool(DirectRouting),
        };

    /// <inheritdoc/>
    public override NodeFile Describe(NodeFile node, NodeKeys keys) =>
        node with
        {
            Vni = (int)Vni,
            Port = Port,
            VtepMac = node.HasAddressOf(AddressFamily.InterNetwork) ? keys.VtepMac(AddressFamily.InterNetwork) : "",
            VtepMacV6 = node.HasAddressOf(AddressFamily.InterNetworkV6) ? keys.VtepMac(AddressFamily.InterNetworkV6) : "",
        };

    /// <inheritdoc/>
    public override bool IsIn(NodeFile node) => base.IsIn(node) && node.Vni == Vni && node.Port == Port;

    /// <inheritdoc/>
    public override TunnelPort? TunnelPortIn(NodeFile node) => new TunnelPort((ushort)node.Port, (uint)node.Vni);

    /// <inheritdoc/>
    public override void WriteClusterSettings(Utf8JsonWriter w)
    {
        w.WriteNumber("VNI", Vni);
        w.WriteNumber("Port", Port);
        w.WriteBoolean("DirectRouting", DirectRouting);
    }

    /// <inheritdoc/>
    public override void WriteLeaseData(Utf8JsonWriter w, NodeFile node, AddressFamily outer)
    {
        w.WriteNumber("VNI", node.Vni);
        w.WriteString("VtepMAC", node.VtepMacOf(outer).ToLowerInvariant());
    }

    /// <inheritdoc/>
    public override IReadOnlyList<StatusField> Status(NodeFile? node) =>
        [new StatusField("vni", (long)Vni, $"VNI {Vni}"), new StatusField("port", (long)Port, $"UDP port {Port}")];

    /// <inheritdoc/>
    public Desired ComputeDesired(LocalNode self, IEnumerable<PeerLease> others)
    {
        Desired wanted = new([.. Devices(self)]);
        LeaseValidator check = new(self, Type);
        Dictionary<(AddressFamily, MacAddress), IPAddress> owners = [];
        foreach (LocalAddress ours in self.Addresses)
        {
            owners[(ours.PublicIP.AddressFamily, ours.VtepMac)] = ours.PublicIP;
        }

        foreach (PeerLease peer in LeaseValidator.InOrder(others))
        {
            string? refusal = check.Refusal(peer);
            if (refusal is null && !Lead(wanted, self, check, peer, owners, out refusal))
            {
                refusal ??= LeaseValidator.NoCommonFamily(self, peer);
            }

            if (refusal is not null)
            {
                wanted.Skip(peer, refusal);
                continue;
            }

            check.Accept(peer);
            wanted.Senders.AddRange(
                peer.Addresses.ConvertAll(address => address.PublicIP).FindAll(address => check.MaySend(peer, address))
            );
        }

        return wanted;
    }

    /// <summary>A device for each family of the underlay; each of this host's base addresses on the one of its own family, if there is
    /// that.</summary>
    private IEnumerable<VxlanSpec> Devices(LocalNode self)
    {
        foreach (LocalAddress ours in self.Addresses)
        {
            AddressFamily outer = ours.PublicIP.AddressFamily;
            PerFamily<IPNetwork> bases = default;
            foreach (IPNetwork subnet in self.FirstSubnets)
            {
                AddressFamily inner = subnet.BaseAddress.AddressFamily;
                if ((inner == outer || self.Addresses[inner] is null) && Takes(ours, inner))
                {
                    bases = bases.With(inner, OverlaySpec.BaseOf(subnet));
                }
            }

            yield return new VxlanSpec(DeviceName(outer), Vni, Port, ours.PublicIP, ours.VtepMac, ours.Mtu, bases, self.NetworkName);
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> FindFaults(RouteSocket route, Link device, DeviceExpectation expected)
    {
        if (device.Kind != VxlanDevice.Kind || device.Vxlan is not { } vxlan)
        {
            return [$"it is of kind '{device.Kind ?? "hardware"}', not vxlan"];
        }

        List<string> faults = [];
        void Expect(bool good, string fault)
        {
            if (!good)
            {
                faults.Add(fault);
            }
        }
        Expect(device.IsUp, "it is down");
        Expect(vxlan.Vni == Vni, $"its VNI is {vxlan.Vni}, not {Vni}");
        Expect(vxlan.Port == Port, $"its UDP port is {vxlan.Port}, not {Port}");
        Expect(!vxlan.Learning, "it learns addresses from packets, which lets any host redirect others' traffic");
        Expect(vxlan.LowerIndex == 0, "it is bound to a lower device, and would die with it");
        Expect(!vxlan.External, "it is in external mode");
        Expect(!vxlan.GroupPolicy, "it sends group policies (gbp), which other hosts drop");
        Expect(vxlan.Remote is null, $"it sends to {vxlan.Remote} what it does not know");
        Expect(vxlan.Ttl == 0, $"its packets take at most {vxlan.Ttl} hops");
        Expect(expected.Local.Equals(vxlan.Local), $"its local address is {vxlan.Local?.ToString() ?? "unset"}, not {expected.Local}");
        string published = expected.Node.VtepMacOf(expected.Local.AddressFamily);
        Expect(
            published.Length == 0 || published == device.Mac?.ToString(),
            $"its hardware address is {device.Mac}, but other hosts were told {published}"
        );
        if (expected.Subnets.Count > 0 && expected.HasAgent)
        {
            List<IPNetwork> wanted = expected.Addresses;
            List<InterfaceAddress> present = route.ListAddresses(device.Index).FindAll(address => address.Scope != RouteScope.Link);
            foreach (IPNetwork address in wanted)
            {
                Expect(present.Exists(there => Is(there, address)), $"it lacks the address {address}");
            }

            foreach (InterfaceAddress address in present)
            {
                Expect(wanted.Exists(own => Is(address, own)), $"it has the address {address}, which leads packets astray");
            }
        }

        return faults;
    }

    private static bool Is(InterfaceAddress there, IPNetwork own) =>
        there.Address.Equals(own.BaseAddress) && there.PrefixLength == own.PrefixLength;

    private string DeviceName(AddressFamily outer) => Names.VxlanDevice((int)Vni, outer);

    /// <summary>Makes the entries for the first way to the host that is good.</summary>
    /// <returns>False when none is; then the refusal of the first, if there is any.</returns>
    private bool Lead(
        Desired wanted,
        LocalNode self,
        LeaseValidator check,
        PeerLease peer,
        Dictionary<(AddressFamily, MacAddress), IPAddress> owners,
        out string? refusal
    )
    {
        refusal = null;
        foreach ((LocalAddress ours, PeerAddress theirs) in LeaseValidator.Ways(self, peer))
        {
            bool direct = DirectRouting && LocalNode.CanRoute(peer.Subnet, theirs.PublicIP) && self.IsOnLink(theirs.PublicIP);
            if ((check.Refusal(peer, theirs) ?? (direct ? null : Unreachable(ours, theirs, owners) ?? TooNarrow(ours, peer))) is { } why)
            {
                refusal ??= why;
                continue;
            }

            refusal = null;
            if (direct)
            {
                wanted.Direct(peer, theirs, self.UnderlayName);
            }
            else
            {
                owners[(theirs.PublicIP.AddressFamily, theirs.VtepMac!.Value)] = theirs.PublicIP;
                wanted.Overlay(peer, theirs.PublicIP, theirs.VtepMac.Value, DeviceName(theirs.PublicIP.AddressFamily));
            }

            return true;
        }

        return false;
    }

    private static string? TooNarrow(LocalAddress ours, PeerLease peer) =>
        Takes(ours, peer.Subnet.BaseAddress.AddressFamily)
            ? null
            : $"IPv6 needs an MTU of {IPv6MinMtu} bytes, and the overlay device has {ours.Mtu}";

    /// <summary>The kernel turns IPv6 off on a device whose MTU is smaller than what IPv6 asks of any link (RFC 8200, section 5).</summary>
    private static bool Takes(LocalAddress ours, AddressFamily inner) => inner != AddressFamily.InterNetworkV6 || ours.Mtu >= IPv6MinMtu;

    private string? Unreachable(LocalAddress ours, PeerAddress theirs, Dictionary<(AddressFamily, MacAddress), IPAddress> owners)
    {
        if (theirs.VtepMac is not { } mac)
        {
            return "it publishes no VtepMAC";
        }

        // The all-zero entry of an FDB catches every address that is not listed, a multicast entry floods: neither may come from a lease.
        if (mac == MacAddress.Zero || mac.IsMulticast)
        {
            return $"its VtepMAC {mac} is no address of a device";
        }

        if (theirs.Vni is { } vni && vni != Vni)
        {
            return $"it uses VNI {vni}, this host {Vni}";
        }

        return owners.TryGetValue((theirs.PublicIP.AddressFamily, mac), out IPAddress? owner) && !owner.Equals(theirs.PublicIP)
            ? $"its VtepMAC {mac} is also published by {owner}"
                + (mac == ours.VtepMac ? LeaseValidator.OwnIdentity : LeaseValidator.SharedIdentity)
            : null;
    }
}
