using System.Net;
using Twill.Linux.Netlink;

namespace Twill.Linux.Neighbours;

/// <summary><c>ip neigh del [proxy] ADDRESS dev LINK</c>. ENOENT when there is none.</summary>
/// <param name="Index">Interface index.</param>
/// <param name="Address">IPv4 or IPv6.</param>
public readonly record struct DeleteNeighbour(int Index, IPAddress Address) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.DELNEIGH;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.None;

    /// <summary>Whether it is an address that this host answers for.</summary>
    public bool IsProxy { get; init; }

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) => $"ip neigh del {(IsProxy ? "proxy " : "")}{Address} dev {names.Link(Index)}";

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        w.Header(
            new NdMsg
            {
                Family = AF.Of(Address),
                Index = Index,
                State = (ushort)NeighbourState.Permanent,
                Flags = (byte)(IsProxy ? NeighbourFlags.Proxy : NeighbourFlags.None),
            }
        );
        w.Put(NDA.DST, Address);
    }
}
