using Twill.Linux.Netlink;

namespace Twill.Linux.Links;

/// <summary><c>ip link del dev LINK</c>. Deleting one end of a veth pair deletes both. ENODEV when there is none.</summary>
/// <param name="Link">Which link.</param>
public readonly record struct DeleteLink(LinkRef Link) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.DELLINK;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.None;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) => $"ip link del dev {Link.NameIn(names)}";

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        w.Header(new IfInfoMsg { Index = Link.Index });
        Link.PutName(ref w);
    }
}
