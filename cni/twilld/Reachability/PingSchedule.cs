namespace Twill.Agent;

/// <summary>
/// Decides which peer is pinged next, and when. It reads no clock and sends nothing; times are milliseconds of one monotonic clock.
/// <para>
/// At most so many packets a second are sent, however many peers there are. Peers that are new, silent or losing come first where there
/// are few; where packets are short, one of six is for them, so that all others have their turn too.
/// </para>
/// </summary>
/// <param name="packetsPerSecond">The most that are sent.</param>
internal sealed class PingSchedule(int packetsPerSecond)
{
    /// <summary>How often a peer is pinged that answers, where there are few.</summary>
    internal const long Interval = 5_000;

    /// <summary>How often one that does not, or loses packets of full size; and one that is new or has just lost a packet.</summary>
    internal const long FailingInterval = 3_000,
        SuspectInterval = 1_000;

    private const int Share = 6;

    private long[] _due = [];
    private bool[] _urgent = [];
    private long _nextPacket;
    private bool _isBeforeOthers;
    private int _owed; // packets for those that answer, until another goes before them

    /// <summary>Peers.</summary>
    internal int Count { get; private set; }

    /// <summary>How often a peer that answers is pinged; while others do not, every six fifths of it: 4,000 peers within 4 minutes, with 20
    /// packets a second.</summary>
    internal long Cycle => Math.Max(Interval, Count * PacketsFor(isLosing: false) * 1000L / packetsPerSecond);

    /// <summary>A peer came.</summary>
    internal void Add(long now)
    {
        if (Count == _due.Length)
        {
            Array.Resize(ref _due, Math.Max(16, Count * 2));
            Array.Resize(ref _urgent, _due.Length);
        }

        (_due[Count], _urgent[Count]) = (now, true);
        Count++;
    }

    /// <summary>A peer left; the last one takes its place.</summary>
    internal void Remove(int peer)
    {
        Count--;
        (_due[peer], _urgent[peer]) = (_due[Count], _urgent[Count]);
    }

    /// <summary>Sets when a peer is pinged again.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="due">When.</param>
    /// <param name="isUrgent">Whether it goes before those that answer.</param>
    internal void Set(int peer, long due, bool isUrgent) => (_due[peer], _urgent[peer]) = (due, isUrgent);

    /// <summary>
    /// A small packet and one of full size; where there are many peers, of one that loses nothing only the one of full size: when it is
    /// answered, so is a smaller one.
    /// </summary>
    internal int PacketsFor(bool isLosing) => isLosing || Count <= 4 * packetsPerSecond ? 2 : 1;

    /// <summary>Takes the peer to ping now: its next turn must be set, and what is sent to it told.</summary>
    /// <returns>False when none is due.</returns>
    internal bool TryTake(long now, out int peer)
    {
        peer = -1;
        if (now < _nextPacket || !TryFind(now, out int urgent, out int ordinary))
        {
            return false;
        }

        _isBeforeOthers = urgent >= 0 && ordinary >= 0 && _owed <= 0;
        peer = ordinary < 0 || _isBeforeOthers ? urgent : ordinary;
        return true;
    }

    /// <summary>So many packets were sent: the next ones are after the time that they take.</summary>
    internal void Sent(long now, int packets)
    {
        _nextPacket = now + (packets * 1000L / packetsPerSecond);
        _owed = _isBeforeOthers ? packets * (Share - 1) : _owed - packets;
    }

    /// <summary>When something may be due, if nothing changes.</summary>
    internal long WakeAt()
    {
        long first = long.MaxValue;
        for (int i = 0; i < Count; i++)
        {
            first = Math.Min(first, _due[i]);
        }

        return Math.Max(first, _nextPacket);
    }

    /// <summary>The peers of each kind that have been due for longest; -1 when none is.</summary>
    private bool TryFind(long now, out int urgent, out int ordinary)
    {
        (urgent, ordinary) = (-1, -1);
        long firstUrgent = now + 1,
            firstOrdinary = now + 1;
        for (int i = 0; i < Count; i++)
        {
            if (_urgent[i] && _due[i] < firstUrgent)
            {
                (urgent, firstUrgent) = (i, _due[i]);
            }
            else if (!_urgent[i] && _due[i] < firstOrdinary)
            {
                (ordinary, firstOrdinary) = (i, _due[i]);
            }
        }

        return urgent >= 0 || ordinary >= 0;
    }
}
