using System.Net;
using System.Net.Sockets;
using Twill.Cni;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Cluster;

/// <summary>What this host's configuration and state files mean in etcd: the network it wants, what it publishes, what it holds.</summary>
public static class LeaseMapper
{
    /// <summary>How the cluster's etcd is reached.</summary>
    /// <param name="etcd">The section of the configuration.</param>
    /// <param name="callTimeout">Limit for one call; null: the client's own.</param>
    public static EtcdOptions Options(EtcdConf etcd, TimeSpan? callTimeout = null) =>
        new(etcd.Endpoints, etcd.CaFile, etcd.CertFile, etcd.KeyFile, etcd.Username, etcd.PasswordFile, callTimeout);

    /// <summary>What this host asks of the cluster in a network.</summary>
    /// <param name="conf">The network.</param>
    /// <param name="nodeId">This host's identity.</param>
    /// <param name="bootId">The boot that deadlines belong to.</param>
    /// <exception cref="ClusterException">ConfigInvalid: the configuration makes no sense.</exception>
    public static LeaseRequest Request(TwillConf conf, string nodeId, string bootId) =>
        new(conf.Name, Network(conf), conf.Ipam.LeaseTtl, nodeId, bootId, conf.Ipam.Etcd?.Prefix ?? "");

    /// <summary>What tells this host from a copy of it.</summary>
    /// <param name="conf">The network.</param>
    /// <param name="state">Where run-time state lives.</param>
    /// <param name="bootId">This boot.</param>
    /// <exception cref="IOException">It can neither be read nor made.</exception>
    public static HostInstance Instance(TwillConf conf, StateDir state, string bootId) =>
        new(
            NodeIdentity.Incarnation(state, bootId),
            conf.Name,
            network => SubnetFile.IsHeld(state, network, bootId),
            NodeIdentity.MakeAnew(conf.Ipam.DataDir)
        )
        {
            IsLocal = IsLocal,
            Renew = former => NodeIdentity.RenewIncarnation(state, bootId, former),
        };

    /// <summary>Whether an address is on a device of this host, in this network namespace: then, and only then, a socket can be bound to
    /// it, unless the host is told to bind to any (net.ipv4.ip_nonlocal_bind).</summary>
    private static bool IsLocal(string text)
    {
        if (!IPAddress.TryParse(text, out IPAddress? address) || BindsToAny(address.AddressFamily))
        {
            return false;
        }

        try
        {
            using Socket socket = new(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(address, 0));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static bool BindsToAny(AddressFamily family)
    {
        string file = $"/proc/sys/net/{(family == AddressFamily.InterNetworkV6 ? "ipv6" : "ipv4")}/ip_nonlocal_bind";
        return global::System.IO.File.Exists(file) && global::System.IO.File.ReadAllText(file).Trim() != "0";
    }

    /// <summary>The network as this host's configuration wants it.</summary>
    /// <exception cref="ClusterException">ConfigInvalid: it makes no sense.</exception>
    public static NetworkConfig Network(TwillConf conf) =>
        NetworkConfig.Create(Range(conf.Ipam.IPv4), conf.Ipam.IPv6 is { } ipv6 ? Range(ipv6) : null, BackendSettings.Of(conf.Backend));

    /// <summary>What this host publishes with its lease.</summary>
    /// <param name="backends">The backends there are.</param>
    /// <param name="node">What it is; null under a main plugin of somebody else, where only the lease itself matters.</param>
    /// <param name="seenByEtcd">Its address on the connection to etcd, which tells who holds the lease when there is no node file.</param>
    /// <exception cref="CniException">UnsupportedField: the node file is of a backend that cannot be published.</exception>
    public static LeaseAttributes Attributes(BackendTypes backends, NodeFile? node, IPAddress? seenByEtcd)
    {
        if (node is null)
        {
            return seenByEtcd is null ? LeaseAttributes.Alloc() : LeaseAttributes.Alloc(seenByEtcd);
        }

        if (backends.Find(node.BackendType) is { } backend)
        {
            return LeaseAttributes.Of(backend, node);
        }

        string[] types = [.. backends.All.ConvertAll(one => one.Type)];
        throw new CniException(
            CniErrorCode.UnsupportedField,
            $"leases are published for {string.Join(", ", types[..^1])} and {types[^1]}",
            $"backend.type: {node.BackendType}"
        );
    }

    /// <summary>The lease that subnet.json tells of, if it is this node's and of this boot; else null.</summary>
    /// <param name="file">The file; null when there is none.</param>
    /// <param name="network">The network's name.</param>
    /// <param name="nodeId">This host's identity.</param>
    /// <param name="bootId">This boot.</param>
    public static HeldLease? Held(SubnetFile? file, string network, string nodeId, string bootId) =>
        file is not null && file.Network == network && file.NodeId == nodeId && file.BootId == bootId
            ? new HeldLease(file.LeaseId, file.Ttl, file.Deadline, SubnetKey.Pairs(file.Subnets))
            : null;

    /// <summary>The content of subnet.json for a lease.</summary>
    /// <param name="request">Whose lease it is.</param>
    /// <param name="lease">What is held.</param>
    /// <param name="lost">Subnets that are another host's now and that containers here still use.</param>
    /// <param name="node">What this host is; null when it only leases.</param>
    public static SubnetFile File(LeaseRequest request, HeldLease lease, IReadOnlyList<IPNetwork> lost, NodeFile? node) =>
        new()
        {
            Network = request.Network,
            NodeId = request.NodeId,
            Subnets = lease.Prefixes,
            Backend = node?.BackendType ?? "none",
            Mtu = node?.Mtu ?? 0,
            LeaseId = lease.LeaseId,
            Ttl = lease.Ttl,
            BootId = request.BootId,
            Deadline = lease.Deadline,
            Lost = lost,
            Prefix = request.Prefix,
        };

    private static SubnetRange Range(IpamFamily family) =>
        SubnetRange.Create(
            family.Network ?? throw new InvalidOperationException($"ipam has no {family.Family} network"),
            family.SubnetLen,
            family.SubnetMin,
            family.SubnetMax
        );
}
