using System.Runtime.InteropServices;
using Twill.Linux.Netlink;

namespace Twill.Linux.TrafficControl;

/// <summary>
/// <c>tc qdisc add dev LINK root handle 1: tbf rate RATE burst BURST limit LIMIT</c>: a token bucket filter. What leaves by the link
/// does so at RATE, of which up to BURST may be saved up while it is quiet; what has to wait is queued up to LIMIT and then dropped.
/// A packet longer than BURST or LIMIT is always dropped. EEXIST when the link has such a discipline already.
/// </summary>
/// <param name="Index">Interface index.</param>
/// <param name="Rate">Bytes per second, Ethernet headers included; at least 1.</param>
/// <param name="Burst">Bytes.</param>
/// <param name="Limit">Bytes.</param>
public readonly record struct NewTbf(int Index, ulong Rate, uint Burst, uint Limit) : INetlinkRequest
{
    private const byte TC_LINKLAYER_ETHERNET = 1;

    /// <inheritdoc/>
    public static ushort Type => RTM.NEWQDISC;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.Create | NetlinkFlags.Excl;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) =>
        new CommandText("tc qdisc add")
            .Add("dev", names.Link(Index))
            .Add("root handle 1: tbf")
            .Add("rate", $"{8 * (UInt128)Rate}bit")
            .AddNumber("burst", Burst)
            .AddNumber("limit", Limit)
            .ToString();

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        w.Header(
            new TcMsg
            {
                Index = Index,
                Handle = TcHandle.First,
                Parent = TcHandle.Root,
            }
        );
        w.Put(TCA.KIND, "tbf");
        Nest options = w.Begin(TCA.OPTIONS);
        {
            PutParms(ref w);
            w.Put(TCA_TBF.BURST, Burst);
            if (Rate > uint.MaxValue)
            {
                w.Put(TCA_TBF.RATE64, Rate);
            }
        }
        w.End(options);
    }

    // TCA_TBF_RTAB, the times that packets of each length take, is left out: since Linux 3.8 the kernel reckons them itself, and asks
    // the table only when the link layer is not given.
    private void PutParms(ref NetlinkWriter w)
    {
        TcTbfQopt parms = new()
        {
            Rate = new TcRateSpec { LinkLayer = TC_LINKLAYER_ETHERNET, Rate = (uint)Math.Min(Rate, uint.MaxValue) },
            Limit = Limit,
            Buffer = (uint)Math.Min(TbfDetails.TicksOf(Rate, Burst), uint.MaxValue),
        };
        w.Put(TCA_TBF.PARMS, MemoryMarshal.AsBytes(new ReadOnlySpan<TcTbfQopt>(in parms)));
    }
}
