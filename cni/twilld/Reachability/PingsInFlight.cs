namespace Twill.Agent;

/// <summary>A packet that was sent.</summary>
/// <param name="Target">Where to.</param>
/// <param name="Sent">When, in milliseconds.</param>
/// <param name="SentTicks">When, by the clock that round trips are measured by.</param>
/// <param name="IsFullSize">Its size.</param>
/// <param name="Means">What it asks.</param>
internal readonly record struct Ping(PingTarget Target, long Sent, long SentTicks, bool IsFullSize, PingMeans Means)
{
    /// <summary>Whether it is only to see if the peer answers by other means again: its loss says nothing.</summary>
    internal bool IsTrial { get; init; }

    /// <summary>Bytes of a packet that is to find out how large one may be; 0: it is no such.</summary>
    internal ushort Tried { get; init; }
}

/// <summary>What of a peer's host is asked for an answer. A means that is not answered gives way to the next.</summary>
internal enum PingMeans : byte
{
    /// <summary>The gateway's address of its subnet, which the bridge has.</summary>
    Gateway,

    /// <summary>The subnet's own address: flannel makes the bridge with the first container, its overlay device has the other from the
    /// start.</summary>
    Base,

    /// <summary>An address of its containers, with a hop limit that ends there: a host that routes to containers answers that the packet
    /// has expired, also where a firewall lets no ping of its own addresses in.</summary>
    Hop,

    /// <summary>The host's own address on the underlay: of one that does not answer through the network, to tell where the fault
    /// is.</summary>
    Host,
}

/// <summary>The packets that were sent last, by their numbers; for some time also those that were given up, as they may be answered
/// late.</summary>
/// <param name="packetsPerSecond">The most that are sent.</param>
internal sealed class PingsInFlight(int packetsPerSecond)
{
    /// <summary>A packet counts as lost after this time, in milliseconds.</summary>
    internal const long Patience = 1_000;

    private readonly (Ping Ping, bool IsOpen)[] _packets = new (Ping, bool)[Math.Max(64, packetsPerSecond * 4)];
    private uint _next,
        _oldestOpen;

    /// <summary>Notes a packet.</summary>
    /// <returns>Its number.</returns>
    internal uint Add(Ping ping)
    {
        _packets[_next % _packets.Length] = (ping, true);
        return _next++;
    }

    /// <summary>Takes a packet that was answered.</summary>
    /// <param name="number">Its number, as the answer says.</param>
    /// <param name="ping">The packet.</param>
    /// <param name="isLate">Whether it was given up already, or answered.</param>
    /// <returns>False when there is no such packet, or not any more.</returns>
    internal bool TryTake(uint number, out Ping ping, out bool isLate)
    {
        (ping, isLate) = (default, false);
        if (_next - number - 1 >= _packets.Length)
        {
            return false;
        }

        (ping, bool isOpen) = _packets[number % _packets.Length];
        isLate = !isOpen;
        _packets[number % _packets.Length].IsOpen = false;
        return true;
    }

    /// <summary>Takes the oldest packet that nobody answered in time.</summary>
    internal bool TryGiveUp(long now, out Ping ping)
    {
        for (; _oldestOpen != _next; _oldestOpen++)
        {
            ref (Ping Ping, bool IsOpen) packet = ref _packets[_oldestOpen % _packets.Length];
            if (!packet.IsOpen)
            {
                continue;
            }

            if (now - packet.Ping.Sent < Patience)
            {
                break;
            }

            (ping, packet.IsOpen) = (packet.Ping, false);
            return true;
        }

        ping = default;
        return false;
    }

    /// <summary>When the oldest packet is given up; the end of time when none is under way.</summary>
    internal long GiveUpAt => _oldestOpen == _next ? long.MaxValue : _packets[_oldestOpen % _packets.Length].Ping.Sent + Patience;
}
