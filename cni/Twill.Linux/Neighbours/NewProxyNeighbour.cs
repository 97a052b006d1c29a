using System.Net;
using Twill.Linux.Netlink;

namespace Twill.Linux.Neighbours;

/// <summary><c>ip neigh replace proxy ADDRESS dev LINK [protocol P]</c>: this host answers on the link who asks for the address.</summary>
/// <param name="Index">Interface index.</param>
/// <param name="Address">IPv4 or IPv6; for the latter the link needs <c>proxy_ndp</c>.</param>
public readonly record struct NewProxyNeighbour(int Index, IPAddress Address) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.NEWNEIGH;

    /// <summary>One that exists is no error.</summary>
    public NetlinkFlags Flags => NetlinkFlags.Create | NetlinkFlags.Replace;

    /// <summary>Who made the entry (NDA_PROTOCOL); 0 for nobody in particular.</summary>
    public byte Protocol { get; init; }

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) =>
        new CommandText("ip neigh replace proxy")
            .Add(Address.ToString())
            .Add("dev", names.Link(Index))
            .Add("protocol", Protocol)
            .ToString();

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        w.Header(
            new NdMsg
            {
                Family = AF.Of(Address),
                Index = Index,
                State = (ushort)NeighbourState.Permanent,
                Flags = (byte)NeighbourFlags.Proxy,
            }
        );
        if (Protocol != 0)
        {
            w.Put(NDA.PROTOCOL, Protocol);
        }

        w.Put(NDA.DST, Address);
    }
}
