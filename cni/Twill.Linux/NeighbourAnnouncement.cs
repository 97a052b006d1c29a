using System.Buffers.Binary;
using System.Net;
using Twill.System;

namespace Twill.Linux;

/// <summary>
/// Tells everybody on a link at which hardware address an IPv6 address is now: an unsolicited neighbour advertisement (RFC 4861, section
/// 7.2.6). Who knew it at another corrects that at once, instead of sending there until it notices that nobody answers; nobody else takes
/// note. <see cref="ArpAnnouncement"/> is IPv4's.
/// </summary>
public static class NeighbourAnnouncement
{
    private const int HeaderLength = 40,
        MessageLength = 32;

    /// <summary>Bytes of the packet.</summary>
    internal const int Length = HeaderLength + MessageLength;

    /// <summary>Sends it from a link of the calling thread's network namespace.</summary>
    /// <param name="index">Interface index.</param>
    /// <param name="address">The IPv6 address.</param>
    /// <param name="at">Where it is.</param>
    /// <exception cref="LibcException">There is no such link, it is down, or CAP_NET_RAW is missing.</exception>
    /// <exception cref="ArgumentException">The address is not an IPv6 address.</exception>
    public static void Send(int index, IPAddress address, MacAddress at)
    {
        Span<byte> packet = stackalloc byte[Length];
        Write(packet, address, at);
        Libc.SendTo(index, [0x33, 0x33, 0, 0, 0, 1], Libc.ETH_P_IPV6, packet);
    }

    /// <summary>The packet: struct ipv6hdr from the address itself to all nodes, then ICMPv6 type 136 with the flag "override" and the
    /// option 2.</summary>
    internal static void Write(Span<byte> packet, IPAddress address, MacAddress at)
    {
        const byte NeighbourAdvertisement = 136,
            Override = 0x20,
            TargetLinkLayerAddress = 2;
        packet[..Length].Clear();
        packet[0] = 6 << 4;
        packet[5] = MessageLength;
        packet[6] = IPProtocol.Icmpv6;
        packet[7] = 255; // hop limit: from this link
        if (!address.TryWriteBytes(packet[8..24], out int written) || written != 16)
        {
            throw new ArgumentException($"{address} is not an IPv6 address", nameof(address));
        }

        packet[24] = 0xff; // ff02::1, all nodes
        packet[25] = 0x02;
        packet[39] = 0x01;
        Span<byte> message = packet[HeaderLength..Length];
        message[0] = NeighbourAdvertisement;
        message[4] = Override;
        packet[8..24].CopyTo(message[8..]);
        message[24] = TargetLinkLayerAddress;
        message[25] = 1; // times 8 bytes
        at.CopyTo(message[26..]);
        BinaryPrimitives.WriteUInt16BigEndian(message[2..], Checksum(packet));
    }

    /// <summary>RFC 8200, section 8.1: of both addresses, length and protocol, and the message.</summary>
    private static ushort Checksum(ReadOnlySpan<byte> packet)
    {
        uint sum = packet[5] + (uint)packet[6];
        for (int i = 8; i < Length; i += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(packet[i..]);
        }

        while (sum >> 16 != 0)
        {
            sum = (sum & 0xffff) + (sum >> 16);
        }

        return (ushort)~sum;
    }
}
