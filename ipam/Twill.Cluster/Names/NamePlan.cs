using Twill.Network.State;

namespace Twill.Cluster;

/// <summary>
/// What etcd shows below <see cref="Keys.Names"/>, and what this host has to write there. A key is this host's when it lives by this host's
/// lease; others are written only where they stand at the place of one of its own.
/// </summary>
/// <param name="keys">The keys of names.</param>
public sealed class NamePlan(NameKeys keys)
{
    /// <summary>Of one network, all hosts together; more are passed over.</summary>
    public const int Most = 200_000;

    /// <summary>Keys in one transaction; etcd takes 128 operations.</summary>
    private const int MostAtOnce = 60;

    private readonly Dictionary<string, Seen> _seen = [];
    private bool _isTouched;

    private readonly record struct Seen(long Lease, long Modified, string? Value, NamedAddress? Name);

    /// <summary>Forgets everything: a list follows.</summary>
    public void Clear() => _seen.Clear();

    /// <summary>Takes a key as it is.</summary>
    /// <param name="item">The key.</param>
    /// <param name="ownLease">This host's lease; 0 while it has none.</param>
    /// <returns>What that means for the names of others (<see cref="NamedAddress.Key"/>); null: nothing.</returns>
    public (string Key, NamedAddress? Now)? Take(KeyValue item, long ownLease)
    {
        bool isKnown = _seen.TryGetValue(item.Key, out Seen before);
        if (_seen.Count >= Most && !isKnown)
        {
            return null;
        }

        NamedAddress? name = keys.TryParse(item, out NamedAddress parsed) ? parsed : null;
        bool isOwn = item.Lease == ownLease;
        _isTouched |= (isOwn || before.Lease == ownLease) && before.Modified != item.ModRevision; // else it was written here
        _seen[item.Key] = new Seen(item.Lease, item.ModRevision, isOwn ? item.Text : null, name);
        return (name ?? before.Name) is { } called ? (called.Key, isOwn ? null : name) : null;
    }

    /// <summary>Takes that a key is gone.</summary>
    /// <param name="key">The key.</param>
    /// <param name="ownLease">This host's lease; 0 while it has none.</param>
    /// <returns>As of <see cref="Take"/>.</returns>
    public (string Key, NamedAddress? Now)? Remove(string key, long ownLease)
    {
        if (!_seen.Remove(key, out Seen former))
        {
            return null;
        }

        _isTouched |= former.Lease == ownLease;
        return former.Name is { } name ? (name.Key, null) : null;
    }

    /// <summary>Whether a key of this host was changed by somebody since the last call.</summary>
    public bool TakeTouched()
    {
        bool was = _isTouched;
        _isTouched = false;
        return was;
    }

    /// <summary>The names of other hosts' containers.</summary>
    /// <param name="ownLease">This host's lease; 0 while it has none.</param>
    public IEnumerable<NamedAddress> Others(long ownLease)
    {
        foreach (Seen seen in _seen.Values)
        {
            if (seen.Name is { } name && seen.Lease != ownLease)
            {
                yield return name;
            }
        }
    }

    /// <summary>What is to be written next, as one transaction; null when etcd shows what it should.</summary>
    /// <param name="names">The names of this host's containers.</param>
    /// <param name="ownLease">This host's lease.</param>
    public NameChange? Next(IReadOnlyCollection<NamedAddress> names, long ownLease)
    {
        Dictionary<string, string> wanted = [];
        foreach (NamedAddress one in names)
        {
            wanted[keys.Of(one)] = NameKeys.Value(one);
            wanted.TryAdd(keys.Of(one.Address), keys.Value(one.Name)); // CoreDNS gives an address one name: the first
        }

        NameChange change = new(ownLease);
        foreach ((string key, Seen seen) in _seen)
        {
            if (seen.Lease == ownLease && !wanted.ContainsKey(key) && change.Count < MostAtOnce)
            {
                change.Add(key, null, seen.Modified);
            }
        }

        foreach ((string key, string value) in wanted)
        {
            Seen there = _seen.GetValueOrDefault(key);
            if ((there.Lease != ownLease || there.Value != value) && change.Count < MostAtOnce)
            {
                change.Add(key, value, there.Modified);
            }
        }

        return change.Count == 0 ? null : change;
    }

    /// <summary>Takes what was written.</summary>
    /// <param name="change">The transaction, which was done.</param>
    /// <param name="revision">The store's revision at which it was.</param>
    public void Done(NameChange change, long revision)
    {
        foreach ((string key, string? value, _) in change.Writes)
        {
            if (value is null)
            {
                _seen.Remove(key);
            }
            else
            {
                _seen[key] = new Seen(change.Lease, revision, value, null);
            }
        }
    }
}

/// <summary>Keys to write or delete, each only if it is still as it was seen.</summary>
/// <param name="lease">This host's lease, by which what is written lives.</param>
public sealed class NameChange(long lease)
{
    private readonly List<(string Key, string? Value, long Seen)> _writes = [];

    internal long Lease => lease;

    internal IReadOnlyList<(string Key, string? Value, long Seen)> Writes => _writes;

    internal int Count => _writes.Count;

    internal EtcdTxn Txn
    {
        get
        {
            EtcdTxn txn = new();
            foreach ((string key, string? value, long seen) in _writes)
            {
                txn.IfModRevision(key, seen).Then(value is null ? EtcdOp.Delete(EtcdRange.Of(key)) : EtcdOp.Put(key, value, lease));
            }

            return txn;
        }
    }

    internal void Add(string key, string? value, long seen) => _writes.Add((key, value, seen));
}
