using Twill.Linux.Netlink;

namespace Twill.Linux.Nexthops;

/// <summary>
/// <c>ip nexthop del id ID</c>: the kernel deletes the routes that name it as well, looking through all routes for them, so those are
/// better deleted before. ENOENT when there is none.
/// </summary>
/// <param name="Id">Its number.</param>
public readonly record struct DeleteNexthop(uint Id) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.DELNEXTHOP;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.None;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) => new CommandText("ip nexthop del").AddNumber("id", Id).ToString();

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        w.Header(default(NhMsg));
        w.Put(NHA.ID, Id);
    }
}
