using System.Net;
using Twill.Linux.Netlink;

namespace Twill.Linux.Neighbours;

/// <summary><c>ip neigh replace ADDRESS lladdr MAC dev LINK nud permanent [protocol P]</c></summary>
/// <param name="Index">Interface index.</param>
/// <param name="Address">IPv4 (ARP) or IPv6 (neighbour discovery).</param>
/// <param name="Mac">Its hardware address.</param>
public readonly record struct NewNeighbour(int Index, IPAddress Address, MacAddress Mac) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.NEWNEIGH;

    /// <summary>Replace, or Excl for <c>ip neigh add</c>.</summary>
    public NetlinkFlags Flags => NetlinkFlags.Create | (MustBeNew ? NetlinkFlags.Excl : NetlinkFlags.Replace);

    /// <summary><c>ip neigh add</c>: EEXIST when the address is known already, also from ARP.</summary>
    public bool MustBeNew { get; init; }

    /// <summary>Its state; None (0) for permanent.</summary>
    public NeighbourState State { get; init; }

    /// <summary>Who made the entry (NDA_PROTOCOL, Linux 5.0 and later); 0 for nobody in particular.</summary>
    public byte Protocol { get; init; }

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) =>
        new CommandText(MustBeNew ? "ip neigh add" : "ip neigh replace")
            .Add(Address.ToString())
            .Add("lladdr", Mac)
            .Add("dev", names.Link(Index))
            .Add("nud", State == NeighbourState.None ? "permanent" : State.ToString().ToLowerInvariant())
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
                State = (ushort)(State == NeighbourState.None ? NeighbourState.Permanent : State),
            }
        );
        if (Protocol != 0)
        {
            w.Put(NDA.PROTOCOL, Protocol);
        }

        w.Put(NDA.DST, Address);
        w.Put(NDA.LLADDR, Mac);
    }
}
