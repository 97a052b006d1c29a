namespace Twill.Cluster;

/// <summary>A transaction: if all conditions hold, the <c>Then</c> operations are done, else the <c>Else</c> ones, all at one revision
/// (etcdserverpb.TxnRequest). Conditions and operations are added in the order they are called.</summary>
public sealed class EtcdTxn
{
    private readonly List<Compare> _compares = [];
    private readonly List<EtcdOp> _then = [];
    private readonly List<EtcdOp> _else = [];

    /// <summary>A condition: the keys' <paramref name="Target"/> equals the value.</summary>
    internal readonly record struct Compare(EtcdCompareTarget Target, EtcdRange Range, long Value);

    internal IReadOnlyList<Compare> Compares => _compares;

    internal IReadOnlyList<EtcdOp> ThenOps => _then;

    internal IReadOnlyList<EtcdOp> ElseOps => _else;

    /// <summary>Condition: the key does not exist.</summary>
    public EtcdTxn IfAbsent(string key) => If(EtcdCompareTarget.CreateRevision, EtcdRange.Of(key), 0);

    /// <summary>Condition: no key starts with this prefix.</summary>
    public EtcdTxn IfPrefixAbsent(string prefix) => If(EtcdCompareTarget.CreateRevision, EtcdRange.Prefix(prefix), 0);

    /// <summary>Condition: the key was last written at this revision (0: it does not exist).</summary>
    public EtcdTxn IfModRevision(string key, long revision) => If(EtcdCompareTarget.ModRevision, EtcdRange.Of(key), revision);

    /// <summary>Condition: the key lives by this etcd lease (0: by none, or it does not exist).</summary>
    public EtcdTxn IfLease(string key, long lease) => If(EtcdCompareTarget.Lease, EtcdRange.Of(key), lease);

    /// <summary>What to do when every condition holds.</summary>
    public EtcdTxn Then(EtcdOp op)
    {
        _then.Add(op);
        return this;
    }

    /// <summary>What to do when a condition does not hold.</summary>
    public EtcdTxn Else(EtcdOp op)
    {
        _else.Add(op);
        return this;
    }

    internal bool WritesNothing => !_then.Exists(o => o.IsWrite) && !_else.Exists(o => o.IsWrite);

    private EtcdTxn If(EtcdCompareTarget target, EtcdRange range, long value)
    {
        _compares.Add(new Compare(target, range, value));
        return this;
    }
}

/// <summary>The answer to a transaction.</summary>
/// <param name="Succeeded">True: every condition held and the <c>Then</c> operations were done.</param>
/// <param name="Revision">The store's revision after it.</param>
/// <param name="Ranges">The results of the <see cref="EtcdOp.Get"/> operations that were done, in their order.</param>
public sealed record TxnResult(bool Succeeded, long Revision, IReadOnlyList<RangeResult> Ranges);

/// <summary>What of a key a condition compares.</summary>
internal enum EtcdCompareTarget
{
    CreateRevision,
    ModRevision,
    Lease,
}
