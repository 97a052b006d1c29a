using System.Net;
using Twill.Cluster;
using Twill.Host;
using Twill.Host.Backends;
using Twill.Linux;
using Twill.Linux.WireGuard;

namespace Twill.Agent;

/// <summary>Other hosts' leases as the backends see them.</summary>
internal static class PeerLeaseMapper
{
    /// <summary>Another host's lease as the backends see it: each of its subnets, and the host's addresses with it.</summary>
    internal static IReadOnlyList<PeerLease> Peers(NodeLease lease)
    {
        LeaseAttributes attributes = lease.Attributes;
        PerFamily<PeerAddress> addresses = Addresses(attributes);
        PeerLease v4 = new(lease.Subnet, addresses, attributes.BackendType) { Key = lease.Key, Created = lease.Created };
        return lease.SubnetV6 is { } v6 ? [v4, v4 with { Subnet = v6 }] : [v4];
    }

    /// <summary>0.0.0.0 stands for "no IPv4 address" where there is an IPv6 one.</summary>
    private static PerFamily<PeerAddress> Addresses(LeaseAttributes attributes) =>
        new(
            attributes.PublicIPv6 is not null && attributes.PublicIP.Equals(IPAddress.Any)
                ? null
                : Address(attributes, attributes.PublicIP),
            attributes.PublicIPv6 is { } v6 ? Address(attributes, v6) : null
        );

    private static PeerAddress Address(LeaseAttributes attributes, IPAddress address) =>
        new(address)
        {
            Vni = attributes.TryGetVxlan(address.AddressFamily, out uint vni, out string mac) ? vni : null,
            VtepMac = MacAddress.TryParse(mac, out MacAddress parsed) ? parsed : null,
            WireGuard =
                attributes.TryGetWireGuard(address.AddressFamily, out string text, out int port)
                && WireGuardKey.TryParse(text, out WireGuardKey key)
                    ? new WireGuardEnd(key, (ushort)port)
                    : null,
        };
}
