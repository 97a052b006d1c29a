using System.Runtime.InteropServices;
using Twill.Linux.Netlink;

namespace Twill.Linux.TrafficControl;

/// <summary>
/// <c>tc filter add dev LINK parent ffff: protocol all prio 1 u32 match u32 0 0 action mirred egress redirect dev TARGET</c>: all that
/// arrives by the link leaves by the target instead, which for an ifb is a detour. The link needs its hook first
/// (<see cref="NewIngress"/>).
/// </summary>
/// <param name="Index">Interface index.</param>
/// <param name="Target">Interface index of the target, in the same namespace.</param>
public readonly record struct NewRedirect(int Index, int Target) : INetlinkRequest
{
    private const uint Priority = 1;
    private const ushort ETH_P_ALL = 3;
    private const byte TC_U32_TERMINAL = 1;
    private const int TC_ACT_STOLEN = 4;

    /// <inheritdoc/>
    public static ushort Type => RTM.NEWTFILTER;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.Create | NetlinkFlags.Excl;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) =>
        new CommandText("tc filter add")
            .Add("dev", names.Link(Index))
            .Add("parent ffff: protocol all prio 1 u32 match u32 0 0 action mirred egress redirect")
            .Add("dev", names.Link(Target))
            .ToString();

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        w.Header(
            new TcMsg
            {
                Index = Index,
                Parent = TcHandle.IngressQdisc,
                Info = (Priority << 16) | TcFilter.BigEndian(ETH_P_ALL),
            }
        );
        w.Put(TCA.KIND, "u32");
        Nest options = w.Begin(TCA.OPTIONS);
        {
            Nest actions = w.Begin(TCA_U32.ACT);
            {
                Nest action = w.Begin(ACT_PRIO.FIRST);
                PutRedirect(ref w);
                w.End(action);
            }
            w.End(actions);
            TcU32Sel all = new() { Flags = TC_U32_TERMINAL, Keys = 1 }; // one key that compares no bit
            w.Put(TCA_U32.SEL, MemoryMarshal.AsBytes(new ReadOnlySpan<TcU32Sel>(in all)));
        }
        w.End(options);
    }

    private void PutRedirect(ref NetlinkWriter w)
    {
        TcMirred redirect = new()
        {
            Action = TC_ACT_STOLEN,
            EAction = TcFilter.TCA_EGRESS_REDIR,
            IfIndex = (uint)Target,
        };
        w.Put(TCA_ACT.KIND, "mirred");
        Nest options = w.Begin(TCA_ACT.OPTIONS);
        w.Put(TCA_MIRRED.PARMS, MemoryMarshal.AsBytes(new ReadOnlySpan<TcMirred>(in redirect)));
        w.End(options);
    }
}
