using Twill.Linux.Netlink;

namespace Twill.Linux.Neighbours;

/// <summary><c>bridge fdb show [dev LINK] [br BRIDGE]</c>. The kernel filters.</summary>
public readonly record struct ListFdb : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.GETNEIGH;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.Dump;

    /// <summary>Only entries of the device with this interface index; 0 for all.</summary>
    public int Index { get; init; }

    /// <summary>Only entries of the bridge with this interface index and of its ports; 0 for all.</summary>
    public int Master { get; init; }

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) =>
        new CommandText("bridge fdb show").Add("dev", names.LinkOrNull(Index)).Add("br", names.LinkOrNull(Master)).ToString();

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        w.Header(new NdMsg { Family = AF.BRIDGE, Index = Index });
        if (Master != 0)
        {
            w.Put(NDA.MASTER, Master);
        }
    }
}
