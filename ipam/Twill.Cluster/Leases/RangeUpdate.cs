namespace Twill.Cluster;

/// <summary>What <see cref="RangeFollower"/> tells: one of a list, changes, and an error after which it goes on.</summary>
public readonly record struct RangeUpdate()
{
    /// <summary>All there is.</summary>
    public RangeResult? List { get; init; }

    /// <summary>Whether etcd was at a later revision before this list.</summary>
    public bool IsSetBack { get; init; }

    /// <summary>Whether the watch broke off before this list.</summary>
    public bool IsAfterGap { get; init; }

    /// <summary>The revision up to which all was seen before the watch broke off; 0: it did not.</summary>
    public long GapFrom { get; init; }

    /// <summary>Whether the watch goes on where it broke off, with these changes.</summary>
    public bool IsResumed { get; init; }

    /// <summary>What changed since; empty for a sign of life.</summary>
    public IReadOnlyList<EtcdWatchEvent> Changes { get; init; } = [];

    /// <summary>Why nothing is told for now.</summary>
    public EtcdException? Error { get; init; }
}
