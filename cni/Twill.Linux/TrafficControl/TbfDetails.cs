using Twill.Linux.Netlink;

namespace Twill.Linux.TrafficControl;

/// <summary>Parameters of a token bucket filter.</summary>
public sealed class TbfDetails
{
    private const int TickShift = 6; // PSCHED_SHIFT: a tick is 64 ns

    /// <summary>Bytes per second.</summary>
    public ulong Rate { get; private set; }

    /// <summary>Bytes that may wait.</summary>
    public uint Limit { get; private set; }

    /// <summary>
    /// The burst, as the time it takes at <see cref="Rate"/>: in ticks of 64 ns, of which the kernel tells the lower 32 bits (275 seconds).
    /// </summary>
    public uint BurstTicks { get; private set; }

    /// <summary>Whether the burst is so many bytes, as far as the kernel tells: to a thousandth, and past 275 seconds modulo
    /// those.</summary>
    public bool HasBurst(uint bytes)
    {
        ulong wanted = TicksOf(Rate, bytes);
        int difference = unchecked((int)(BurstTicks - (uint)wanted));
        return (ulong)Math.Abs((long)difference) <= (wanted / 1000) + 1;
    }

    /// <summary>The time that so many bytes take, in ticks of 64 ns.</summary>
    internal static ulong TicksOf(ulong rate, uint bytes) => rate == 0 ? 0 : (ulong)((UInt128)bytes * 1_000_000_000 / rate) >> TickShift;

    internal static TbfDetails Decode(NetlinkReader reader)
    {
        TbfDetails tbf = new();
        ulong? rate64 = null;
        while (reader.TryRead(out NetlinkAttribute a))
        {
            switch ((TCA_TBF)a.Type)
            {
                case TCA_TBF.PARMS:
                    TcTbfQopt parms = a.Struct<TcTbfQopt>();
                    (tbf.Rate, tbf.Limit, tbf.BurstTicks) = (parms.Rate.Rate, parms.Limit, parms.Buffer);
                    break;
                case TCA_TBF.RATE64:
                    rate64 = a.U64();
                    break;
            }
        }
        tbf.Rate = rate64 ?? tbf.Rate;
        return tbf;
    }
}
