using System.Net;
using Twill.Linux.Netlink;

namespace Twill.Linux.Neighbours;

/// <summary>What requests about FDB entries have in common.</summary>
internal static class FdbParts
{
    internal static NdMsg Header(int index, NeighbourFlags flags, NeighbourState state) =>
        new()
        {
            Family = AF.BRIDGE,
            Index = index,
            State = (ushort)(state | NeighbourState.NoArp),
            Flags = (byte)(flags == NeighbourFlags.None ? NeighbourFlags.Self : flags),
        };

    internal static void Put(ref NetlinkWriter w, IPAddress? destination, ushort vlan, ushort port, uint? vni)
    {
        if (destination is not null)
        {
            w.Put(NDA.DST, destination);
        }

        if (vlan != 0)
        {
            w.Put(NDA.VLAN, vlan);
        }

        if (port != 0)
        {
            w.PutBe16(NDA.PORT, port);
        }

        if (vni is { } id)
        {
            w.Put(NDA.VNI, id);
        }
    }
}
