namespace Twill.Cluster;

/// <summary>What etcd holds about leases, read at one revision: the keys under <c>subnets/</c> (without their values) and the memories of
/// all nodes.</summary>
internal sealed class ClusterView
{
    private readonly Dictionary<string, KeyValue> _byKey = [];
    private readonly List<(SubnetKey Subnets, KeyValue Item)> _subnets = [];

    private ClusterView(NodeMemory own) => Own = own;

    /// <summary>This node's memory.</summary>
    public NodeMemory Own { get; private set; }

    /// <summary>The memories of the other nodes.</summary>
    public List<NodeMemory> Others { get; } = [];

    /// <summary>Every lease that somebody holds, with its key. Keys that name no subnet are not among them.</summary>
    public IReadOnlyList<(SubnetKey Subnets, KeyValue Item)> Leased => _subnets;

    public static async Task<ClusterView> ReadAsync(IEtcd etcd, Keys keys, string nodeId, CancellationToken cancel)
    {
        EtcdTxn read = new EtcdTxn()
            .Then(EtcdOp.Get(EtcdRange.Prefix(keys.Nodes)))
            .Then(EtcdOp.Get(EtcdRange.Prefix(keys.Subnets), keysOnly: true));
        TxnResult result = await etcd.TxnAsync(read, cancel).ConfigureAwait(false);
        if (result.Ranges.Count != 2)
        {
            throw new EtcdException(EtcdErrorKind.Protocol, "", $"etcd txn: expected the results of two ranges, got {result.Ranges.Count}");
        }

        var view = new ClusterView(NodeMemory.None(keys.Node(nodeId)));
        foreach (KeyValue kv in result.Ranges[0].Items)
        {
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
            if (keys.TryParseSubnet(kv.Key, out SubnetKey key))
            {
                view._subnets.Add((key, kv));
            }
        }
        return view;
    }

    /// <summary>The key as it is now, or null when there is none.</summary>
    public KeyValue? Find(string key) => _byKey.GetValueOrDefault(key);

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
