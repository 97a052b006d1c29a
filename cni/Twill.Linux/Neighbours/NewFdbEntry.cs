using System.Net;
using Twill.Linux.Netlink;

namespace Twill.Linux.Neighbours;

/// <summary>
/// <c>bridge fdb replace MAC dev LINK dst HOST self permanent</c>: of a vxlan device, at which host a hardware address is. (FDB entries
/// cannot say who made them: the kernel takes NDA_PROTOCOL for neighbours only.)
/// </summary>
/// <param name="Index">Interface index.</param>
/// <param name="Mac">The hardware address; <see cref="MacAddress.Zero"/> for all that are not listed.</param>
public readonly record struct NewFdbEntry(int Index, MacAddress Mac) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.NEWNEIGH;

    /// <summary>Replace, or Append for one more host of the address.</summary>
    public NetlinkFlags Flags => NetlinkFlags.Create | (Append ? NetlinkFlags.Append : NetlinkFlags.Replace);

    /// <summary><c>bridge fdb append</c>: a further host, where the address is <see cref="MacAddress.Zero"/> or multicast.</summary>
    public bool Append { get; init; }

    /// <summary>The host (vxlan), IPv4 or IPv6; null for a bridge's entry.</summary>
    public IPAddress? Destination { get; init; }

    /// <summary>The host's UDP port (vxlan); 0 for the device's.</summary>
    public ushort Port { get; init; }

    /// <summary>VXLAN network identifier on the way to the host; null for the device's.</summary>
    public uint? Vni { get; init; }

    /// <summary>VLAN (bridge); 0 for none.</summary>
    public ushort Vlan { get; init; }

    /// <summary>Self, the device's own table (0), or Master, the table of the bridge it is a port of.</summary>
    public NeighbourFlags EntryFlags { get; init; }

    /// <summary>None (0) for permanent; Reachable ("static" or "dynamic") ages or not as the table says.</summary>
    public NeighbourState State { get; init; }

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) =>
        FdbParts
            .Command(Append ? "append" : "replace", names.Link(Index), Mac, Destination, Vlan, Port, Vni, EntryFlags)
            .Add(State is NeighbourState.None or NeighbourState.Permanent ? "permanent" : "static")
            .ToString();

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        w.Header(FdbParts.Header(Index, EntryFlags, State == NeighbourState.None ? NeighbourState.Permanent : State));
        w.Put(NDA.LLADDR, Mac);
        FdbParts.Put(ref w, Destination, Vlan, Port, Vni);
    }
}
