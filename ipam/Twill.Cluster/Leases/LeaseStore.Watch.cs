using System.Runtime.CompilerServices;

namespace Twill.Cluster;

/// <content>Watching the leases of all hosts. Revisions stay in here: callers see snapshots and changes.</content>
public sealed partial class LeaseStore
{
    /// <summary>After this long without a message the watched member is asked whether it still answers.</summary>
    public TimeSpan WatchProbeInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How often everything is listed again although the watch runs, so that not even a lost event stays lost. With more than
    /// 1,000 hosts it takes longer by as much as there are more: what all of them together ask of etcd grows no further.</summary>
    public TimeSpan WatchRelistInterval { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>
    /// The leases of all hosts: a snapshot, then each change, within milliseconds. After a lost connection, a member that lost its leader
    /// or hangs, it goes on where it was, when etcd's history still holds what was seen last. After compaction, or when etcd was set back,
    /// it lists again and tells a new snapshot. Never ends but by <paramref name="cancel"/>.
    /// </summary>
    public async IAsyncEnumerable<LeaseEvent> WatchAsync([EnumeratorCancellation] CancellationToken cancel = default)
    {
        await foreach (RangeUpdate update in FollowAsync(EtcdRange.Prefix(Keys.Subnets), WatchProbeInterval, cancel).ConfigureAwait(false))
        {
            if (update.List is { } list)
            {
                yield return Snapshot(list) with
                {
                    IsSetBack = update.IsSetBack,
                    IsAfterGap = update.IsAfterGap,
                    Former = update.GapFrom > 0 ? await FormerAsync(update.GapFrom, cancel).ConfigureAwait(false) : null,
                };
            }

            if (update.IsResumed)
            {
                yield return new WatchResumed();
            }

            foreach (EtcdWatchEvent change in update.Changes)
            {
                yield return ToLeaseEvent(change);
            }

            if (update.Error is { } error)
            {
                yield return new WatchInterrupted(error);
            }
        }
    }

    /// <summary>By which etcd leases keys lived at a revision, as etcd has it in its history; null: it has not.</summary>
    private async Task<Dictionary<string, long>?> FormerAsync(long revision, CancellationToken cancel)
    {
        EtcdRange then = EtcdRange.Prefix(Keys.Subnets) with { AtRevision = revision };
        RangeResult list;
        try
        {
            list = await _etcd.RangeAsync(then, cancel).ConfigureAwait(false);
        }
        catch (EtcdException)
        {
            return null;
        }

        Dictionary<string, long> leases = [];
        foreach (KeyValue item in list.Items)
        {
            leases.Add(item.Key, item.Lease);
        }

        return leases;
    }

    /// <summary>Calls when the network's configuration in etcd was written or deleted since the first look at it, within milliseconds.
    /// Never ends but by <paramref name="cancel"/>; while etcd cannot be asked, the watch of the leases says so.</summary>
    /// <param name="changed">What to call.</param>
    /// <param name="cancel">Ends it with an <see cref="OperationCanceledException"/>.</param>
    public async Task WatchConfigAsync(Action changed, CancellationToken cancel = default)
    {
        long? known = null;
        await foreach (RangeUpdate update in FollowAsync(EtcdRange.Of(Keys.Config), 6 * WatchProbeInterval, cancel).ConfigureAwait(false))
        {
            long? now =
                update.List is { } list ? (list.Items.Count > 0 ? list.Items[0].ModRevision : 0)
                : update.Changes.Count > 0 ? update.Changes[^1].Item.ModRevision
                : known;
            if (known is not null && now != known)
            {
                changed();
            }

            known = now;
        }
    }

    /// <summary>Follows a range of keys.</summary>
    private IAsyncEnumerable<RangeUpdate> FollowAsync(EtcdRange range, TimeSpan probeInterval, CancellationToken cancel) =>
        new RangeFollower(_etcd, range, _random)
        {
            ProbeInterval = probeInterval,
            RelistInterval = WatchRelistInterval,
        }.FollowAsync(cancel);

    private LeaseEvent ToLeaseEvent(EtcdWatchEvent change)
    {
        if (change.IsDelete)
        {
            return new LeaseRemoved(change.Item.Key);
        }

        return Read(change.Item, out NodeLease? lease, out UnreadableLease? problem)
            ? new LeaseChanged(lease!)
            : new LeaseRemoved(change.Item.Key, problem);
    }
}
