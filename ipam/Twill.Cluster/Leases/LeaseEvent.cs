namespace Twill.Cluster;

/// <summary>What <see cref="LeaseStore.WatchAsync"/> tells. A snapshot replaces all that was told before.</summary>
public abstract record LeaseEvent;

/// <summary>All leases there are now: the first event, and again after every gap in the watch.</summary>
/// <param name="Leases">The leases, this host's own among them.</param>
/// <param name="Unreadable">Keys that are no usable leases, for the log.</param>
public sealed record LeaseSnapshot(IReadOnlyList<NodeLease> Leases, IReadOnlyList<UnreadableLease> Unreadable) : LeaseEvent
{
    /// <summary>
    /// True when etcd's revision is lower than it was: somebody has restored a backup. What is missing then was not given up, it is
    /// forgotten, and its owner is about to write it again.
    /// </summary>
    public bool IsSetBack { get; init; }

    /// <summary>
    /// True after a gap in the watch, when etcd's own history may not be the one that was watched before: what is missing then may be
    /// forgotten rather than given up.
    /// </summary>
    public bool IsAfterGap { get; init; }

    /// <summary>After a gap: the etcd leases by which keys lived when the gap began, as etcd remembers that moment now. A key of which it
    /// says the same as was seen was given up since, or has expired. Null: it does not remember.</summary>
    public IReadOnlyDictionary<string, long>? Former { get; init; }

    /// <summary>Whether a key that this list lacks may have been forgotten by an etcd that was restored from a backup.</summary>
    /// <param name="key">The key.</param>
    /// <param name="leaseId">The etcd lease that it lived by.</param>
    public bool MayHaveForgotten(string key, long leaseId) =>
        IsSetBack || (IsAfterGap && (Former is null || !Former.TryGetValue(key, out long former) || former != leaseId));
}

/// <summary>A lease came to be or its attributes changed.</summary>
/// <param name="Lease">The lease as it is now.</param>
public sealed record LeaseChanged(NodeLease Lease) : LeaseEvent;

/// <summary>A lease is gone: given back, expired, deleted, or overwritten with something unreadable.</summary>
/// <param name="Key">The key in etcd, as in <see cref="NodeLease.Key"/>.</param>
/// <param name="Unreadable">Not null when the key is still there with a value that cannot be read.</param>
public sealed record LeaseRemoved(string Key, UnreadableLease? Unreadable = null) : LeaseEvent;

/// <summary>The watch goes on where it broke off: etcd's history holds all that happened meanwhile, and tells it as changes.</summary>
public sealed record WatchResumed : LeaseEvent;

/// <summary>The watch broke off; it goes on by itself and tells <see cref="WatchResumed"/> or a snapshot as soon as etcd answers. Until
/// then the last state stands.</summary>
/// <param name="Error">What happened.</param>
public sealed record WatchInterrupted(EtcdException Error) : LeaseEvent;
