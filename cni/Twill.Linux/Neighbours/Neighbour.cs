using System.Net;
using Twill.Linux.Netlink;

namespace Twill.Linux.Neighbours;

/// <summary>
/// A neighbour (IP address to hardware address) or an FDB entry (hardware address to port or host) as the kernel describes it
/// (RTM_NEWNEIGH): what <c>ip neigh show</c> and <c>bridge fdb show</c> show.
/// </summary>
public sealed class Neighbour
{
    private byte _family;

    /// <summary>Interface index; of a bridge's FDB entry, the port.</summary>
    public int Index { get; private set; }

    /// <summary>True for an FDB entry, false for a neighbour.</summary>
    public bool IsFdbEntry => _family == AF.BRIDGE;

    /// <summary>The neighbour's IP address; of a vxlan device's FDB entry, the host. Null when there is none.</summary>
    public IPAddress? Address { get; private set; }

    /// <summary>The hardware address; null while it is not known.</summary>
    public MacAddress? Mac { get; private set; }

    /// <summary>How sure the kernel is of it.</summary>
    public NeighbourState State { get; private set; }

    /// <summary>NTF_*.</summary>
    public NeighbourFlags Flags { get; private set; }

    /// <summary>Set by hand, never ages.</summary>
    public bool IsPermanent => (State & NeighbourState.Permanent) != 0;

    /// <summary>Who made the neighbour entry; 0 for nobody in particular, and for FDB entries.</summary>
    public byte Protocol { get; private set; }

    /// <summary>VLAN; 0 for none.</summary>
    public ushort Vlan { get; private set; }

    /// <summary>UDP port of the host; 0 for the device's.</summary>
    public ushort Port { get; private set; }

    /// <summary>VXLAN network identifier on the way to the host; null for the device's.</summary>
    public uint? Vni { get; private set; }

    /// <summary>Of a vxlan device's FDB entry, the interface index that outer packets must leave by (`via`); 0 when the routes
    /// decide.</summary>
    public int ViaIndex { get; private set; }

    /// <summary>Of a vxlan device's FDB entry, the nexthop object that stands for the hosts (`nhid`); 0 for none.</summary>
    public uint NexthopId { get; private set; }

    /// <summary>Interface index of the bridge; 0 for none.</summary>
    public int MasterIndex { get; private set; }

    /// <inheritdoc/>
    public override string ToString() => IsFdbEntry ? $"{Mac} dst {Address} dev #{Index}" : $"{Address} lladdr {Mac} dev #{Index}";

    /// <summary>Reads RTM_NEWNEIGH (or RTM_DELNEIGH). Attributes that are not known are skipped.</summary>
    /// <returns>Null for any other message.</returns>
    /// <exception cref="NetlinkFormatException">The message is malformed.</exception>
    public static Neighbour? Decode(in NetlinkMessage message)
    {
        if (message.Type is not (RTM.NEWNEIGH or RTM.DELNEIGH))
        {
            return null;
        }

        NetlinkReader reader = message.Reader;
        NdMsg header = reader.Header<NdMsg>();
        Neighbour neighbour = new()
        {
            _family = header.Family,
            Index = header.Index,
            State = (NeighbourState)header.State,
            Flags = (NeighbourFlags)header.Flags,
        };
        while (reader.TryRead(out NetlinkAttribute a))
        {
            switch ((NDA)a.Type)
            {
                case NDA.DST:
                    neighbour.Address = a.Value.Length is 4 or 16 ? a.Address() : null;
                    break;
                case NDA.LLADDR:
                    neighbour.Mac = a.Value.Length == MacAddress.Length ? a.Mac() : null;
                    break;
                case NDA.PROTOCOL:
                    neighbour.Protocol = a.U8();
                    break;
                case NDA.VLAN:
                    neighbour.Vlan = a.U16();
                    break;
                case NDA.PORT:
                    neighbour.Port = a.Be16();
                    break;
                case NDA.VNI:
                    neighbour.Vni = a.U32();
                    break;
                case NDA.IFINDEX:
                    neighbour.ViaIndex = a.S32();
                    break;
                case NDA.NH_ID:
                    neighbour.NexthopId = a.U32();
                    break;
                case NDA.MASTER:
                    neighbour.MasterIndex = a.S32();
                    break;
            }
        }
        return neighbour;
    }
}
