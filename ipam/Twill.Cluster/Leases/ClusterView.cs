using Twill.System;

namespace Twill.Cluster;

/// <summary>What etcd holds about leases, read at one revision: the keys under <c>subnets/</c> (without their values) and the memories of
/// all nodes.</summary>
internal sealed class ClusterView
{
    private readonly Dictionary<string, KeyValue> _byKey = [];
    private readonly List<(SubnetKey Subnets, KeyValue Item)> _subnets = [];

    private readonly Keys _keys;

    private ClusterView(Keys keys, NodeMemory own, long revision) => (_keys, Own, Revision) = (keys, own, revision);

    /// <summary>The store's revision at which this was read.</summary>
    public long Revision { get; }

    /// <summary>This node's memory.</summary>
    public NodeMemory Own { get; private set; }

    /// <summary>The memories of the other nodes.</summary>
    public List<NodeMemory> Others { get; } = [];

    /// <summary>The claims to this node's id.</summary>
    public List<NodeClaim> Claims { get; } = [];

    /// <summary>Every lease that somebody holds, with its key. Keys that can be none of the network (<c>0.0.0.0-0</c>,
    /// a single address) are not among them: they must not keep others from leasing.</summary>
    public IReadOnlyList<(SubnetKey Subnets, KeyValue Item)> Leased => _subnets;

    /// <summary>Reads it.</summary>
    /// <param name="etcd">The client.</param>
    /// <param name="keys">The network's keys.</param>
    /// <param name="nodeId">This node.</param>
    /// <param name="network">The network, whose leases count; null: it is not known, and every subnet counts.</param>
    /// <param name="cancel">Breaks off.</param>
    public static async Task<ClusterView> ReadAsync(
        IEtcd etcd,
        Keys keys,
        string nodeId,
        NetworkConfig? network,
        CancellationToken cancel
    )
    {
        EtcdTxn read = new EtcdTxn()
            .Then(EtcdOp.Get(EtcdRange.Prefix(keys.Nodes)))
            .Then(EtcdOp.Get(EtcdRange.Prefix(keys.Subnets), keysOnly: true));
        TxnResult result = await etcd.TxnAsync(read, cancel).ConfigureAwait(false);
        if (result.Ranges.Count != 2)
        {
            throw new EtcdException(EtcdErrorKind.Protocol, "", $"etcd txn: expected the results of two ranges, got {result.Ranges.Count}");
        }

        var view = new ClusterView(keys, NodeMemory.None(keys.Node(nodeId)), result.Revision);
        foreach (KeyValue kv in result.Ranges[0].Items)
        {
            if (keys.TryParseClaim(kv.Key, out string claimed, out string incarnation))
            {
                if (claimed == nodeId)
                {
                    view.Claims.Add(NodeClaim.Parse(incarnation, kv));
                }

                continue;
            }

            NodeMemory memory = NodeMemory.Parse(kv);
            if (memory.Key == view.Own.Key)
            {
                view.Own = memory;
            }
            else
            {
                view.Others.Add(memory);
            }
        }
        foreach (KeyValue kv in result.Ranges[1].Items)
        {
            view._byKey[kv.Key] = kv;
            if (
                keys.TryParseSubnet(kv.Key, out SubnetKey key)
                && network?.WhyNoLease(key, created: long.MinValue) is null // a reservation may be longer or shorter than a lease
            )
            {
                view._subnets.Add((key, kv));
            }
        }
        return view;
    }

    /// <summary>The key as it is now, or null when there is none.</summary>
    public KeyValue? Find(string key) => _byKey.GetValueOrDefault(key);

    /// <summary>Whether a key of what this node remembers lives by the lease that it remembers.</summary>
    public bool IsOwnAlive()
    {
        foreach (SubnetKey subnets in Own.Subnets)
        {
            if (Own.Lease != 0 && Find(_keys.Subnet(subnets))?.Lease == Own.Lease && !IsTakenOver(subnets, Own.Lease))
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>Whether another node's newer memory says that this subnet is its own by this etcd lease: a host whose id was replaced keeps
    /// its lease, and what its former id remembers is void.</summary>
    public bool IsTakenOver(SubnetKey subnets, long lease) =>
        Others.Exists(node => node.Lease == lease && node.ModRevision > Own.ModRevision && node.Subnets.Contains(subnets));

    /// <summary>What to ask for in a transaction that writes a lease: the keys of others that came to be since this was read.</summary>
    public EtcdOp GetNewer() => EtcdOp.Get(EtcdRange.Prefix(_keys.Subnets) with { CreatedAfter = Revision }, keysOnly: true);

    /// <summary>Whether the answer to <see cref="GetNewer"/> shows that nobody has leased what overlaps these subnets meanwhile. They
    /// overlapped nothing in this view.</summary>
    /// <param name="subnets">What the key leases.</param>
    /// <param name="key">The key, written by the same transaction.</param>
    /// <param name="result">The answer to the transaction.</param>
    public bool IsStillFree(SubnetKey subnets, string key, TxnResult result)
    {
        if (result.Revision <= Revision || result.Ranges.Count != 1)
        {
            return false; // etcd was restored in between: revisions tell nothing
        }

        foreach (KeyValue newer in result.Ranges[0].Items)
        {
            if (newer.Key != key && _keys.TryParseSubnet(newer.Key, out SubnetKey leased) && leased.Overlaps(subnets))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>True when there is a key other than this one of which a subnet overlaps.</summary>
    /// <param name="subnets">What the key leases.</param>
    /// <param name="key">The key.</param>
    /// <param name="before">Only keys that came to be before this revision count.</param>
    public bool IsOverlapped(SubnetKey subnets, string key, long before = long.MaxValue)
    {
        foreach ((SubnetKey leased, KeyValue item) in _subnets)
        {
            if (item.Key != key && item.CreateRevision < before && leased.Overlaps(subnets))
            {
                return true;
            }
        }
        return false;
    }
}
