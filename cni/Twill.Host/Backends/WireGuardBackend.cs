using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Twill.Cni;
using Twill.Host.Reconcile;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Routes;
using Twill.Linux.WireGuard;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;
using Names = Twill.Network.DeviceNames;

namespace Twill.Host.Backends;

/// <summary>
/// Containers' packets cross the underlay encrypted and authenticated. One device takes them for all hosts; a remote host costs one peer, a
/// remote subnet one route. The way of a packet from 10.244.1.5 to 10.244.7.9 on host 192.168.64.3:
/// <list type="number">
/// <item>the container sends it to its gateway, this host's bridge;</item>
/// <item>the route says: 10.244.7.0/24 is on twill-wg.51820;</item>
/// <item>the device finds the peer that 10.244.7.0/24 is allowed to, encrypts the packet for its key and sends it to
/// 192.168.64.3:51820;</item>
/// <item>there the device finds whose key that was, and drops what does not come from a subnet of that host; the rest the host routes to
/// its bridge.</item>
/// </list>
/// <code>
/// wg set twill-wg.51820 peer PUBLIC-KEY endpoint PUBLIC-IP:PORT allowed-ips SUBNET,..
/// ip route prepend SUBNET dev twill-wg.51820 proto 116
/// ip route add unreachable NETWORK metric 4294967295 proto 116
/// </code>
/// Nothing between hosts goes in clear: what has no such way goes nowhere, by the last route, and by the rules of <see cref="Firewall"/>,
/// which stay also where the device, or all that is here, is gone.
/// </summary>
/// <param name="Port">UDP port.</param>
public sealed record WireGuardBackend(ushort Port = WireGuardBackend.DefaultPort) : BackendConf, IBackend
{
    /// <summary>The name in the configuration and in the lease.</summary>
    public const string TypeName = "wireguard";

    /// <summary>WireGuard's usual port.</summary>
    public const ushort DefaultPort = 51820;

    /// <summary>Seconds between packets that keep the way to each peer open; null: what the network's configuration in etcd says.</summary>
    public int? PersistentKeepalive { get; init; }

    /// <inheritdoc/>
    public override string Type => TypeName;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Keys => ["port", BackendTypes.InterfaceKey, "persistentKeepalive"];

    /// <inheritdoc/>
    public override IReadOnlyList<string> DeviceNames => [DeviceName];

    /// <inheritdoc/>
    public override string? TunnelName => DeviceName;

    /// <inheritdoc/>
    public override TunnelPort? TunnelPort => new TunnelPort(Port, Vni: null);

    /// <inheritdoc/>
    public override string? ExclusiveSetting => $"backend.port: {Port}";

    /// <inheritdoc/>
    public IReadOnlyList<string> DeviceKinds => WireGuardTunnel.Kinds;

    /// <inheritdoc/>
    public override bool HasLeaseData => true;

    private string DeviceName => Names.WireGuardDevice(Port);

    /// <summary>Outer IP header, UDP, WireGuard's header and its authentication tag: 20 or 40, 8, 16 and 16 bytes.</summary>
    public override int Overhead(AddressFamily underlay) => underlay == AddressFamily.InterNetworkV6 ? 80 : 60;

    /// <inheritdoc/>
    public override string? DeviceNameOver(AddressFamily outer) => DeviceName;

    /// <inheritdoc/>
    public override BackendConf Read(ConfigReader section) =>
        this with
        {
            Port = (ushort)section["port"].Int(Port, 1, 65_535),
            PersistentKeepalive = section["persistentKeepalive"].Exists ? section["persistentKeepalive"].Int(0, 0, 65_535) : null,
        };

    /// <inheritdoc/>
    public override NodeFile Describe(NodeFile node, NodeKeys keys) => node with { Port = Port, PublicKey = keys.WireGuardKey() };

    /// <inheritdoc/>
    public override bool IsIn(NodeFile node) => base.IsIn(node) && node.Port == Port;

    /// <inheritdoc/>
    public override string? TunnelNameIn(NodeFile node) => Names.WireGuardDevice(node.Port);

    /// <inheritdoc/>
    public override TunnelPort? TunnelPortIn(NodeFile node) => new TunnelPort((ushort)node.Port, Vni: null);

    /// <inheritdoc/>
    public override void WriteClusterSettings(Utf8JsonWriter w)
    {
        w.WriteNumber("ListenPort", Port);
        w.WriteNumber("PersistentKeepaliveInterval", PersistentKeepalive ?? 0);
    }

    /// <inheritdoc/>
    public override void WriteLeaseData(Utf8JsonWriter w, NodeFile node, AddressFamily outer)
    {
        w.WriteString("PublicKey", node.PublicKey);
        w.WriteNumber("Port", node.Port);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<StatusField> Status(NodeFile? node)
    {
        string key = node?.PublicKey ?? "";
        return
        [
            new StatusField("port", (long)Port, $"UDP port {Port}"),
            new StatusField("publicKey", key, key.Length > 0 ? $"public key {key}" : ""),
        ];
    }

    /// <inheritdoc/>
    public string Identity(Link device, NodeFile? node) => $"public key {node?.PublicKey ?? "not known yet"}";

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The host has no key.</exception>
    public Desired ComputeDesired(LocalNode self, IEnumerable<PeerLease> others)
    {
        LocalWireGuard keys = self.WireGuard
            ?? throw new ArgumentException($"this host has no WireGuard key in network '{self.NetworkName}'", nameof(self));
        WireGuardSpec device = Device(self, keys);
        Desired wanted = new(device);
        foreach (IPNetwork network in self.Networks)
        {
            wanted.Routes.Add(PeerRoute.NoOtherWay(network));
        }

        LeaseValidator check = new(self, Type);
        Dictionary<WireGuardKey, PerFamily<PeerAddress>> owners = [];
        foreach (PeerLease peer in LeaseValidator.InOrder(others))
        {
            string? refusal = check.Refusal(peer);
            if (refusal is null && Way(self, keys, check, peer, owners, out refusal) is { WireGuard: { } end } way)
            {
                check.Accept(peer);
                owners[end.PublicKey] = peer.Addresses;
                TunnelEnd at = new(device.Name, end.PublicKey);
                wanted.Tunnel(peer, at, Host(wanted.Tunnels.GetValueOrDefault(at), peer, way, keys), device.Name);
            }
            else
            {
                wanted.Skip(peer, refusal!);
            }
        }

        return wanted;
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> FindFaults(RouteSocket route, Link device, DeviceExpectation expected)
    {
        if (!DeviceKinds.Contains(device.Kind))
        {
            return [$"it is of kind '{device.Kind ?? "hardware"}', not wireguard"];
        }

        List<string> faults = [];
        if (!device.IsUp)
        {
            faults.Add("it is down");
        }

        try
        {
            using IWireGuard wireGuard = WireGuardTunnel.Open(device);
            WireGuardDevice found = wireGuard.Get(device.Name);
            string key = found.PrivateKey?.PublicKey.ToString() ?? "none";
            if (found.ListenPort != Port)
            {
                faults.Add($"its UDP port is {found.ListenPort}, not {Port}");
            }

            if (expected.Node is { PublicKey: { Length: > 0 } told } && told != key)
            {
                faults.Add($"its public key is {key}, but other hosts were told {told}");
            }
        }
        catch (Exception e) when (e is HostException or IOException)
        {
            faults.Add(e.Message);
        }

        List<Route> unreachable = route.ListRoutes(
            new ListRoutes
            {
                Table = RouteTable.Main,
                Protocol = RouteProtocol.Twill,
                RouteType = RouteType.Unreachable,
            }
        );
        foreach (IPNetwork network in expected.Networks)
        {
            if (expected.HasAgent && !unreachable.Exists(route => route.Destination.Equals(network)))
            {
                faults.Add($"beside it there is no route '{PeerRoute.NoOtherWay(network)}', which keeps packets from going elsewhere");
            }
        }

        return faults;
    }

    private WireGuardSpec Device(LocalNode self, LocalWireGuard keys)
    {
        int mtu = int.MaxValue;
        foreach (LocalAddress ours in self.Addresses)
        {
            mtu = Math.Min(mtu, ours.Mtu);
        }

        PerFamily<IPNetwork> bases = default;
        foreach (IPNetwork subnet in self.FirstSubnets)
        {
            bases = bases.With(subnet.BaseAddress.AddressFamily, OverlaySpec.BaseOf(subnet));
        }

        return new WireGuardSpec(DeviceName, Port, keys.PrivateKey, mtu, bases, self.NetworkName);
    }

    /// <summary>The host with one more subnet. It has one endpoint, by whichever family its first subnet is reached.</summary>
    private static TunnelPeer Host(TunnelPeer? known, PeerLease peer, PeerAddress way, LocalWireGuard keys) =>
        known is null
            ? new TunnelPeer(
                new IPEndPoint(way.PublicIP, way.WireGuard!.Value.Port),
                [peer.Subnet],
                keys.PresharedKey,
                keys.KeepaliveSeconds
            )
            : known with
            {
                AllowedIPs = TunnelPeer.InOrder([.. known.AllowedIPs, peer.Subnet]),
            };

    /// <summary>The first way to the host that is good; null, and why the first is not.</summary>
    private static PeerAddress? Way(
        LocalNode self,
        LocalWireGuard keys,
        LeaseValidator check,
        PeerLease peer,
        Dictionary<WireGuardKey, PerFamily<PeerAddress>> owners,
        out string? refusal
    )
    {
        refusal = null;
        foreach ((LocalAddress _, PeerAddress theirs) in LeaseValidator.Ways(self, peer))
        {
            string? why = check.Refusal(peer, theirs) ?? Unreachable(keys, peer, theirs, owners);
            if (why is null)
            {
                return theirs;
            }

            refusal ??= why;
        }

        refusal ??= LeaseValidator.NoCommonFamily(self, peer);
        return null;
    }

    private static string? Unreachable(
        LocalWireGuard keys,
        PeerLease peer,
        PeerAddress theirs,
        Dictionary<WireGuardKey, PerFamily<PeerAddress>> owners
    )
    {
        if (theirs.WireGuard is not { } end)
        {
            return "it publishes no WireGuard public key";
        }

        if (end.PublicKey.IsZero || end.Port == 0)
        {
            return $"its WireGuard public key {end.PublicKey} with UDP port {end.Port} is nobody's";
        }

        if (end.PublicKey == keys.PrivateKey.PublicKey)
        {
            return $"its WireGuard public key {end.PublicKey} is this host's own{LeaseValidator.OwnIdentity}";
        }

        return owners.TryGetValue(end.PublicKey, out PerFamily<PeerAddress> owner) && owner != peer.Addresses
            ? $"its WireGuard public key {end.PublicKey} is also published by another host{LeaseValidator.SharedIdentity}"
            : null;
    }
}
