using System.Net;
using Twill.Linux.Netlink;

namespace Twill.Linux.Neighbours;

/// <summary><c>bridge fdb del MAC dev LINK [dst HOST] self</c>. ENOENT when there is none.</summary>
/// <param name="Index">Interface index.</param>
/// <param name="Mac">The hardware address.</param>
public readonly record struct DeleteFdbEntry(int Index, MacAddress Mac) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.DELNEIGH;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.None;

    /// <summary>The host (vxlan); null for all hosts of the address.</summary>
    public IPAddress? Destination { get; init; }

    /// <summary>The host's UDP port (vxlan); 0 for the device's.</summary>
    public ushort Port { get; init; }

    /// <summary>VXLAN network identifier on the way to the host; null for the device's.</summary>
    public uint? Vni { get; init; }

    /// <summary>VLAN (bridge); 0 for none.</summary>
    public ushort Vlan { get; init; }

    /// <summary>Self, the device's own table (0), or Master, the table of the bridge it is a port of.</summary>
    public NeighbourFlags EntryFlags { get; init; }

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) =>
        FdbParts.Command("del", names.Link(Index), Mac, Destination, Vlan, Port, Vni, EntryFlags).ToString();

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        w.Header(FdbParts.Header(Index, EntryFlags, NeighbourState.Permanent));
        w.Put(NDA.LLADDR, Mac);
        FdbParts.Put(ref w, Destination, Vlan, Port, Vni);
    }
}
