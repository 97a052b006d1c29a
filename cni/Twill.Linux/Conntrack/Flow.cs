using System.Net;
using Twill.Linux.Netlink;
using Twill.Linux.Nftables;

namespace Twill.Linux.Conntrack;

/// <summary>One direction of a connection, as its packets carry it.</summary>
/// <param name="Source">Source address.</param>
/// <param name="Destination">Destination address.</param>
/// <param name="Protocol">IP protocol number: 6 TCP, 17 UDP, 132 SCTP.</param>
/// <param name="SourcePort">0 for protocols without ports.</param>
/// <param name="DestinationPort">0 for protocols without ports.</param>
public sealed record FlowTuple(IPAddress Source, IPAddress Destination, byte Protocol, ushort SourcePort, ushort DestinationPort);

/// <summary>A connection that the kernel tracks, as a line of <c>conntrack -L</c> shows it.</summary>
/// <param name="Original">How its first packet was addressed, before any translation.</param>
/// <param name="Reply">How answers are addressed: the source is whom the packets really reach.</param>
/// <param name="Id">The kernel's number for it.</param>
/// <param name="Zone">Its zone; 0 unless rules set one.</param>
public sealed record Flow(FlowTuple Original, FlowTuple Reply, uint Id = 0, ushort Zone = 0)
{
    internal static Flow? Decode(in NetlinkMessage message)
    {
        if (message.Type != (ushort)IPCTNL_MSG.CT_NEW)
        {
            return null;
        }

        NetlinkReader reader = message.Reader;
        reader.Header<NfGenMsg>();
        FlowTuple? original = null,
            reply = null;
        uint id = 0;
        ushort zone = 0;
        while (reader.TryRead(out NetlinkAttribute attribute))
        {
            switch ((CTA)attribute.Type)
            {
                case CTA.TUPLE_ORIG:
                    original = DecodeTuple(attribute.Nested);
                    break;
                case CTA.TUPLE_REPLY:
                    reply = DecodeTuple(attribute.Nested);
                    break;
                case CTA.ID:
                    id = attribute.Be32();
                    break;
                case CTA.ZONE:
                    zone = attribute.Be16();
                    break;
            }
        }
        return original is not null && reply is not null ? new Flow(original, reply, id, zone) : null;
    }

    private static FlowTuple? DecodeTuple(NetlinkReader reader)
    {
        IPAddress? source = null,
            destination = null;
        byte protocol = 0;
        ushort sourcePort = 0,
            destinationPort = 0;
        while (reader.TryRead(out NetlinkAttribute part))
        {
            NetlinkReader inside = part.Nested;
            while (inside.TryRead(out NetlinkAttribute attribute))
            {
                switch ((CTA_TUPLE)part.Type, attribute.Type)
                {
                    case (CTA_TUPLE.IP, (ushort)CTA_IP.V4_SRC or (ushort)CTA_IP.V6_SRC):
                        source = attribute.Address();
                        break;
                    case (CTA_TUPLE.IP, (ushort)CTA_IP.V4_DST or (ushort)CTA_IP.V6_DST):
                        destination = attribute.Address();
                        break;
                    case (CTA_TUPLE.PROTO, (ushort)CTA_PROTO.NUM):
                        protocol = attribute.U8();
                        break;
                    case (CTA_TUPLE.PROTO, (ushort)CTA_PROTO.SRC_PORT):
                        sourcePort = attribute.Be16();
                        break;
                    case (CTA_TUPLE.PROTO, (ushort)CTA_PROTO.DST_PORT):
                        destinationPort = attribute.Be16();
                        break;
                }
            }
        }
        return source is null || destination is null ? null : new FlowTuple(source, destination, protocol, sourcePort, destinationPort);
    }
}
