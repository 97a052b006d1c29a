using System.Runtime.CompilerServices;

namespace Twill.Cluster;

/// <content>Watching the leases of all hosts. Revisions stay in here: callers see snapshots and changes.</content>
public sealed partial class LeaseStore
{
    /// <summary>After this long without a message the watched member is asked whether it still answers.</summary>
    public TimeSpan WatchProbeInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How often everything is listed again although the watch runs, so that not even a lost event stays lost.</summary>
    public TimeSpan WatchRelistInterval { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The leases of all hosts: a snapshot, then each change, within milliseconds. After compaction, a lost connection, a member
    /// that lost its leader or hangs, it lists again and tells a new snapshot. Never ends but by <paramref name="cancel"/>.</summary>
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
        (RangeResult? list, _) = await CatchAsync(_etcd.RangeAsync(then, cancel)).ConfigureAwait(false);
        if (list is null)
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

    /// <summary>Lists a range and tells what changes in it, again and again. One of: a list, changes, an error after which it goes
    /// on.</summary>
    private async IAsyncEnumerable<RangeUpdate> FollowAsync(
        EtcdRange range,
        TimeSpan probeInterval,
        [EnumeratorCancellation] CancellationToken cancel
    )
    {
        int failures = 0;
        long seen = 0;
        bool isBroken = false;
        while (true)
        {
            (RangeResult? list, EtcdException? error) = await CatchAsync(_etcd.RangeAsync(range, cancel)).ConfigureAwait(false);
            if (list is not null)
            {
                yield return new RangeUpdate
                {
                    List = list,
                    IsSetBack = list.Revision < seen,
                    IsAfterGap = isBroken,
                    GapFrom = isBroken ? seen : 0,
                };
                isBroken = false;
                seen = list.Revision;
                long started = Environment.TickCount64;
                long relist = started + Jitter(WatchRelistInterval);
                IAsyncEnumerator<EtcdWatchBatch> batches = _etcd
                    .WatchAsync(range, list.Revision + 1, probeInterval, cancel)
                    .GetAsyncEnumerator(cancel);
                await using (batches.ConfigureAwait(false))
                {
                    while (Environment.TickCount64 < relist)
                    {
                        (_, error) = await CatchAsync(batches.MoveNextAsync().AsTask()).ConfigureAwait(false);
                        if (error is not null)
                        {
                            break;
                        }

                        seen = Math.Max(seen, batches.Current.Revision);
                        yield return new RangeUpdate { Changes = batches.Current.Events };
                    }
                }
                if (error is null)
                {
                    continue;
                }

                if (Environment.TickCount64 - started > 5_000)
                {
                    failures = 0;
                }
            }
            isBroken = seen > 0;
            if (error!.Kind != EtcdErrorKind.Compacted)
            {
                yield return new RangeUpdate { Error = error };
            }

            await Task.Delay(Backoff(failures++), cancel).ConfigureAwait(false);
        }
    }

    /// <summary>What <see cref="FollowAsync"/> tells.</summary>
    private readonly record struct RangeUpdate()
    {
        /// <summary>All there is.</summary>
        public RangeResult? List { get; init; }

        /// <summary>Whether etcd was at a later revision before.</summary>
        public bool IsSetBack { get; init; }

        /// <summary>Whether the watch broke off before this list.</summary>
        public bool IsAfterGap { get; init; }

        /// <summary>The revision up to which all was seen before the watch broke off; 0: it did not.</summary>
        public long GapFrom { get; init; }

        /// <summary>What changed since; empty for a sign of life.</summary>
        public IReadOnlyList<EtcdWatchEvent> Changes { get; init; } = [];

        /// <summary>Why nothing is update for now.</summary>
        public EtcdException? Error { get; init; }
    }

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

    private static async Task<(T? Result, EtcdException? Error)> CatchAsync<T>(Task<T> task)
    {
        try
        {
            return (await task.ConfigureAwait(false), null);
        }
        catch (EtcdException e)
        {
            return (default, e);
        }
    }

    /// <summary>0.1 s, doubled with each failure up to 12.8 s, a random half of it, so that hosts do not come back all at once.</summary>
    private TimeSpan Backoff(int failures)
    {
        int most = 100 << Math.Min(failures, 7);
        return TimeSpan.FromMilliseconds(_random.Next(most / 2, most + 1));
    }

    private long Jitter(TimeSpan interval) => (long)(interval.TotalMilliseconds * (0.75 + _random.NextDouble() / 2));
}
