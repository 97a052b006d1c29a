namespace Twill.Cluster;

/// <summary>The leases of one network in etcd, in flannel's schema: configuration, leasing, renewing, listing, watching. One node has one
/// store per network; calls that write are made one after the other (callers hold the network's lock).</summary>
public sealed partial class LeaseStore
{
    private readonly IEtcd _etcd;
    private readonly string _nodeId;
    private readonly Func<double> _clock;
    private readonly Random _random;
    private NetworkConfig? _network; // as it was read last: which keys are leases of it

    /// <summary>A store for one network.</summary>
    /// <param name="etcd">The client; the store does not dispose it.</param>
    /// <param name="prefix">The network's prefix in etcd, such as <c>/twill/twill</c>.</param>
    /// <param name="nodeId">This host's random identity: letters, digits, <c>-</c>, <c>_</c> and <c>.</c>.</param>
    /// <param name="bootClock">Seconds on a clock that runs while the host is suspended and is never set (CLOCK_BOOTTIME): deadlines are
    /// values of it.</param>
    public LeaseStore(EtcdClient etcd, string prefix, string nodeId, Func<double> bootClock)
        : this(etcd, prefix, nodeId, bootClock, Random.Shared) { }

    internal LeaseStore(IEtcd etcd, string prefix, string nodeId, Func<double> bootClock, Random random)
    {
        foreach (char c in nodeId)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.'))
            {
                throw new ArgumentException($"expected letters, digits, '-', '_' and '.', got '{nodeId}'", nameof(nodeId));
            }
        }
        if (nodeId == "")
        {
            throw new ArgumentException("a node id must not be empty", nameof(nodeId));
        }

        if (prefix.Trim('/') == "")
        {
            throw new ArgumentException($"expected a prefix such as /twill/NAME, got '{prefix}'", nameof(prefix));
        }

        (_etcd, _nodeId, _clock, _random, _written) = (etcd, nodeId, bootClock, random, bootClock());
        Keys = new Keys(prefix);
    }

    /// <summary>The keys of this network.</summary>
    public Keys Keys { get; }

    /// <summary>The network's configuration in etcd, or null when nobody has written one yet.</summary>
    /// <exception cref="ClusterException">ConfigInvalid: it cannot be used.</exception>
    public async Task<NetworkConfig?> ReadConfigAsync(CancellationToken cancel = default)
    {
        if (await _etcd.GetAsync(Keys.Config, cancel).ConfigureAwait(false) is not { } kv)
        {
            return null;
        }

        _network = NetworkConfig.Parse(kv.Value, Keys.Config) with { WrittenAt = kv.ModRevision };
        return _network;
    }

    /// <summary>Writes the configuration if there is none; else compares. Returns what is valid for the cluster: what etcd holds.</summary>
    /// <exception cref="ClusterException">ConfigMismatch: what etcd holds contradicts <paramref name="wanted"/>; the message has both
    /// values of each field. ConfigInvalid: what etcd holds cannot be used.</exception>
    public async Task<NetworkConfig> EnsureConfigAsync(NetworkConfig wanted, CancellationToken cancel = default)
    {
        NetworkConfig? stored = await ReadConfigAsync(cancel).ConfigureAwait(false);
        if (stored is null)
        {
            EtcdTxn create = new EtcdTxn()
                .IfAbsent(Keys.Config)
                .Then(EtcdOp.Put(Keys.Config, wanted.ToJson()))
                .Else(EtcdOp.Get(EtcdRange.Of(Keys.Config)));
            TxnResult result = await _etcd.TxnAsync(create, cancel).ConfigureAwait(false);
            if (result.Succeeded)
            {
                return wanted with { Backend = wanted.Backend ?? BackendSettings.Alloc };
            }

            stored = await ReadConfigAsync(cancel).ConfigureAwait(false)
                ?? throw new ClusterException(
                    ClusterErrorKind.Contended,
                    $"etcd key {Keys.Config} comes and goes: somebody else writes and deletes it"
                );
        }
        return Contradiction(wanted, stored) is { } contradiction ? throw contradiction : stored;
    }

    /// <summary>ConfigMismatch when what etcd holds contradicts what this node wants: the message has both values of each field, and what
    /// to do. Null when nothing contradicts.</summary>
    public ClusterException? Contradiction(NetworkConfig wanted, NetworkConfig stored) =>
        wanted.DescribeDifference(stored) is not { } difference
            ? null
            : new ClusterException(
                ClusterErrorKind.ConfigMismatch,
                $"this node's configuration contradicts the network's in etcd (key {Keys.Config}): {difference}; "
                    + $"{(wanted.IPv6, stored.IPv6) switch
                    {
                        ({ } here, null) => $"to give the network IPv6, add {here.FlannelFields()} to the value of that key (etcdctl put), "
                            + $"which lets every host keep its IPv4 "
                            + "subnet; else take ipv6Network out of this node's configuration",
                        (null, { } there) => $"the network has got IPv6: put {there.IpamFields()} into ipam in this node's configuration, "
                            + $"which keeps its IPv4 subnet",
                        _ => "correct this node's, or give the new network another prefix or name",
                    }}"
            );

    /// <summary>All leases there are now.</summary>
    public async Task<LeaseSnapshot> ListAsync(CancellationToken cancel = default) =>
        Snapshot(await _etcd.RangeAsync(EtcdRange.Prefix(Keys.Subnets), cancel).ConfigureAwait(false));

    /// <summary>The subnets that etcd remembers as this node's last; none of them need be its own still.</summary>
    public async Task<IReadOnlyList<SubnetKey>> RememberedAsync(CancellationToken cancel = default) =>
        await _etcd.GetAsync(Keys.Node(_nodeId), cancel).ConfigureAwait(false) is { } kv ? NodeMemory.Parse(kv).Subnets : [];

    /// <summary>Gives everything back: this node's leases in this network and etcd's memory of it. What it no longer owns is left
    /// alone.</summary>
    /// <param name="held">What the caller knows to hold; null: what etcd remembers of this node.</param>
    /// <param name="cancel">Breaks off; releasing again is harmless.</param>
    /// <exception cref="ClusterException">IdentityConflict, ConfigMismatch: another host, or another network of this one, may hold
    /// it.</exception>
    public async Task ReleaseAsync(HeldLease? held = null, CancellationToken cancel = default)
    {
        await ThrowIfSharedAsync(cancel).ConfigureAwait(false);
        KeyValue? kv = await _etcd.GetAsync(Keys.Node(_nodeId), cancel).ConfigureAwait(false);
        long remembered = kv is null ? 0 : NodeMemory.Parse(kv).Lease;
        if (held is not null)
        {
            await _etcd.LeaseRevokeAsync(held.LeaseId, cancel).ConfigureAwait(false);
        }

        if (remembered != 0 && remembered != held?.LeaseId)
        {
            await _etcd.LeaseRevokeAsync(remembered, cancel).ConfigureAwait(false);
        }

        await _etcd.DeleteAsync(EtcdRange.Of(Keys.Node(_nodeId)), cancel).ConfigureAwait(false);
    }

    private LeaseSnapshot Snapshot(RangeResult list)
    {
        List<NodeLease> leases = new(list.Items.Count);
        List<UnreadableLease> unreadable = [];
        foreach (KeyValue kv in list.Items)
        {
            if (Read(kv, out NodeLease? lease, out UnreadableLease? problem))
            {
                leases.Add(lease!);
            }
            else
            {
                unreadable.Add(problem!);
            }
        }
        return new LeaseSnapshot(leases, unreadable);
    }

    private bool Read(KeyValue kv, out NodeLease? lease, out UnreadableLease? problem)
    {
        (lease, problem) = (null, null);
        if (!Keys.TryParseSubnet(kv.Key, out SubnetKey key))
        {
            problem = new UnreadableLease(
                kv.Key,
                "the key names no subnet such as 10.244.7.0-24 (without leading zeros, and without bits behind the length)"
            );
        }
        else if (!LeaseAttributes.TryParse(kv.Value, out LeaseAttributes attributes, out string why))
        {
            problem = new UnreadableLease(kv.Key, why);
        }
        else
        {
            lease = new NodeLease(kv.Key, key.Subnet, key.SubnetV6, attributes, kv.Lease) { Created = kv.CreateRevision };
        }

        return lease is not null;
    }
}
