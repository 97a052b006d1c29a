using System.Net;
using Twill.Host.Backends;
using Twill.Linux;

namespace Twill.Host.Tests.Backends;

/// <summary>Hosts for the backend tests: this one is 192.168.64.2 with 10.244.1.0/24 on eth0.</summary>
internal static class Leases
{
    internal static readonly MacAddress OwnMac = MacAddress.Parse("02:aa:00:00:00:01");

    internal static LocalNode Self { get; } = new(
        NetworkName: "pods",
        Network: IPNetwork.Parse("10.244.0.0/16"),
        Subnets: [IPNetwork.Parse("10.244.1.0/24")],
        Lost: [],
        PublicIP: IPAddress.Parse("192.168.64.2"),
        UnderlayName: "eth0",
        VtepMac: OwnMac,
        Mtu: 1450,
        MainRoutes:
        [
            new MainRoute(IPNetwork.Parse("0.0.0.0/0"), "eth0", HasGateway: true),
            new MainRoute(IPNetwork.Parse("192.168.64.0/24"), "eth0", HasGateway: false),
            new MainRoute(IPNetwork.Parse("192.168.65.0/24"), "eth1", HasGateway: false),
            new MainRoute(IPNetwork.Parse("192.168.64.128/25"), "eth0", HasGateway: true),
        ]);

    /// <summary>A host with VXLAN: subnet 10.244.N.0/24, address 192.168.64.HOST, MAC 02:bb:..:HOST.</summary>
    internal static PeerLease Vxlan(int subnet, int host) => new(
        IPNetwork.Parse($"10.244.{subnet}.0/24"), IPAddress.Parse($"192.168.64.{host}"), "vxlan", Mac(host), Vni: 1);

    internal static PeerLease HostGw(int subnet, int host) =>
        new(IPNetwork.Parse($"10.244.{subnet}.0/24"), IPAddress.Parse($"192.168.64.{host}"), "host-gw");

    internal static MacAddress Mac(int host) => MacAddress.Parse($"02:bb:00:00:00:{host:x2}");
}
