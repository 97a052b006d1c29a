using System.Net;
using System.Net.Sockets;
using Twill.Cluster;
using Twill.Cni.Configuration;
using Twill.Cni.State;
using Twill.Host;
using Twill.Host.Backends;
using Twill.Linux;
using Twill.Linux.WireGuard;

namespace Twill.Agent;

/// <summary>Says in the words of etcd what the configuration and the state files say in theirs, and back.</summary>
internal static class ClusterTerms
{
    internal static EtcdOptions Options(EtcdConf etcd) =>
        new(etcd.Endpoints, etcd.CaFile, etcd.CertFile, etcd.KeyFile, etcd.Username, etcd.PasswordFile);

    /// <summary>The network as this host's configuration wants it.</summary>
    /// <exception cref="ClusterException">It makes no sense.</exception>
    internal static NetworkConfig Network(TwillConf conf) => NetworkConfig.Create(
        conf.Ipam.Network ?? throw new InvalidOperationException($"network '{conf.Name}' has no ipam.network"),
        conf.Ipam.IPv4.SubnetLen,
        conf.Ipam.IPv4.SubnetMin,
        conf.Ipam.IPv4.SubnetMax,
        Backend(conf.Backend));

    internal static BackendOptions BackendOptions(BackendConf backend) =>
        new(backend.TypeName, (uint)backend.Vni, (ushort)backend.Port, backend.DirectRouting);

    /// <summary>What this host publishes with its lease.</summary>
    /// <param name="node">What it is; null under a main plugin of somebody else, where only the lease itself matters.</param>
    /// <param name="seenByEtcd">Its address on the connection to etcd.</param>
    internal static LeaseAttributes Attributes(NodeFile? node, IPAddress? seenByEtcd) => node?.BackendType switch
    {
        VxlanBackend.TypeName => LeaseAttributes.Vxlan(node.PublicIP, (uint)node.Vni, node.VtepMac),
        HostGwBackend.TypeName => LeaseAttributes.HostGw(node.PublicIP),
        WireGuardBackend.TypeName => LeaseAttributes.WireGuard(node.PublicIP, node.PublicKey, node.Port),
        _ => OnlyLeasing(node?.PublicIP ?? seenByEtcd ?? IPAddress.Any),
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
    private static PerFamily<PeerAddress> Addresses(LeaseAttributes attributes)
    {
        PeerAddress v4 = new(attributes.PublicIP);
        if (attributes.TryGetVxlan(out uint vni, out string mac))
        {
            v4 = v4 with { Vni = vni, VtepMac = MacAddress.TryParse(mac, out MacAddress parsed) ? parsed : null };
        }

        if (attributes.TryGetWireGuard(out string key, out int port) && WireGuardKey.TryParse(key, out WireGuardKey publicKey))
        {
            v4 = v4 with { WireGuard = new WireGuardEnd(publicKey, (ushort)port) };
        }

        return new PerFamily<PeerAddress>(v4, null);
    }

    /// <summary>The lease that subnet.json tells of, if it is this node's and of this boot.</summary>
    internal static HeldLease? Held(SubnetFile? file, string network, string nodeId) =>
        file is not null && file.Network == network && file.NodeId == nodeId && file.BootId == BootClock.BootId
            ? new HeldLease(file.LeaseId, file.Ttl, file.Deadline, file.Subnets)
            : null;

    private static LeaseAttributes OnlyLeasing(IPAddress address) => address switch
    {
        { AddressFamily: AddressFamily.InterNetwork } => LeaseAttributes.Alloc(address),
        { IsIPv4MappedToIPv6: true } => LeaseAttributes.Alloc(address.MapToIPv4()),
        _ => LeaseAttributes.Alloc(IPAddress.Any) with { PublicIPv6 = address },
    };

    /// <summary>A host without a backend does not care which one the others use.</summary>
    private static BackendSettings? Backend(BackendConf backend) => backend.Type switch
    {
        BackendType.Vxlan => BackendSettings.Vxlan(backend.Vni, backend.Port, backend.DirectRouting),
        BackendType.HostGw => BackendSettings.HostGw,
        BackendType.WireGuard => BackendSettings.WireGuard(backend.Port, backend.PersistentKeepalive ?? 0),
        _ => null,
    };
}
