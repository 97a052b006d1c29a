using System.Text;
using System.Text.Json;

namespace Twill.Cluster;

/// <summary>One operation inside a transaction (etcdserverpb.RequestOp).</summary>
public sealed class EtcdOp
{
    private EtcdOp(string requestField, EtcdRange range, ReadOnlyMemory<byte> value = default, long lease = 0, bool keysOnly = false)
    {
        RequestField = requestField;
        (Range, Value, Lease, KeysOnly) = (range, value, lease, keysOnly);
    }

    /// <summary>etcdctl get</summary>
    public static EtcdOp Get(EtcdRange range, bool keysOnly = false) => new("request_range", range, keysOnly: keysOnly);

    /// <summary>etcdctl put [--lease]; lease 0 means none.</summary>
    public static EtcdOp Put(string key, ReadOnlyMemory<byte> value, long lease = 0) => new("request_put", EtcdRange.Of(key), value, lease);

    /// <summary>etcdctl put [--lease] of a text; lease 0 means none.</summary>
    public static EtcdOp Put(string key, string value, long lease = 0) => Put(key, Encoding.UTF8.GetBytes(value), lease);

    /// <summary>etcdctl del</summary>
    public static EtcdOp Delete(EtcdRange range) => new("request_delete_range", range);

    internal string RequestField { get; }

    internal EtcdRange Range { get; }

    internal ReadOnlyMemory<byte> Value { get; }

    internal long Lease { get; }

    internal bool KeysOnly { get; }

    internal bool IsWrite => RequestField != "request_range";

    internal void Write(Utf8JsonWriter w)
    {
        Range.Write(w);
        if (RequestField == "request_put")
        {
            w.WriteBase64String("value", Value.Span);
            if (Lease != 0)
            {
                EtcdJson.Write(w, "lease", Lease);
            }
        }
        if (KeysOnly)
        {
            w.WriteBoolean("keys_only", true);
        }
    }
}
