using System.Runtime.CompilerServices;

namespace Twill.Cluster;

/// <content>Watching the leases of all hosts. Revisions stay in here: callers see snapshots and changes.</content>
public sealed partial class LeaseStore
{
    /// <summary>After this long without a message the watched member is asked whether it still answers.</summary>
    public TimeSpan WatchProbeInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How often everything is listed again although the watch runs, so that not even a lost event stays lost.</summary>
    public TimeSpan WatchRelistInterval { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The leases of all hosts: a snapshot, then each change, within milliseconds. After compaction, a lost connection, a member that
    /// lost its leader or hangs, it lists again and tells a new snapshot. Never ends but by <paramref name="cancel"/>.</summary>
    public async IAsyncEnumerable<LeaseEvent> WatchAsync([EnumeratorCancellation] CancellationToken cancel = default)
    {
        EtcdRange range = EtcdRange.Prefix(Keys.Subnets);
        int failures = 0;
        long seen = 0;
        while (true)
        {
            (RangeResult? list, EtcdException? error) = await Attempt(_etcd.RangeAsync(range, cancel)).ConfigureAwait(false);
            if (list is not null)
            {
                yield return Snapshot(list) with { IsSetBack = list.Revision < seen };
                seen = list.Revision;
                long started = Environment.TickCount64;
                long relist = started + Spread(WatchRelistInterval);
                IAsyncEnumerator<EtcdWatchBatch> batches =
                    _etcd.WatchAsync(range, list.Revision + 1, WatchProbeInterval, cancel).GetAsyncEnumerator(cancel);
                await using (batches.ConfigureAwait(false))
                {
                    while (Environment.TickCount64 < relist)
                    {
                        (_, error) = await Attempt(batches.MoveNextAsync().AsTask()).ConfigureAwait(false);
                        if (error is not null) break;
                        seen = Math.Max(seen, batches.Current.Revision);
                        foreach (EtcdWatchEvent change in batches.Current.Events) yield return Told(change);
                    }
                }
                if (error is null) continue;
                if (Environment.TickCount64 - started > 5_000) failures = 0;
            }
            if (error!.Kind != EtcdErrorKind.Compacted) yield return new WatchInterrupted(error);
            await Task.Delay(Pause(failures++), cancel).ConfigureAwait(false);
        }
    }

    private LeaseEvent Told(EtcdWatchEvent change)
    {
        if (change.IsDelete) return new LeaseRemoved(change.Item.Key);
        return Read(change.Item, out NodeLease? lease, out UnreadableLease? problem) ? new LeaseChanged(lease!) : new LeaseRemoved(change.Item.Key, problem);
    }

    private static async Task<(T? Result, EtcdException? Error)> Attempt<T>(Task<T> task)
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
    private TimeSpan Pause(int failures)
    {
        int most = 100 << Math.Min(failures, 7);
        return TimeSpan.FromMilliseconds(_random.Next(most / 2, most + 1));
    }

    private long Spread(TimeSpan interval) => (long)(interval.TotalMilliseconds * (0.75 + _random.NextDouble() / 2));
}
