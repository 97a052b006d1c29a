using Twill.Linux.Netlink;

namespace Twill.Linux.Links;

/// <summary><c>ip link show dev LINK</c>, without the statistics. ENODEV when there is none.</summary>
/// <param name="Link">Which link.</param>
public readonly record struct GetLink(LinkRef Link) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.GETLINK;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.None;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) => $"ip link show dev {Link.NameIn(names)}";

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        w.Header(new IfInfoMsg { Index = Link.Index });
        w.Put(IFLA.EXT_MASK, (uint)RTEXT_FILTER.SKIP_STATS);
        Link.PutName(ref w);
    }
}
