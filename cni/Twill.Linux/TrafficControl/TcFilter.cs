using System.Buffers.Binary;
using Twill.Linux.Netlink;

namespace Twill.Linux.TrafficControl;

/// <summary>
/// A filter as the kernel describes it (RTM_NEWTFILTER): one part of <c>tc filter show</c>. Of a u32 filter it tells three: priority,
/// hash table, and the rule itself, which alone has an action.
/// </summary>
public sealed class TcFilter
{
    internal const int TCA_EGRESS_REDIR = 1;

    /// <summary>Index of the interface it is on.</summary>
    public required int Index { get; init; }

    /// <summary>What it hangs on, e.g. <see cref="TcHandle.IngressQdisc"/>.</summary>
    public required uint Parent { get; init; }

    /// <summary>Filters of lower numbers come first.</summary>
    public required ushort Priority { get; init; }

    /// <summary>Ethernet protocol of the frames it looks at, ETH_P_*: 3 for all.</summary>
    public required ushort Protocol { get; init; }

    /// <summary><c>u32</c>, <c>matchall</c>, ..</summary>
    public string Kind { get; private set; } = "";

    /// <summary>Interface index that its first action redirects to, on that one's way out; 0 when it does something else.</summary>
    public int RedirectIndex { get; private set; }

    /// <summary>Reads RTM_NEWTFILTER. Attributes that are not known are skipped.</summary>
    /// <returns>Null for any other message.</returns>
    /// <exception cref="NetlinkFormatException">The message is malformed.</exception>
    public static TcFilter? Decode(in NetlinkMessage message)
    {
        if (message.Type != RTM.NEWTFILTER)
        {
            return null;
        }

        NetlinkReader reader = message.Reader;
        TcMsg header = reader.Header<TcMsg>();
        TcFilter filter = new()
        {
            Index = header.Index,
            Parent = header.Parent,
            Priority = (ushort)(header.Info >> 16),
            Protocol = BigEndian((ushort)header.Info),
        };
        while (reader.TryRead(out NetlinkAttribute a))
        {
            switch ((TCA)a.Type)
            {
                case TCA.KIND:
                    filter.Kind = a.Text();
                    break;
                case TCA.OPTIONS when filter.Kind == "u32":
                    filter.RedirectIndex = RedirectIn(a.Nested);
                    break;
            }
        }
        return filter;
    }

    internal static ushort BigEndian(ushort value) => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value;

    private static int RedirectIn(NetlinkReader u32)
    {
        while (u32.TryRead(out NetlinkAttribute a))
        {
            NetlinkReader actions = a.Nested;
            if ((TCA_U32)a.Type == TCA_U32.ACT && actions.TryRead(out NetlinkAttribute first))
            {
                return RedirectOf(first.Nested);
            }
        }
        return 0;
    }

    private static int RedirectOf(NetlinkReader action)
    {
        bool mirred = false;
        while (action.TryRead(out NetlinkAttribute a))
        {
            switch ((TCA_ACT)a.Type)
            {
                case TCA_ACT.KIND:
                    mirred = a.Text() == "mirred";
                    break;
                case TCA_ACT.OPTIONS when mirred:
                    return TargetOf(a.Nested);
            }
        }
        return 0;
    }

    private static int TargetOf(NetlinkReader mirred)
    {
        while (mirred.TryRead(out NetlinkAttribute a))
        {
            if ((TCA_MIRRED)a.Type == TCA_MIRRED.PARMS && a.Struct<TcMirred>() is { EAction: TCA_EGRESS_REDIR } parms)
            {
                return (int)parms.IfIndex;
            }
        }
        return 0;
    }
}
