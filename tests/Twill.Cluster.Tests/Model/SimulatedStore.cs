namespace Twill.Cluster.Tests.Model;

/// <summary>etcd's keys, revisions and leases in memory, with the meaning of the real one (SimulatedStoreTests compares the two). A lease
/// that is overdue stays until <see cref="Expire"/>: etcd may be late with it (a new leader gives every lease its whole time again), never
/// early.</summary>
internal sealed class SimulatedStore(Func<double> clock)
{
    private readonly SortedDictionary<string, KeyValue> _keys = new(StringComparer.Ordinal);
    private readonly SortedDictionary<long, (long Ttl, double Ends)> _leases = [];
    private long _lastLease = 1000;

    public long Revision { get; private set; } = 1;

    public IReadOnlyCollection<KeyValue> Items => _keys.Values;

    public KeyValue? Find(string key) => _keys.GetValueOrDefault(key);

    public bool HasLease(long lease) => _leases.ContainsKey(lease);

    /// <summary>How long etcd keeps the lease at least; 0: overdue; -1: there is none.</summary>
    public double Remaining(long lease) => _leases.TryGetValue(lease, out (long Ttl, double Ends) l) ? Math.Max(0, l.Ends - clock()) : -1;

    public List<long> Overdue()
    {
        List<long> overdue = [];
        foreach ((long id, (_, double ends)) in _leases)
        {
            if (clock() >= ends)
            {
                overdue.Add(id);
            }
        }
        return overdue;
    }

    public RangeResult Range(EtcdRange range, bool keysOnly = false)
    {
        List<KeyValue> items = [];
        foreach (KeyValue kv in Matching(range))
        {
            items.Add(keysOnly ? kv with { Value = default } : kv);
        }

        return new RangeResult(items, Revision);
    }

    public TxnResult Txn(EtcdTxn txn)
    {
        bool holds = true;
        foreach (EtcdTxn.Compare compare in txn.Compares)
        {
            holds &= Holds(compare);
        }

        IReadOnlyList<EtcdOp> ops = holds ? txn.ThenOps : txn.ElseOps;
        foreach (EtcdOp op in ops)
        {
            if (op.Lease != 0 && !_leases.ContainsKey(op.Lease))
            {
                throw NoLease(op.Lease);
            }
        }
        long next = Revision + 1;
        bool wrote = false;
        List<RangeResult> ranges = [];
        foreach (EtcdOp op in ops)
        {
            switch (op.Kind)
            {
                case EtcdOpKind.Put:
                    Put(op, next);
                    wrote = true;
                    break;
                case EtcdOpKind.Delete:
                    wrote |= Remove(op.Range) > 0;
                    break;
                default:
                    ranges.Add(Range(op.Range, op.KeysOnly));
                    break;
            }
        }
        if (wrote)
        {
            Revision = next;
        }

        return new TxnResult(holds, Revision, ranges.ConvertAll(r => r with { Revision = Revision }));
    }

    public long Delete(EtcdRange range)
    {
        long count = Remove(range);
        if (count > 0)
        {
            Revision++;
        }

        return count;
    }

    public LeaseGrant Grant(long ttl)
    {
        _leases[++_lastLease] = (ttl, clock() + ttl);
        return new LeaseGrant(_lastLease, ttl);
    }

    public LeaseGrant KeepAlive(long lease)
    {
        if (!_leases.TryGetValue(lease, out (long Ttl, double Ends) l))
        {
            return new LeaseGrant(lease, 0);
        }

        _leases[lease] = (l.Ttl, clock() + l.Ttl);
        return new LeaseGrant(lease, l.Ttl);
    }

    public bool Revoke(long lease)
    {
        if (!_leases.ContainsKey(lease))
        {
            return false;
        }

        Expire(lease);
        return true;
    }

    /// <summary>The lease is over: it and its keys are gone.</summary>
    public void Expire(long lease)
    {
        _leases.Remove(lease);
        List<string> gone = [];
        foreach (KeyValue kv in _keys.Values)
        {
            if (kv.Lease == lease)
            {
                gone.Add(kv.Key);
            }
        }
        foreach (string key in gone)
        {
            _keys.Remove(key);
        }

        if (gone.Count > 0)
        {
            Revision++;
        }
    }

    /// <summary>All that there is now; give it to <see cref="Restore"/>.</summary>
    public Backup Save() => new([.. _keys.Values], _leases.ToDictionary(lease => lease.Key, lease => lease.Value.Ttl), Revision);

    /// <summary>What was written since never was; each lease has its whole time again. Ids of leases are random in etcd, and none comes
    /// back.</summary>
    public void Restore(Backup backup)
    {
        _keys.Clear();
        _leases.Clear();
        foreach (KeyValue kv in backup.Keys)
        {
            _keys[kv.Key] = kv;
        }

        foreach ((long lease, long ttl) in backup.Leases)
        {
            _leases[lease] = (ttl, clock() + ttl);
        }

        Revision = backup.Revision;
    }

    /// <summary>etcdctl put KEY VALUE, with the value that the key has.</summary>
    public void PutByHand(string key) => Put(EtcdOp.Put(key, _keys[key].Value), ++Revision);

    private void Put(EtcdOp op, long revision)
    {
        long created = _keys.TryGetValue(op.Range.Key, out KeyValue? old) ? old.CreateRevision : revision;
        _keys[op.Range.Key] = new KeyValue(op.Range.Key, op.Value, created, revision, op.Lease);
    }

    private int Remove(EtcdRange range)
    {
        List<KeyValue> gone = Matching(range);
        foreach (KeyValue kv in gone)
        {
            _keys.Remove(kv.Key);
        }

        return gone.Count;
    }

    private bool Holds(EtcdTxn.Compare compare)
    {
        List<KeyValue> found = Matching(compare.Range);
        if (found.Count == 0)
        {
            return compare.Value == 0;
        }

        foreach (KeyValue kv in found)
        {
            long value = compare.Target switch
            {
                EtcdCompareTarget.CreateRevision => kv.CreateRevision,
                EtcdCompareTarget.ModRevision => kv.ModRevision,
                EtcdCompareTarget.Lease => kv.Lease,
                _ => throw new NotSupportedException($"compare target {compare.Target}"),
            };
            if (value != compare.Value)
            {
                return false;
            }
        }
        return true;
    }

    private List<KeyValue> Matching(EtcdRange range)
    {
        List<KeyValue> found = [];
        if (!range.IsPrefix)
        {
            if (_keys.TryGetValue(range.Key, out KeyValue? one))
            {
                found.Add(one);
            }

            return found;
        }
        foreach ((string key, KeyValue kv) in _keys)
        {
            if (key.StartsWith(range.Key, StringComparison.Ordinal) && kv.CreateRevision > range.CreatedAfter)
            {
                found.Add(kv);
            }
        }
        return found;
    }

    internal sealed record Backup(IReadOnlyList<KeyValue> Keys, IReadOnlyDictionary<long, long> Leases, long Revision);

    private static EtcdException NoLease(long lease) =>
        new(EtcdErrorKind.LeaseNotFound, "simulated", $"etcd txn at simulated: etcdserver: requested lease not found ({lease})");
}
