using System.Net;
using Twill.Cluster;
using Twill.Cni;
using Twill.Network.Configuration;
using Twill.Network.State;

namespace Twill.Ipam.Subnets;

/// <summary>One conversation with etcd about this host's subnets. Everything here is off the hot path.</summary>
internal sealed class LeaseSession : IDisposable
{
    private static readonly TimeSpan CallLimit = TimeSpan.FromSeconds(3);

    private readonly TwillConf _conf;
    private readonly IpamHost _host;
    private readonly NodeFile? _node;
    private readonly string _nodeId;
    private readonly EtcdClient _etcd;
    private readonly LeaseStore _store;

    public LeaseSession(TwillConf conf, IpamHost host, NetworkStateDir state)
    {
        (_conf, _host, _node) = (conf, host, ReadNode(state, host));
        _nodeId = NodeIdentity.NodeId(conf.Ipam.DataDir, out string? replaced);
        if (replaced is not null)
        {
            host.Log(replaced);
        }

        EtcdConf at = conf.Ipam.Etcd!;
        _etcd = new EtcdClient(new EtcdOptions(at.Endpoints, at.CaFile, at.CertFile, at.KeyFile, at.Username, at.PasswordFile, CallLimit));
        _store = new LeaseStore(_etcd, at.Prefix, _nodeId, () => host.Clock.Now);
    }

    /// <summary>Takes part in the network: its configuration agrees with etcd's, and this host holds a subnet with a deadline
    /// ahead.</summary>
    /// <param name="file">what the host holds or held; null: nothing it knows of</param>
    /// <param name="grow">whether one more is wanted than it holds</param>
    /// <param name="cancel">breaks off</param>
    /// <returns>what it holds now</returns>
    public async Task<SubnetFile> HoldAsync(SubnetFile? file, bool grow, CancellationToken cancel)
    {
        NetworkConfig config = await _store.EnsureConfigAsync(Wanted(), cancel).ConfigureAwait(false);
        LeaseAttributes attributes = Published();
        var lost = new List<IPNetwork>();
        HeldLease held;
        if (file is null || file.BootId != _host.Clock.BootId)
        {
            held = await _store.AcquireAsync(config, attributes, _conf.Ipam.LeaseTtl, cancel).ConfigureAwait(false);
        }
        else
        {
            lost.AddRange(file.Lost);
            var known = new HeldLease(file.LeaseId, file.Ttl, file.Deadline, SubnetKey.Pairs(file.Subnets));
            RenewResult renewed = await _store.RenewAsync(known, attributes, cancel).ConfigureAwait(false);
            foreach (SubnetKey gone in renewed.Lost)
            {
                _host.Log($"the subnet {gone.Describe()} is another host's now: nothing is handed out from it any more");
            }

            lost.AddRange(SubnetKey.Prefixes(renewed.Lost));
            held = renewed.Held;
        }
        if (grow || held.Subnets.Count == 0)
        {
            held = await _store.GrowAsync(held, config, attributes, cancel).ConfigureAwait(false);
        }

        List<IPNetwork> subnets = SubnetKey.Prefixes(held.Subnets);
        lost.RemoveAll(subnets.Contains);
        return new SubnetFile
        {
            Network = _conf.Name,
            NodeId = _nodeId,
            Subnets = subnets,
            Backend = _node?.BackendType ?? "none",
            Mtu = _node?.Mtu ?? 0,
            LeaseId = held.LeaseId,
            Ttl = held.Ttl,
            BootId = _host.Clock.BootId,
            Deadline = held.Deadline,
            Lost = lost,
        };
    }

    /// <summary>Throws what <see cref="HoldAsync"/> would, as far as reading tells.</summary>
    /// <param name="file">what the host holds or held</param>
    /// <param name="grow">whether one more is wanted than it holds</param>
    /// <param name="cancel">breaks off</param>
    public async Task ProbeAsync(SubnetFile? file, bool grow, CancellationToken cancel)
    {
        NetworkConfig wanted = Wanted(),
            config = await _store.ReadConfigAsync(cancel).ConfigureAwait(false) ?? wanted;
        if (_store.Contradiction(wanted, config) is { } contradiction)
        {
            throw contradiction;
        }

        LeaseSnapshot snapshot = await _store.ListAsync(cancel).ConfigureAwait(false);
        LeaseAttributes self = Published();
        foreach (SubnetRange range in config.Ranges)
        {
            UInt128 taken = 0;
            bool own = false;
            foreach (NodeLease lease in snapshot.Leases)
            {
                if (!range.Leases(lease.Subnet) && !(lease.SubnetV6 is { } v6 && range.Leases(v6)))
                {
                    continue;
                }

                taken++;
                own |= lease.LeaseId != 0 && (lease.LeaseId == file?.LeaseId || IsOfHost(lease.Attributes, self));
            }
            if (taken >= range.Count && (grow || !own))
            {
                throw new ClusterException(
                    ClusterErrorKind.NetworkFull,
                    $"all {range.Count} subnets of {range.Network} are leased under {_store.Keys.Subnets}"
                );
            }
        }
    }

    public void Dispose() => _etcd.Dispose();

    private NetworkConfig Wanted()
    {
        BackendConf backend = _conf.Backend;
        IpamConf ipam = _conf.Ipam;
        return NetworkConfig.Create(
            Range(ipam.IPv4),
            ipam.IPv6 is { } ipv6 ? Range(ipv6) : null,
            backend.Type switch
            {
                BackendType.Vxlan => BackendSettings.Vxlan(backend.Vni, backend.Port, backend.DirectRouting),
                BackendType.HostGw => BackendSettings.HostGw,
                BackendType.WireGuard => BackendSettings.WireGuard(backend.Port, backend.PersistentKeepalive ?? 0),
                _ => null,
            }
        );
    }

    /// <summary>
    /// What goes into the lease's value. The main plugin or the agent has written what this host is; under another main plugin
    /// nobody has, and the lease only says who holds it: by the address with which this host reaches etcd.
    /// </summary>
    private LeaseAttributes Published()
    {
        if (_node is null)
        {
            return _etcd.LocalAddress is { } address ? LeaseAttributes.Alloc(address) : LeaseAttributes.Alloc();
        }

        return _node.BackendType switch
        {
            "none" => LeaseAttributes.Alloc([.. _node.PublicAddresses]),
            "vxlan" => LeaseAttributes.Vxlan((uint)_node.Vni, [.. _node.Published]),
            "host-gw" => LeaseAttributes.HostGw([.. _node.PublicAddresses]),
            "wireguard" => LeaseAttributes.WireGuard(_node.PublicKey, _node.Port, [.. _node.PublicAddresses]),
            string other => throw new CniException(
                CniErrorCode.UnsupportedField,
                "leases are published for vxlan, host-gw, wireguard and none",
                $"backend.type: {other}"
            ),
        };
    }

    private static bool IsOfHost(LeaseAttributes lease, LeaseAttributes host) =>
        lease.PublicIP.Equals(host.PublicIP) && (!host.PublicIP.Equals(IPAddress.Any) || Equals(lease.PublicIPv6, host.PublicIPv6));

    private static SubnetRange Range(IpamFamily family) =>
        SubnetRange.Create(family.Network!.Value, family.SubnetLen, family.SubnetMin, family.SubnetMax);

    /// <summary>Of another boot it says what the host was, not what it is.</summary>
    private static NodeFile? ReadNode(NetworkStateDir state, IpamHost host)
    {
        NodeFile? node = NodeFile.TryRead(state, out string? problem);
        if (problem is not null)
        {
            host.Log($"{problem}; the lease is published without it");
        }

        return node?.BootId == host.Clock.BootId ? node : null;
    }
}
