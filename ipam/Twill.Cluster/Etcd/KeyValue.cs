using System.Text;

namespace Twill.Cluster;

/// <summary>One key in etcd (mvccpb.KeyValue). Revisions are etcd's store revisions.</summary>
/// <param name="Key">The key, as UTF-8 text.</param>
/// <param name="Value">The value's bytes; empty when only keys were asked for.</param>
/// <param name="CreateRevision">Revision at which the key came to be.</param>
/// <param name="ModRevision">Revision of the last write.</param>
/// <param name="Lease">The etcd lease the key lives by; 0: none, it stays until deleted.</param>
public sealed record KeyValue(string Key, ReadOnlyMemory<byte> Value, long CreateRevision, long ModRevision, long Lease)
{
    /// <summary>The value as UTF-8 text.</summary>
    public string Text => Encoding.UTF8.GetString(Value.Span);
}

/// <summary>The answer to a range: what the keys were at one revision.</summary>
/// <param name="Items">The keys found, in byte order of their names.</param>
/// <param name="Revision">The store's revision at which they were read.</param>
public sealed record RangeResult(IReadOnlyList<KeyValue> Items, long Revision);

/// <summary>The answer to a lease grant or keep-alive.</summary>
/// <param name="Id">The etcd lease.</param>
/// <param name="Ttl">Seconds it was granted for, counted by etcd from when it handled the request; 0: the lease is gone.</param>
public readonly record struct LeaseGrant(long Id, long Ttl);
