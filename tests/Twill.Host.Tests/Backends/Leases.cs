using System.Net;
using Twill.Host.Backends;
using Twill.Linux;
using Twill.Linux.WireGuard;

namespace Twill.Host.Tests.Backends;

/// <summary>Hosts for the backend tests: this one is 192.168.64.2 with 10.244.1.0/24 on eth0.</summary>
internal static class Leases
{
    internal static readonly MacAddress OwnMac = MacAddress.Parse("02:aa:00:00:00:01");

    internal static readonly MacAddress OwnMacV6 = MacAddress.Parse("02:aa:00:00:00:61");

    internal static LocalNode Self { get; } =
        new(
            NetworkName: "pods",
            Networks: [IPNetwork.Parse("10.244.0.0/16")],
            Subnets: [IPNetwork.Parse("10.244.1.0/24")],
            Lost: [],
            Addresses: new(new LocalAddress(IPAddress.Parse("192.168.64.2"), OwnMac, 1450), null),
            UnderlayName: "eth0",
            MainRoutes:
            [
                new MainRoute(IPNetwork.Parse("0.0.0.0/0"), "eth0", HasGateway: true),
                new MainRoute(IPNetwork.Parse("192.168.64.0/24"), "eth0", HasGateway: false),
                new MainRoute(IPNetwork.Parse("192.168.65.0/24"), "eth1", HasGateway: false),
                new MainRoute(IPNetwork.Parse("192.168.64.128/25"), "eth0", HasGateway: true),
            ]
        );

    /// <summary>The same host with both families: fd00:64::2 beside 192.168.64.2, fc00:1:0:1::/64 beside 10.244.1.0/24.</summary>
    internal static LocalNode Dual { get; } =
        Self with
        {
            Networks = [IPNetwork.Parse("10.244.0.0/16"), IPNetwork.Parse("fc00:1::/48")],
            Subnets = [IPNetwork.Parse("10.244.1.0/24"), IPNetwork.Parse("fc00:1:0:1::/64")],
            Addresses = Self.Addresses with { V6 = new LocalAddress(IPAddress.Parse("fd00:64::2"), OwnMacV6, 1430) },
            MainRoutes =
            [
                .. Self.MainRoutes,
                new MainRoute(IPNetwork.Parse("::/0"), "eth0", HasGateway: true, Metric: 1024),
                new MainRoute(IPNetwork.Parse("fd00:64::/64"), "eth0", HasGateway: false, Metric: 256),
            ],
        };

    /// <summary>A host with VXLAN: subnet 10.244.N.0/24, address 192.168.64.HOST, MAC 02:bb:..:HOST.</summary>
    internal static PeerLease Vxlan(int subnet, int host) =>
        Lease(subnet, "vxlan", new PeerAddress(IPAddress.Parse($"192.168.64.{host}"), Mac(host), Vni: 1));

    internal static PeerLease HostGw(int subnet, int host) =>
        Lease(subnet, "host-gw", new PeerAddress(IPAddress.Parse($"192.168.64.{host}")));

    /// <summary>A host with WireGuard: subnet 10.244.N.0/24, address 192.168.64.HOST, port 51820, the key of that host.</summary>
    internal static PeerLease WireGuard(int subnet, int host) =>
        Lease(subnet, "wireguard", new PeerAddress(IPAddress.Parse($"192.168.64.{host}"), WireGuard: new WireGuardEnd(Key(host), 51820)));

    internal static WireGuardKey Key(int host) => new([(byte)host, .. new byte[31]]);

    internal static WireGuardSecret OwnKey { get; } = WireGuardSecret.Of([.. Enumerable.Repeat((byte)0x48, 32)]);

    /// <summary>The same lease with another IPv4 address, or other data with that.</summary>
    internal static PeerLease With(this PeerLease lease, Func<PeerAddress, PeerAddress> change) =>
        lease with
        {
            Addresses = lease.Addresses with { V4 = change(lease.Addresses.V4!.Value) },
        };

    internal static PeerLease At(this PeerLease lease, string publicIP) => lease.With(a => a with { PublicIP = IPAddress.Parse(publicIP) });

    internal static PeerLease WithMac(this PeerLease lease, MacAddress? mac) => lease.With(a => a with { VtepMac = mac });

    private static PeerLease Lease(int subnet, string backend, PeerAddress address) =>
        new(IPNetwork.Parse($"10.244.{subnet}.0/24"), new PerFamily<PeerAddress>(address, null), backend);

    internal static MacAddress Mac(int host) => MacAddress.Parse($"02:bb:00:00:00:{host:x2}");
}
