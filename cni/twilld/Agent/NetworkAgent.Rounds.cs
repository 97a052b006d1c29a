using System.Diagnostics;
using Twill.Host;
using Twill.Linux;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent;

/// <content>Rounds: everything that is known, compared with the kernel as a whole.</content>
internal sealed partial class NetworkAgent
{
    private static readonly TimeSpan Settle = ReconcileSchedule.Settle;
    private readonly AsyncSignal _roundDue = new();
    private RouteSocket? _route;
    private int _due;
    private long _allocated;
    private volatile uint _ownPort;

    /// <summary>Asks for a round, from any thread.</summary>
    private void Ask(ReconcileReason what)
    {
        Interlocked.Or(ref _due, (int)what);
        _roundDue.Set();
    }

    private async Task MakeRoundsAsync(TimeSpan interval, Action started, CancellationToken stop)
    {
        bool told = false;
        ReconcileSchedule schedule = new(interval, Now);
        while (true)
        {
            if (!told && (_store is null || _peersMet || LastError is not null))
            {
                started();
                told = true;
            }

            schedule = schedule with { IsFailing = LastError is not null };
            TimeSpan pause = schedule.WakeAt - Now;
            await _roundDue.WaitAsync(pause > TimeSpan.Zero ? pause : TimeSpan.Zero, TimeSpan.Zero, stop).ConfigureAwait(false);
            schedule = schedule.Add((ReconcileReason)Interlocked.Exchange(ref _due, (int)ReconcileReason.None), Now);
            for (ReconcileStep step = schedule.Next(Now); step != ReconcileStep.Wait; step = schedule.Next(Now))
            {
                schedule = Take(step, schedule);
            }
        }
    }

    /// <summary>Milliseconds of the clock that <see cref="ReconcileSchedule"/> counts by.</summary>
    private static TimeSpan Now => TimeSpan.FromMilliseconds(Environment.TickCount64);

    private ReconcileSchedule Take(ReconcileStep step, ReconcileSchedule schedule)
    {
        switch (step)
        {
            case ReconcileStep.ApplyPeerChanges:
                bool applied = FollowPeers();
                return schedule.PeersApplied(applied, _kernelCondition.Message is not null, Now);
            case ReconcileStep.CompareKernelEvents:
                return schedule.KernelEventsCompared(_entryEvents.TakeAndCompare() & _linkEvents.TakeAndCompare());
            case ReconcileStep.ReconcileHost:
                MakeRound(ReconcileReason.Host);
                return schedule.PassEnded(Now);
            case ReconcileStep.ReconcileFromScratch:
                _bridge.LookAtAll();
                goto default;
            default:
                MakeRound();
                return schedule.PassEnded(Now);
        }
    }

    /// <summary>One round.</summary>
    /// <returns>Whether all that was looked at was in order already.</returns>
    private bool MakeRound(ReconcileReason due = ReconcileReason.Everything)
    {
        Volatile.Write(ref _roundBegan, Stopwatch.GetTimestamp());
        _keeper?.Adopt();
        bool inOrder =
            due == ReconcileReason.Host
                ? Attempt(_hostCondition, BringHostInOrder)
                : Attempt(_underlayCondition, FollowUnderlay)
                    & Attempt(_hostCondition, BringHostInOrder)
                    & Attempt(_kernelCondition, BringPeersInOrder);
        if (due == ReconcileReason.Everything && _route is { } route)
        {
            _linkEvents.Expect(route, [_bridge.Index, _underlay, .. _overlays.Keys]);
            GiveMemoryBack();
        }

        return EndRound(due) && inOrder;
    }

    /// <summary>
    /// Lists of thousands of entries are garbage after a round, and the next is far away: what they took is given back to the host rather
    /// than kept for it.
    /// </summary>
    private void GiveMemoryBack()
    {
        const long Worth = 4 << 20;
        if (GC.GetTotalAllocatedBytes() - _allocated > Worth)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            _allocated = GC.GetTotalAllocatedBytes();
        }
    }

    /// <summary>Brings in line what changed about other hosts, on the basis of the last round.</summary>
    /// <returns>Whether that was possible; if not, a round is due.</returns>
    private bool FollowPeers()
    {
        Volatile.Write(ref _roundBegan, Stopwatch.GetTimestamp());
        bool followed = false;
        Attempt(_kernelCondition, route => followed = FollowPeers(route));
        if (!followed)
        {
            Volatile.Write(ref _roundBegan, 0);
            return false;
        }

        EndRound(ReconcileReason.Peers);
        return true;
    }

    private bool EndRound(ReconcileReason due)
    {
        _ownPort = _route?.PortId ?? 0;
        bool told = Attempt(_stateCondition, TellState);
        _rounds[due]++;
        Volatile.Write(ref _roundBegan, 0);
        return told;
    }

    private bool Attempt(Condition condition, Func<RouteSocket, bool> step)
    {
        try
        {
            return step(_route ??= RouteSocket.Open());
        }
        catch (HostException e)
        {
            condition.Raise(e.Message, LogLevel.Error);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // Whatever it is, the next round starts from nothing: with a new socket, and the whole state again.
            condition.Raise(e is IOException or LibcException ? e.Message : $"{e.GetType().Name}: {e.Message}", LogLevel.Error);
            _route?.Dispose();
            (_route, _basis) = (null, null);
        }

        return false;
    }

    private bool TellState(RouteSocket route)
    {
        string? error = LastError;
        string subnets = _keeper?.Held is { Subnets.Count: > 0 } held ? string.Join(", ", held.Prefixes) : "no subnet";
        Status = error is null
            ? $"{subnets}, {_peersProgrammed} of {_peersWanted} peers"
            : $"{subnets}, {_peersProgrammed} of {_peersWanted} peers; {error}";
        new AgentFile
        {
            Pid = Environment.ProcessId,
            Time = _clock.GetUtcNow(),
            PeersWanted = _peersWanted,
            PeersProgrammed = _peersProgrammed,
            LastEtcdContact = _etcd?.LastContact,
            LastError = error,
        }.Write(_state);
        _stateCondition.Resolve();
        return true;
    }
}
