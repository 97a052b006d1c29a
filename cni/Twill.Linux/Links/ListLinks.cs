using System.Text;
using Twill.Linux.Netlink;

namespace Twill.Linux.Links;

/// <summary><c>ip link show [master BRIDGE] [type KIND]</c>, without the statistics. The kernel filters.</summary>
public readonly record struct ListLinks : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.GETLINK;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.Dump;

    /// <summary>Only ports of the bridge with this interface index; 0 for all.</summary>
    public int Master { get; init; }

    /// <summary>Only links of this kind, e.g. <c>vxlan</c>; null for all.</summary>
    public string? Kind { get; init; }

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) =>
        new CommandText("ip link show").Add("master", names.LinkOrNull(Master)).Add("type", Kind).ToString();

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        w.Header(new IfInfoMsg());
        w.Put(IFLA.EXT_MASK, (uint)RTEXT_FILTER.SKIP_STATS);
        if (Master != 0)
        {
            w.Put(IFLA.MASTER, Master);
        }

        if (Kind is not null)
        {
            Nest info = w.Begin(IFLA.LINKINFO);
            w.Put(IFLA_INFO.KIND, Encoding.UTF8.GetBytes(Kind));
            w.End(info);
        }
    }
}
