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

    /// <summary><c>bridge fdb VERB MAC dev LINK [dst HOST] [vlan V] [port P] [vni V] self|master [extern_learn] [sticky]</c>.</summary>
    internal static CommandText Command(
        string verb,
        string link,
        MacAddress mac,
        IPAddress? destination,
        ushort vlan,
        ushort port,
        uint? vni,
        NeighbourFlags flags
    ) =>
        new CommandText("bridge fdb")
            .Add(verb)
            .Add(mac.ToString())
            .Add("dev", link)
            .Add("dst", destination)
            .Add("vlan", vlan)
            .Add("port", port)
            .Add("vni", vni)
            .AddIf((flags & NeighbourFlags.Master) == 0, "self")
            .AddIf((flags & NeighbourFlags.Master) != 0, "master")
            .AddIf((flags & NeighbourFlags.ExternallyLearned) != 0, "extern_learn")
            .AddIf((flags & NeighbourFlags.Sticky) != 0, "sticky");

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
