using System.Net;
using Twill.Cluster;
using Twill.Host;
using Twill.Host.Backends;
using Twill.Linux;
using Twill.Linux.WireGuard;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent;

/// <summary>Says in the words of etcd what the configuration and the state files say in theirs, and back.</summary>
internal static class ClusterTerms
{
    internal static EtcdOptions Options(EtcdConf etcd) =>
        new(etcd.Endpoints, etcd.CaFile, etcd.CertFile, etcd.KeyFile, etcd.Username, etcd.PasswordFile);

    /// <summary>The network as this host's configuration wants it.</summary>
    /// <exception cref="ClusterException">It makes no sense.</exception>
    internal static NetworkConfig Network(TwillConf conf) =>
        NetworkConfig.Create(Range(conf.Ipam.IPv4), conf.Ipam.IPv6 is { } ipv6 ? Range(ipv6) : null, Backend(conf.Backend));

    internal static BackendOptions BackendOptions(BackendConf backend) =>
        new(backend.TypeName, (uint)backend.Vni, (ushort)backend.Port, backend.DirectRouting);

    /// <summary>What this host publishes with its lease.</summary>
    /// <param name="node">What it is; null under a main plugin of somebody else, where only the lease itself matters.</param>
    /// <param name="seenByEtcd">Its address on the connection to etcd.</param>
    internal static LeaseAttributes Attributes(NodeFile? node, IPAddress? seenByEtcd) =>
        node?.BackendType switch
        {
            VxlanBackend.TypeName => LeaseAttributes.Vxlan((uint)node.Vni, [.. node.Published]),
            HostGwBackend.TypeName => LeaseAttributes.HostGw([.. node.PublicAddresses]),
            WireGuardBackend.TypeName => LeaseAttributes.WireGuard(node.PublicKey, node.Port, [.. node.PublicAddresses]),
            _ => LeaseAttributes.Alloc(
                node is not null ? [.. node.PublicAddresses]
                : seenByEtcd is not null ? [seenByEtcd]
                : []
            ),
        };

    /// <summary>Another host's lease as the backends see it: each of its subnets, and the host's addresses with it.</summary>
    internal static IReadOnlyList<PeerLease> Peers(NodeLease lease)
    {
        LeaseAttributes attributes = lease.Attributes;
        PerFamily<PeerAddress> addresses = Addresses(attributes);
        PeerLease v4 = new(lease.Subnet, addresses, attributes.BackendType);
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

    /// <summary>The lease that subnet.json tells of, if it is this node's and of this boot.</summary>
    internal static HeldLease? Held(SubnetFile? file, string network, string nodeId) =>
        file is not null && file.Network == network && file.NodeId == nodeId && file.BootId == BootClock.BootId
            ? new HeldLease(file.LeaseId, file.Ttl, file.Deadline, SubnetKey.Pairs(file.Subnets))
            : null;

    private static SubnetRange Range(IpamFamily family) =>
        SubnetRange.Create(
            family.Network ?? throw new InvalidOperationException($"ipam has no {family.Family} network"),
            family.SubnetLen,
            family.SubnetMin,
            family.SubnetMax
        );

    /// <summary>A host without a backend does not care which one the others use.</summary>
    private static BackendSettings? Backend(BackendConf backend) =>
        backend.Type switch
        {
            BackendType.Vxlan => BackendSettings.Vxlan(backend.Vni, backend.Port, backend.DirectRouting),
            BackendType.HostGw => BackendSettings.HostGw,
            BackendType.WireGuard => BackendSettings.WireGuard(backend.Port, backend.PersistentKeepalive ?? 0),
            _ => null,
        };
}
