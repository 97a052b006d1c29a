using System.Text;

namespace Twill.Cluster;

/// <summary>One operation inside a transaction (etcdserverpb.RequestOp).</summary>
public sealed class EtcdOp
{
    private EtcdOp(EtcdOpKind kind, EtcdRange range, ReadOnlyMemory<byte> value = default, long lease = 0, bool keysOnly = false) =>
        (Kind, Range, Value, Lease, KeysOnly) = (kind, range, value, lease, keysOnly);

    /// <summary>etcdctl get</summary>
    public static EtcdOp Get(EtcdRange range, bool keysOnly = false) => new(EtcdOpKind.Get, range, keysOnly: keysOnly);

    /// <summary>etcdctl put [--lease]; lease 0 means none.</summary>
    public static EtcdOp Put(string key, ReadOnlyMemory<byte> value, long lease = 0) =>
        new(EtcdOpKind.Put, EtcdRange.Of(key), value, lease);

    /// <summary>etcdctl put [--lease] of a text; lease 0 means none.</summary>
    public static EtcdOp Put(string key, string value, long lease = 0) => Put(key, Encoding.UTF8.GetBytes(value), lease);

    /// <summary>etcdctl del</summary>
    public static EtcdOp Delete(EtcdRange range) => new(EtcdOpKind.Delete, range);

    internal EtcdOpKind Kind { get; }

    internal EtcdRange Range { get; }

    internal ReadOnlyMemory<byte> Value { get; }

    internal long Lease { get; }

    internal bool KeysOnly { get; }

    internal bool IsWrite => Kind != EtcdOpKind.Get;
}

/// <summary>What an operation does.</summary>
internal enum EtcdOpKind
{
    Get,
    Put,
    Delete,
}
