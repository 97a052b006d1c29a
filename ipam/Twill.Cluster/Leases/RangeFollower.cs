using System.Runtime.CompilerServices;

namespace Twill.Cluster;

/// <summary>
/// Lists keys and tells what changes in them, again and again. After a gap it goes on behind the newest change that it has seen, if etcd's
/// history has just this one at its revision: what led to it is the same history then, and all behind it is told. A list for each of
/// thousands of hosts whenever etcd is restarted is more than etcd can carry.
/// </summary>
/// <param name="etcd">Where they are.</param>
/// <param name="range">Which.</param>
/// <param name="random">Keeps hosts from doing all at once.</param>
internal sealed class RangeFollower(IEtcd etcd, EtcdRange range, Random random)
{
    private int _count; // of keys, as listed last
    private long _seen; // the revision up to which all was seen
    private KeyValue? _newest; // the newest change that was seen; null: there is none to go on behind
    private bool _isBroken;

    /// <summary>After this long without a message the watched member is asked whether it still answers.</summary>
    internal required TimeSpan ProbeInterval { get; init; }

    /// <summary>How often everything is listed again although the watch runs; with more than 1,000 keys as much longer.</summary>
    internal required TimeSpan RelistInterval { get; init; }

    /// <summary>Never ends but by <paramref name="cancel"/>.</summary>
    internal async IAsyncEnumerable<RangeUpdate> FollowAsync([EnumeratorCancellation] CancellationToken cancel)
    {
        int failures = 0;
        while (true)
        {
            bool hasResumed = false; // and somebody believes so
            (Beginning begun, EtcdException? error) = await CatchAsync(BeginAsync(cancel)).ConfigureAwait(false);
            if (error is null)
            {
                if (begun.List is not null)
                {
                    yield return Take(begun.List);
                }

                bool isResumed = begun.List is null;
                long started = Environment.TickCount64,
                    relist = started + Jitter(RelistInterval * Math.Max(1, _count / 1000.0));
                IAsyncEnumerator<EtcdWatchBatch> batches = etcd
                    .WatchAsync(range, begun.From, ProbeInterval, cancel)
                    .GetAsyncEnumerator(cancel);
                await using (batches.ConfigureAwait(false))
                {
                    while (error is null && Environment.TickCount64 < relist)
                    {
                        (_, error) = await CatchAsync(batches.MoveNextAsync().AsTask()).ConfigureAwait(false);
                        if (error is null)
                        {
                            yield return Take(batches.Current) with { IsResumed = isResumed };
                            (hasResumed, isResumed) = (hasResumed || isResumed, false);
                        }
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

            _isBroken = _seen > 0;
            if (error.Kind == EtcdErrorKind.Compacted)
            {
                _newest = null;
            }

            // etcd says that a watch is made, and then that its history is gone. The list that follows may take its time.
            if (error.Kind != EtcdErrorKind.Compacted || hasResumed)
            {
                yield return new RangeUpdate { Error = error };
            }

            await Task.Delay(Backoff(failures++), cancel).ConfigureAwait(false);
        }
    }

    /// <summary>Where the watch begins.</summary>
    /// <param name="From">The first revision to watch.</param>
    /// <param name="List">All there is before it; null: what was seen is whole.</param>
    private readonly record struct Beginning(long From, RangeResult? List);

    private async Task<Beginning> BeginAsync(CancellationToken cancel)
    {
        if (_isBroken)
        {
            if (_newest is not null && await IsInHistoryAsync(_newest, cancel).ConfigureAwait(false))
            {
                return new Beginning(_newest.ModRevision + 1, null);
            }

            await Task.Delay(Spread(_count), cancel).ConfigureAwait(false);
        }

        RangeResult list = await etcd.RangeAsync(range, cancel).ConfigureAwait(false);
        return new Beginning(list.Revision + 1, list);
    }

    private async Task<bool> IsInHistoryAsync(KeyValue seen, CancellationToken cancel)
    {
        EtcdRange key = EtcdRange.Of(seen.Key);
        RangeResult now = await etcd.RangeAsync(key, cancel).ConfigureAwait(false);
        if (now.Revision < _seen)
        {
            return false;
        }

        if (now.Items.Count == 0 || now.Items[0].ModRevision != seen.ModRevision)
        {
            try
            {
                now = await etcd.RangeAsync(key with { AtRevision = seen.ModRevision }, cancel).ConfigureAwait(false);
            }
            catch (EtcdException e) when (e.Kind == EtcdErrorKind.Compacted)
            {
                return false;
            }
        }

        return now.Items.Count > 0 && IsSame(now.Items[0], seen);
    }

    private static bool IsSame(KeyValue one, KeyValue other) =>
        one.ModRevision == other.ModRevision
        && one.CreateRevision == other.CreateRevision
        && one.Lease == other.Lease
        && one.Value.Span.SequenceEqual(other.Value.Span);

    private RangeUpdate Take(RangeResult list)
    {
        RangeUpdate update = new()
        {
            List = list,
            IsSetBack = list.Revision < _seen,
            IsAfterGap = _isBroken,
            GapFrom = _isBroken ? _seen : 0,
        };
        (_isBroken, _seen, _count, _newest) = (false, list.Revision, list.Items.Count, null);
        foreach (KeyValue item in list.Items)
        {
            _newest = _newest is null || item.ModRevision > _newest.ModRevision ? item : _newest;
        }

        _newest = _newest is null ? null : _newest with { Value = _newest.Value.ToArray() }; // for it the others' memory is not kept
        return update;
    }

    private RangeUpdate Take(EtcdWatchBatch batch)
    {
        (_isBroken, _seen) = (false, Math.Max(_seen, batch.Revision));
        foreach (EtcdWatchEvent change in batch.Events)
        {
            _newest = change.IsDelete ? _newest : change.Item;
        }

        return new RangeUpdate { Changes = batch.Events };
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
        return TimeSpan.FromMilliseconds(random.Next(most / 2, most + 1));
    }

    /// <summary>A random part of 2 ms for each key, a minute at the most: after etcd was away, hosts do not list all at once.</summary>
    private TimeSpan Spread(int keys) => TimeSpan.FromMilliseconds(random.Next(Math.Min(2 * keys, 60_000) + 1));

    private long Jitter(TimeSpan interval) => (long)(interval.TotalMilliseconds * (0.75 + random.NextDouble() / 2));
}
