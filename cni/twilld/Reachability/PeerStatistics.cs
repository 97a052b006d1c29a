using Twill.Network.State;
using Twill.System;

namespace Twill.Agent;

/// <summary>
/// What is known of one peer's answers, in a few bytes: there may be thousands. Times are milliseconds of one monotonic clock; it reads
/// none itself.
/// </summary>
internal struct PeerStatistics
{
    /// <summary>A peer is silent when so many small packets in a row were not answered, nor any other since the first of them.</summary>
    internal const int LostUntilSilent = 3;

    /// <summary>The last so many packets of each size count.</summary>
    internal const int Window = 32;

    /// <summary>A host drops pings when it has answered so often as a router, and not by its own addresses, which are asked in between:
    /// one that was silent may answer first what is asked first.</summary>
    internal const int RoutedUntilDrops = 2;

    /// <summary>Of so many turns of such a host one asks an address of its own beside.</summary>
    internal const int TrialEvery = 8;

    private const int MeansInTurn = 3;

    /// <summary>A peer that has never answered is silent only after this time: its host may just be joining.</summary>
    internal const long Grace = 10_000;

    private uint _small,
        _full; // one bit for each packet, the newest lowest; 1: answered
    private byte _smallCount,
        _fullCount,
        _smallLostInRow,
        _fullLostInRow,
        _triesLost,
        _routed, // answers as a router since one of its own addresses last answered
        _turns; // as a router
    private bool _toldDrops;
    private float _roundTrip;

    internal PeerStatistics(long now) => (FirstSeen, LastAnswer, LastHeard, StateSince) = (now, -1, -1, now);

    /// <summary>When the peer was first known.</summary>
    internal long FirstSeen { get; }

    /// <summary>When it last answered; -1: never.</summary>
    internal long LastAnswer { get; private set; }

    /// <summary>When a ping of its agent last came in; -1: never.</summary>
    internal long LastHeard { get; private set; }

    /// <summary>Why the kernel did not send the last packet; none when it did.</summary>
    internal Errno SendError { get; private set; }

    /// <summary>What its agent said of itself in its last ping.</summary>
    internal PingFlags Flags { get; private set; }

    /// <summary>What it is asked by, as it answers that.</summary>
    internal PingMeans Means { get; private set; }

    /// <summary>Whether its host answers as a router alone, as its own addresses were asked in between and did not.</summary>
    internal readonly bool DropsPings => Means == PingMeans.Hop;

    /// <summary>Whether its host answers on the underlay, which is asked while the peer is silent.</summary>
    internal bool HostAnswers { get; private set; }

    /// <summary>While packets of full size are lost: the largest that was answered, and the smallest that was not, in bytes; 0: not
    /// known.</summary>
    internal ushort Fits { get; private set; }

    /// <inheritdoc cref="Fits"/>
    internal ushort FitsNot { get; private set; }

    /// <summary>How it was when <see cref="TryChange"/> was last asked.</summary>
    internal PeerState State { get; private set; }

    /// <summary>Since when it is so.</summary>
    internal long StateSince { get; private set; }

    /// <summary>The part of the last small packets that was not answered; null when none was sent.</summary>
    internal readonly double? Loss => LossOf(_small, _smallCount);

    /// <summary>The same of packets of full size.</summary>
    internal readonly double? FullSizeLoss => LossOf(_full, _fullCount);

    /// <summary>Smoothed round trip time in milliseconds, as TCP smooths it (RFC 6298, section 2: an eighth of each new one); null before
    /// the first answer.</summary>
    internal readonly double? RoundTrip => LastAnswer < 0 ? null : _roundTrip;

    /// <summary>Whether anything is lost at present.</summary>
    internal readonly bool IsLosing => _smallLostInRow > 0 || _fullLostInRow > 0;

    /// <summary>What the next packets ask: what answered last, and the others in turn while it does not. So nobody is silent before all
    /// were asked; of a host that drops pings only one can be.</summary>
    internal readonly PingMeans NextMeans =>
        DropsPings && _smallLostInRow < LostUntilSilent ? PingMeans.Hop : (PingMeans)(((int)Means + _smallLostInRow) % MeansInTurn);

    /// <summary>A packet was answered in time.</summary>
    /// <param name="isFullSize">Its size.</param>
    /// <param name="now">The time.</param>
    /// <param name="roundTrip">Milliseconds.</param>
    /// <param name="means">See <see cref="Means"/>.</param>
    internal void Answered(bool isFullSize, long now, double roundTrip, PingMeans means)
    {
        Count(isFullSize, 1);
        _roundTrip = LastAnswer < 0 ? (float)roundTrip : (float)(_roundTrip + ((roundTrip - _roundTrip) / 8));
        AnsweredLate(isFullSize, now, means);
    }

    /// <summary>Which of its own addresses is asked beside, of a host that drops pings: now and then one, whether it answers
    /// again.</summary>
    internal PingMeans? NextTrial()
    {
        if (!DropsPings || ++_turns % TrialEvery != 0)
        {
            return null;
        }

        return _turns % (2 * TrialEvery) == 0 ? PingMeans.Base : PingMeans.Gateway;
    }

    /// <summary>A packet that counted as lost was answered after all: the peer is there.</summary>
    internal void AnsweredLate(bool isFullSize, long now, PingMeans means)
    {
        // What was lost of full size while nothing came through at all says nothing of the size.
        _fullLostInRow = isFullSize || _smallLostInRow >= LostUntilSilent ? (byte)0 : _fullLostInRow;
        (Fits, FitsNot) = isFullSize ? ((ushort)0, (ushort)0) : (Fits, FitsNot);
        (_smallLostInRow, LastAnswer, SendError) = (0, now, Errno.None);
        if (means != PingMeans.Hop)
        {
            (Means, _routed) = (means, 0);
        }
        else if (!DropsPings && !isFullSize && ++_routed == RoutedUntilDrops)
        {
            // What was lost until now were pings of addresses that answer none.
            Means = PingMeans.Hop;
            (_smallCount, _fullCount, _fullLostInRow) = (0, 0, 0);
        }
    }

    /// <summary>A packet was not answered in time, or not even sent.</summary>
    /// <param name="isFullSize">Its size.</param>
    /// <param name="error">Why it was not sent; none when it was.</param>
    internal void Lost(bool isFullSize, Errno error)
    {
        Count(isFullSize, 0);
        SendError = error;
        if (isFullSize)
        {
            _fullLostInRow = Next(_fullLostInRow);
        }
        else
        {
            _smallLostInRow = Next(_smallLostInRow);
        }

        // To 255 and then on below it, so that all means go on having their turn.
        static byte Next(byte count) => count == byte.MaxValue ? (byte)(byte.MaxValue - 2) : (byte)(count + 1);
    }

    /// <summary>Its host was asked on the underlay.</summary>
    internal void HostAsked(bool isAnswered) => HostAnswers = isAnswered;

    /// <summary>How large a packet to try next; 0: how much fits is known.</summary>
    /// <param name="small">A size that is answered, in bytes.</param>
    /// <param name="full">One that is not.</param>
    internal ushort NextSize(int small, int full)
    {
        if (Fits == 0 || FitsNot > full)
        {
            (Fits, FitsNot) = ((ushort)small, (ushort)full);
        }

        return FitsNot - Fits > 1 ? (ushort)((Fits + FitsNot) / 2) : (ushort)0;
    }

    /// <summary>A packet of that size was answered, or lost: two in a row say that it is too large.</summary>
    internal void Tried(ushort size, bool isAnswered)
    {
        _triesLost = isAnswered ? (byte)0 : (byte)(_triesLost + 1);
        if (_triesLost == 1)
        {
            return;
        }

        _triesLost = 0;
        Fits = isAnswered ? Math.Max(Fits, size) : Fits;
        FitsNot = isAnswered ? FitsNot : Math.Min(FitsNot, size);
        if (Fits >= FitsNot)
        {
            (Fits, FitsNot) = (0, 0); // answered late, or by another way than before: anew
        }
    }

    /// <summary>A ping of its agent came in.</summary>
    internal void Heard(long now, PingFlags flags) => (LastHeard, Flags) = (now, flags);

    /// <summary>How it is now.</summary>
    internal readonly PeerState StateAt(long now)
    {
        if (LastAnswer < 0 && now - FirstSeen < Grace)
        {
            return PeerState.Unknown;
        }

        return _smallLostInRow >= LostUntilSilent ? PeerState.Silent
            : LastAnswer < 0 ? PeerState.Unknown
            : _fullLostInRow >= LostUntilSilent ? PeerState.LosesFullSize
            : PeerState.Answers;
    }

    /// <summary>Takes note of the state that it is in now, and of whether it drops pings.</summary>
    /// <param name="now">The time.</param>
    /// <param name="former">How it was, and for how long.</param>
    /// <returns>Whether either is another.</returns>
    internal bool TryChange(long now, out (PeerState State, long Lasted) former)
    {
        PeerState state = StateAt(now);
        former = (State, now - StateSince);
        if (state == State && DropsPings == _toldDrops)
        {
            return false;
        }

        _toldDrops = DropsPings;
        if (state != State)
        {
            (State, StateSince) = (state, now);
        }

        return true;
    }

    private void Count(bool isFullSize, uint answered)
    {
        if (isFullSize)
        {
            (_full, _fullCount) = ((_full << 1) | answered, (byte)Math.Min(Window, _fullCount + 1));
        }
        else
        {
            (_small, _smallCount) = ((_small << 1) | answered, (byte)Math.Min(Window, _smallCount + 1));
        }
    }

    private static double? LossOf(uint answers, byte count)
    {
        uint mask = count == Window ? uint.MaxValue : (1u << count) - 1;
        return count == 0 ? null : 1 - ((double)uint.PopCount(answers & mask) / count);
    }
}
