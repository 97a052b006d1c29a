using Twill.Linux.Netlink;

namespace Twill.Linux.Nexthops;

/// <summary><c>ip nexthop show [dev LINK]</c>. EOPNOTSUPP before Linux 5.3.</summary>
public readonly record struct ListNexthops : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.GETNEXTHOP;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.Dump;

    /// <summary>Only those through the interface with this index; 0 for all.</summary>
    public int Index { get; init; }

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) => new CommandText("ip nexthop show").Add("dev", names.LinkOrNull(Index)).ToString();

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        w.Header(default(NhMsg));
        if (Index != 0)
        {
            w.Put(NHA.OIF, Index);
        }
    }
}
