using System.Diagnostics;
using Twill.Host;
using Twill.Linux;
using Twill.Network.State;

namespace Twill.Agent;

/// <content>Rounds: everything that is known, compared with the kernel as a whole.</content>
internal sealed partial class NetworkAgent
{
    private static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(20),
        BetweenRounds = TimeSpan.FromMilliseconds(100),
        AfterTrouble = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Latest = TimeSpan.FromMilliseconds(300);

    private readonly Wake _roundDue = new();
    private RouteSocket? _route;
    private int _due;
    private long _allocated;
    private volatile uint _ownPort;

    /// <summary>Asks for a round, from any thread.</summary>
    private void Ask(Due what)
    {
        Interlocked.Or(ref _due, (int)what);
        _roundDue.Ring();
    }

    private async Task MakeRoundsAsync(TimeSpan interval, Action started, CancellationToken stop)
    {
        bool told = false;
        Due due = Due.None;
        long looked = Environment.TickCount64; // when the last look at the kernel ended
        long ripe = 0,
            latest = 0; // when the next may begin, and is not put off any longer; 0: nothing is due
        while (true)
        {
            if (!told && (_store is null || _peersMet || LastError is not null))
            {
                started();
                told = true;
            }

            TimeSpan period = LastError is null || interval < AfterTrouble ? interval : AfterTrouble;
            long next = ripe != 0 ? ripe : looked + (long)period.TotalMilliseconds;
            await _roundDue
                .WaitAsync(TimeSpan.FromMilliseconds(Math.Max(0, next - Environment.TickCount64)), TimeSpan.Zero, stop)
                .ConfigureAwait(false);
            due |= (Due)Interlocked.Exchange(ref _due, (int)Due.None);
            long now = Environment.TickCount64;
            if (due.HasFlag(Due.Peers))
            {
                if (!FollowPeers())
                {
                    // At once, unless that is what failed last time.
                    (due, ripe) = (
                        Due.Everything,
                        _kernelTrouble.Message is null ? now : Math.Max(now, looked + (long)BetweenRounds.TotalMilliseconds)
                    );
                }
                else if (ripe != 0 && (due & ~Due.Peers) == Due.Heard)
                {
                    ripe = Math.Min(Environment.TickCount64 + (long)Settle.TotalMilliseconds, latest); // what it wrote is to be heard, too
                }
            }

            due &= ~Due.Peers;
            if (due == Due.None && ripe == 0 && now >= next)
            {
                _bridge.LookAtAll(); // so much time has passed without a word that even a missed one is no excuse
                (due, ripe) = (Due.Everything, now);
            }

            if (due != Due.None && ripe == 0)
            {
                latest = now + (long)Latest.TotalMilliseconds;
                ripe = Math.Max(now + (long)Settle.TotalMilliseconds, looked + (long)BetweenRounds.TotalMilliseconds);
            }

            if (due == Due.None || now < ripe)
            {
                continue;
            }

            if (due.HasFlag(Due.Heard) && !(_heard.AreOurDoing() & _heardLinks.AreAsLeft()))
            {
                due = Due.Everything;
            }

            if (due != Due.Heard)
            {
                MakeRound(due.HasFlag(Due.Everything) ? Due.Everything : Due.Host);
                looked = Environment.TickCount64;
            }

            (due, ripe) = (Due.None, 0);
        }
    }

    /// <summary>One round.</summary>
    /// <returns>Whether all that was looked at was in order already.</returns>
    private bool MakeRound(Due due = Due.Everything)
    {
        Volatile.Write(ref _roundBegan, Stopwatch.GetTimestamp());
        _keeper?.Adopt();
        bool inOrder =
            due == Due.Host
                ? Attempt(_hostTrouble, BringHostInOrder)
                : Attempt(_underlayTrouble, FollowUnderlay)
                    & Attempt(_hostTrouble, BringHostInOrder)
                    & Attempt(_kernelTrouble, BringPeersInOrder);
        if (due == Due.Everything && _route is { } route)
        {
            _heardLinks.Leave(route, [_bridge.Index, _underlay, .. _overlays.Keys]);
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
        Attempt(_kernelTrouble, route => followed = FollowPeers(route));
        if (!followed)
        {
            Volatile.Write(ref _roundBegan, 0);
            return false;
        }

        EndRound(Due.Peers);
        return true;
    }

    private bool EndRound(Due due)
    {
        _ownPort = _route?.PortId ?? 0;
        bool told = Attempt(_stateTrouble, TellState);
        _rounds[due]++;
        Volatile.Write(ref _roundBegan, 0);
        return told;
    }

    private bool Attempt(Trouble trouble, Func<RouteSocket, bool> step)
    {
        try
        {
            return step(_route ??= RouteSocket.Open());
        }
        catch (HostException e)
        {
            trouble.Failed(e.Message, LogLevel.Error);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // Whatever it is, the next round starts from nothing: with a new socket, and the whole state again.
            trouble.Failed(e is IOException or LibcException ? e.Message : $"{e.GetType().Name}: {e.Message}", LogLevel.Error);
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
        _stateTrouble.Over();
        return true;
    }
}
