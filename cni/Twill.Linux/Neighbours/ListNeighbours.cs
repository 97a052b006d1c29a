using System.Net.Sockets;
using Twill.Linux.Netlink;

namespace Twill.Linux.Neighbours;

/// <summary><c>ip [-4|-6] neigh show dev LINK nud all</c>, or <c>show proxy</c>. The kernel filters.</summary>
public readonly record struct ListNeighbours : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.GETNEIGH;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.Dump;

    /// <summary>Only neighbours on the interface with this index; 0 for all.</summary>
    public int Index { get; init; }

    /// <summary>Only neighbours of this family; Unspecified (0) for both.</summary>
    public AddressFamily Family { get; init; }

    /// <summary>Instead of neighbours, the addresses that this host answers for.</summary>
    public bool Proxies { get; init; }

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) =>
        new CommandText(AF.Ip(Family))
            .Add(Proxies ? "neigh show proxy" : "neigh show")
            .Add("dev", names.LinkOrNull(Index))
            .AddIf(!Proxies, "nud all")
            .ToString();

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        w.Header(new NdMsg { Family = AF.Of(Family), Flags = (byte)(Proxies ? NeighbourFlags.Proxy : NeighbourFlags.None) });
        if (Index != 0)
        {
            w.Put(NDA.IFINDEX, Index);
        }
    }
}
