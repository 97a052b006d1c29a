using Twill.Cluster;
using Twill.Network.State;

namespace Twill.Agent.Names;

/// <summary>Follows the names of all hosts in etcd, and writes those of this host's containers there, under this host's lease.</summary>
/// <param name="context">The network.</param>
/// <param name="table">The network's names.</param>
/// <param name="store">The names in etcd.</param>
/// <param name="plan">What etcd shows.</param>
/// <param name="changed">Set when names of other hosts changed.</param>
internal sealed class NamePublication(NetworkContext context, NameTable table, NameStore store, NamePlan plan, AsyncSignal changed)
{
    private static readonly TimeSpan s_lookInterval = TimeSpan.FromSeconds(1),
        s_settle = TimeSpan.FromMilliseconds(5),
        s_afterConflict = TimeSpan.FromMilliseconds(50),
        s_firstRetry = TimeSpan.FromSeconds(1),
        s_longestRetry = TimeSpan.FromSeconds(15);

    private readonly Condition _condition = context.NewCondition(ConditionName.NamesInEtcd);
    private readonly AsyncSignal _due = new();
    private readonly Lock _lock = new(); // for the plan and all below
    private bool _isListed,
        _isDue;
    private long _lease;
    private string? _watchFailure,
        _writeFailure;

    /// <summary>Names of this host's containers changed. From any thread.</summary>
    internal void LocalChanged() => SetDue();

    /// <summary>Follows etcd until stopped. While it cannot be asked, all names stay.</summary>
    internal async Task WatchAsync(CancellationToken stop)
    {
        await foreach (RangeUpdate update in store.FollowAsync(stop).ConfigureAwait(false))
        {
            Report(ref _watchFailure, update.Error?.Message);
            if (update.List is { } list)
            {
                Take(list);
            }
            else if (update.Changes.Count > 0)
            {
                Take(update.Changes);
            }

            if (update.IsResumed)
            {
                SetDue(); // etcd answers again
            }
        }
    }

    /// <summary>Writes until stopped.</summary>
    internal async Task PublishAsync(CancellationToken stop)
    {
        TimeSpan retry = TimeSpan.Zero;
        while (true)
        {
            FollowLease();
            TimeSpan pause = s_lookInterval;
            if (Next() is { } change)
            {
                try
                {
                    pause = await WriteAsync(change, stop).ConfigureAwait(false);
                    retry = TimeSpan.Zero;
                    Report(ref _writeFailure, null);
                }
                catch (EtcdException e)
                {
                    Report(ref _writeFailure, $"{e.Message}; other hosts do not learn of changes here");
                    pause = retry = NextRetry(retry);
                    Postpone();
                }
            }

            await _due.WaitAsync(pause, s_settle, stop).ConfigureAwait(false);
        }
    }

    private void Report(ref string? failure, string? message)
    {
        lock (_lock)
        {
            failure = message;
            if ((_writeFailure ?? _watchFailure) is { } failing)
            {
                _condition.Raise(failing);
            }
            else
            {
                _condition.Resolve();
            }
        }
    }

    private async Task<TimeSpan> WriteAsync(NameChange change, CancellationToken stop)
    {
        long? revision = await store.WriteAsync(change, stop).ConfigureAwait(false);
        SetDue(); // there may be more than one transaction holds
        if (revision is not { } done)
        {
            await Task.Delay(s_afterConflict, stop).ConfigureAwait(false); // the watch shows what another wrote
            return TimeSpan.Zero;
        }

        lock (_lock)
        {
            plan.Done(change, done);
        }

        return TimeSpan.Zero;
    }

    private NameChange? Next()
    {
        IReadOnlyCollection<NamedAddress> local = table.Local;
        lock (_lock)
        {
            if (!_isDue || !_isListed || _lease == 0)
            {
                return null;
            }

            _isDue = false;
            return plan.Next(local, _lease);
        }
    }

    /// <summary>Keys of a lease that became this host's own are its own, and others are not any more. As long as it has none, it is not
    /// known which are others'.</summary>
    private void FollowLease()
    {
        long lease = context.Snapshots.Current.Lease.Held?.LeaseId ?? 0;
        lock (_lock)
        {
            if (lease == _lease)
            {
                return;
            }

            _lease = lease;
            _isDue = true;
            if (_isListed && lease != 0 && table.ReplaceRemote(plan.Others(lease)))
            {
                changed.Set();
            }
        }
    }

    private void Take(RangeResult list)
    {
        lock (_lock)
        {
            plan.Clear();
            foreach (KeyValue item in list.Items)
            {
                plan.Take(item, _lease);
            }

            _isListed = true;
            if (_lease != 0 && table.ReplaceRemote(plan.Others(_lease)))
            {
                changed.Set();
            }
        }

        SetDue();
    }

    private void Take(IReadOnlyList<EtcdWatchEvent> events)
    {
        List<(string, NamedAddress?)> changes = [];
        bool isOwnTouched;
        lock (_lock)
        {
            foreach (EtcdWatchEvent e in events)
            {
                if ((e.IsDelete ? plan.Remove(e.Item.Key, _lease) : plan.Take(e.Item, _lease)) is { } change)
                {
                    changes.Add(change);
                }
            }

            isOwnTouched = plan.TakeTouched();
            if (_lease != 0 && changes.Count > 0 && table.ChangeRemote(changes))
            {
                changed.Set();
            }
        }

        if (isOwnTouched)
        {
            SetDue();
        }
    }

    /// <summary>1 s, doubled with each failure up to 15 s.</summary>
    private static TimeSpan NextRetry(TimeSpan last) =>
        last == TimeSpan.Zero ? s_firstRetry
        : last * 2 < s_longestRetry ? last * 2
        : s_longestRetry;

    /// <summary>What could not be written is due after the pause, or as soon as etcd or a container is heard of.</summary>
    private void Postpone()
    {
        lock (_lock)
        {
            _isDue = true;
        }
    }

    private void SetDue()
    {
        lock (_lock)
        {
            _isDue = true;
        }

        _due.Set();
    }
}
