using System.Diagnostics;
using Twill.Linux;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent;

/// <summary>
/// Pings every peer through the network, and so measures what the kernel's tables only promise: a small packet and one of full size, which
/// must not be fragmented, from this host's address in its subnet to the other's. That host's kernel answers, also when its agent is down;
/// <see cref="PingMeans"/> says how, where its firewall drops pings.
/// <see cref="PingSchedule"/> decides who is next. One thread, one socket of each family.
/// </summary>
internal sealed class ReachabilityLoop
{
    private const int LongestWait = 250, // until a new peer is seen, or a stop
        LookInterval = 1_000;

    private readonly NetworkContext _context;
    private readonly PeerTargets _targets;
    private readonly PingSchedule _schedule;
    private readonly PeerTable _table;
    private readonly PingsInFlight _inFlight;
    private readonly ReachabilityReport _report;
    private readonly ulong _process = (ulong)Random.Shared.NextInt64();
    private byte[] _packet = [];
    private PingFlags _flags;
    private int _fullSize;
    private long _sent,
        _answered,
        _lostInRow;

    /// <param name="context">The network.</param>
    /// <param name="targets">The peers, as the reconcile loop has made ways to them.</param>
    /// <param name="packetsPerSecond">The most packets that are sent.</param>
    internal ReachabilityLoop(NetworkContext context, PeerTargets targets, int packetsPerSecond)
    {
        (_context, _targets) = (context, targets);
        _schedule = new PingSchedule(packetsPerSecond);
        _table = new PeerTable(_schedule);
        _inFlight = new PingsInFlight(packetsPerSecond);
        _report = new ReachabilityReport(context, _table);
    }

    private static long Now => Environment.TickCount64;

    /// <summary>Runs until stopped, on a thread of its own: it waits in poll(2) for answers, so that round trips are exact.</summary>
    internal Task RunAsync(CancellationToken stop) =>
        Task.Factory.StartNew(() => Run(stop), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private void Run(CancellationToken stop)
    {
        using PingSockets sockets = new(_context.Conf.Ipam.GatewayOf);
        long look = Now;
        while (!stop.IsCancellationRequested)
        {
            long now = Now;
            _targets.MoveTo(_table, now);
            GiveUp(now);
            if (now >= look)
            {
                Look(sockets, now);
                look = now + LookInterval;
            }

            Send(sockets, now);
            long wake = Math.Min(Math.Min(_schedule.WakeAt(), _inFlight.GiveUpAt), Math.Min(look, now + LongestWait));
            EchoSocket.Wait(sockets.Open, (int)Math.Max(0, wake - Now));
            foreach (EchoSocket socket in sockets.Open)
            {
                Receive(socket);
            }
        }

        stop.ThrowIfCancellationRequested();
    }

    private void Look(PingSockets sockets, long now)
    {
        NetworkSnapshot snapshot = _context.Snapshots.Current;
        sockets.Follow(snapshot.LocalSubnets);
        sockets.FollowUnderlay(snapshot.Reachability.Silent > 0 ? snapshot.Host.Node?.PublicAddresses ?? [] : []);
        _fullSize = snapshot.Host.Node?.Mtu ?? 0;
        _flags = snapshot.LastError is null ? PingFlags.None : PingFlags.Fails;
        _report.Look(now, _table.Count > 0 ? sockets.Problem : null, _fullSize, (_sent, _answered, _lostInRow));
    }

    private void Send(PingSockets sockets, long now)
    {
        while (_schedule.TryTake(now, out int peer))
        {
            if (sockets.Of(_table.TargetOf(peer).IsIPv6) is not { } socket)
            {
                _schedule.Set(peer, now + PingSchedule.SuspectInterval, isUrgent: true);
                continue;
            }

            int packets = _schedule.PacketsFor(_table[peer].IsLosing);
            bool sendsSmall = packets == 2 || _fullSize == 0;
            PingMeans means = _table[peer].NextMeans;
            if (_table[peer].NextTrial() is { } trial)
            {
                Send(socket, peer, trial, isFullSize: false, now, isTrial: true);
                packets++;
            }

            if (sendsSmall)
            {
                Send(socket, peer, means, isFullSize: false, now);
            }

            if (_fullSize > 0)
            {
                Send(socket, peer, means, isFullSize: true, now);
            }

            packets += LookCloser(sockets, socket, peer, now);
            SetNextTurn(peer, now);
            _schedule.Sent(now, packets);
        }
    }

    /// <summary>Asks the host of a silent peer on the underlay, and how much fits where full packets are lost.</summary>
    /// <returns>The packets that were sent.</returns>
    private int LookCloser(PingSockets sockets, EchoSocket socket, int peer, long now)
    {
        switch (_table[peer].StateAt(now))
        {
            case PeerState.Silent when sockets.OfUnderlay(_table.TargetOf(peer).IsPublicIPv6) is { } underlay:
                Send(underlay, peer, PingMeans.Host, isFullSize: false, now, isTrial: true);
                return 1;
            case PeerState.LosesFullSize when _table[peer].NextSize(SmallSize(socket), _fullSize) is > 0 and ushort size:
                Send(socket, peer, _table[peer].NextMeans, isFullSize: true, now, isTrial: true, size);
                return 1;
            default:
                return 0;
        }
    }

    private static int SmallSize(EchoSocket socket) =>
        EchoPacket.IPHeaderLength(socket.IsIPv6) + EchoPacket.HeaderLength + PingPayload.SmallLength;

    private void Send(EchoSocket socket, int peer, PingMeans means, bool isFullSize, long now, bool isTrial = false, ushort tried = 0)
    {
        PingTarget target = _table.TargetOf(peer);
        int size = !isFullSize ? 0 : tried > 0 ? tried : _fullSize,
            length = Math.Max(SmallSize(socket), size) - EchoPacket.IPHeaderLength(socket.IsIPv6);
        if (_packet.Length < length)
        {
            _packet = new byte[length];
        }

        Span<byte> packet = _packet.AsSpan(0, length);
        Ping ping = new(target, now, Stopwatch.GetTimestamp(), isFullSize, means) { IsTrial = isTrial, Tried = tried };
        uint number = _inFlight.Add(ping);
        PingFlags flags = _table[peer].State == PeerState.Silent ? _flags | PingFlags.HearsNothing : _flags;
        PingPayload.Write(packet[EchoPacket.HeaderLength..], _process, number, flags);
        EchoPacket.WriteRequest(packet, socket.IsIPv6, (ushort)_process, (ushort)number);
        Errno error = socket.Send(target.Asked(means), packet, means == PingMeans.Hop ? 1 : EchoSocket.DefaultHops);
        _sent++;
        if (error != Errno.None && _inFlight.TryTake(number, out Ping unsent, out _))
        {
            Lose(unsent, now, error);
        }
    }

    private void GiveUp(long now)
    {
        while (_inFlight.TryGiveUp(now, out Ping ping))
        {
            Lose(ping, now, Errno.None);
        }
    }

    private void Lose(Ping ping, long now, Errno error)
    {
        if (ping.IsTrial)
        {
            LoseTrial(ping);
            return;
        }

        _lostInRow++;
        if (Find(ping.Target) is not (>= 0 and int peer))
        {
            return;
        }

        bool wasLosing = _table[peer].IsLosing;
        _table[peer].Lost(ping.IsFullSize, error);
        if (!wasLosing && _table[peer].StateAt(now) == PeerState.Answers)
        {
            _schedule.Set(peer, now, isUrgent: true);
        }
    }

    private void LoseTrial(Ping ping)
    {
        if (Find(ping.Target) is not (>= 0 and int peer))
        {
            return;
        }

        if (ping.Means == PingMeans.Host)
        {
            _table[peer].HostAsked(isAnswered: false);
        }
        else if (ping.Tried > 0)
        {
            _table[peer].Tried(ping.Tried, isAnswered: false);
        }
    }

    private void Receive(EchoSocket socket)
    {
        // The longest IP header first; behind it a packet that expired brings its own.
        Span<byte> buffer = stackalloc byte[2 * (60 + EchoPacket.HeaderLength) + PingPayload.Length];
        while (socket.TryReceive(buffer, out Echo echo, out UInt128 source, out int link))
        {
            if (!PingPayload.TryRead(echo.Data, out ulong process, out uint number, out PingFlags flags))
            {
                continue;
            }

            if ((echo.IsReply || echo.IsExpired) && process == _process)
            {
                TakeAnswer(number, new Answer(echo.IsExpired, source, socket.IsIPv6, link));
            }
            else if (!echo.IsReply && !echo.IsExpired && process != _process && (FindHost(source, socket.IsIPv6) is >= 0 and int peer))
            {
                _table[peer].Heard(Now, flags);
            }
        }
    }

    private void TakeAnswer(uint number, in Answer answer)
    {
        if (!_inFlight.TryTake(number, out Ping ping, out bool isLate) || Find(ping.Target) is not (>= 0 and int peer))
        {
            return;
        }

        long now = Now;
        if (!ping.Target.IsAnswer(answer, ping.Means, _context.Snapshots.Current.Host.Overlays))
        {
            // A router's on a way that leads elsewhere.
            if (!isLate)
            {
                Lose(ping, now, Errno.None);
            }

            return;
        }

        if (ping.Means == PingMeans.Host)
        {
            _table[peer].HostAsked(isAnswered: true);
            return;
        }

        _lostInRow = 0;
        if (ping.Tried > 0)
        {
            _table[peer].Tried(ping.Tried, isAnswered: true);
            return;
        }

        if (isLate)
        {
            _table[peer].AnsweredLate(ping.IsFullSize, now, ping.Means);
            return;
        }

        _answered++;
        _table[peer].Answered(ping.IsFullSize, now, Stopwatch.GetElapsedTime(ping.SentTicks).TotalMilliseconds, ping.Means);
        SetNextTurn(peer, now);
    }

    private void SetNextTurn(int peer, long now)
    {
        ref PeerStatistics known = ref _table[peer];
        PeerState state = known.StateAt(now);
        bool isWell = state == PeerState.Answers && !known.IsLosing;
        _schedule.Set(
            peer,
            now
                + (
                    isWell ? _schedule.Cycle
                    : state == PeerState.Silent || (state == PeerState.LosesFullSize && known.FitsNot - known.Fits == 1)
                        ? PingSchedule.FailingInterval
                    : PingSchedule.SuspectInterval
                ),
            isUrgent: !isWell
        );
    }

    /// <summary>The peer, unless it is another meanwhile.</summary>
    private int Find(PingTarget target)
    {
        int peer = _table.Find(target.Base);
        return peer >= 0 && _table.TargetOf(peer) == target ? peer : -1;
    }

    /// <summary>The peer whose agent pings from this address: its gateway's, or its subnet's own.</summary>
    private int FindHost(UInt128 source, bool isIPv6)
    {
        int peer = _table.Find(source - 1);
        peer = peer >= 0 ? peer : _table.Find(source);
        return peer >= 0 && _table.TargetOf(peer).IsIPv6 == isIPv6 ? peer : -1;
    }
}
