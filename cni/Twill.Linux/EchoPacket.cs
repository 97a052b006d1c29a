using System.Buffers.Binary;
using Twill.System;

namespace Twill.Linux;

/// <summary>
/// An echo request or reply of ICMP (RFC 792) or ICMPv6 (RFC 4443, section 4): type, code, checksum, identifier and sequence number, all
/// in network byte order, and then what the reply brings back as it was sent.
/// </summary>
public static class EchoPacket
{
    /// <summary>Bytes before the data.</summary>
    public const int HeaderLength = 8;

    private const byte Reply = 0,
        Request = 8,
        TimeExceeded = 11,
        TimeExceededV6 = 3,
        RequestV6 = 128,
        ReplyV6 = 129;

    /// <summary>Bytes of the IP header before it, without options.</summary>
    public static int IPHeaderLength(bool isIPv6) => isIPv6 ? 40 : 20;

    /// <summary>Writes the header of a request before the data that are there already.</summary>
    /// <param name="packet">Header and data.</param>
    /// <param name="isIPv6">ICMPv6, whose checksum the kernel writes, as it covers the IP header too (RFC 3542, section 3.1).</param>
    /// <param name="identifier">Tells the sender's packets from those of others.</param>
    /// <param name="sequence">The packet's number.</param>
    public static void WriteRequest(Span<byte> packet, bool isIPv6, ushort identifier, ushort sequence)
    {
        packet[0] = isIPv6 ? RequestV6 : Request;
        packet[1..4].Clear();
        BinaryPrimitives.WriteUInt16BigEndian(packet[4..], identifier);
        BinaryPrimitives.WriteUInt16BigEndian(packet[6..], sequence);
        if (!isIPv6)
        {
            BinaryPrimitives.WriteUInt16BigEndian(packet[2..], Checksum(packet));
        }
    }

    /// <summary>Reads a packet as a raw socket gives it: of IPv4 with its IP header, of IPv6 without.</summary>
    /// <param name="received">What was received; its end may be missing.</param>
    /// <param name="isIPv6">ICMPv6.</param>
    /// <param name="echo">What it is: of a request whose hop limit ended on the way (time exceeded), that request.</param>
    /// <returns>False when it is no whole header of an echo.</returns>
    public static bool TryRead(ReadOnlySpan<byte> received, bool isIPv6, out Echo echo)
    {
        echo = default;
        if ((!isIPv6 && !TrySkipHeader(ref received, isIPv6: false)) || received.Length < HeaderLength || received[1] != 0)
        {
            return false;
        }

        if (received[0] == (isIPv6 ? TimeExceededV6 : TimeExceeded))
        {
            received = received[HeaderLength..];
            int protocol = isIPv6 ? 6 : 9; // where it is: struct ipv6hdr nexthdr, struct iphdr protocol
            if (
                received.Length <= protocol
                || received[protocol] != (isIPv6 ? IPProtocol.Icmpv6 : IPProtocol.Icmp)
                || !TrySkipHeader(ref received, isIPv6)
                || received.Length < HeaderLength
                || received[0] != (isIPv6 ? RequestV6 : Request)
                || received[1] != 0
            )
            {
                return false;
            }

            echo = new Echo(
                isReply: false,
                BinaryPrimitives.ReadUInt16BigEndian(received[4..]),
                BinaryPrimitives.ReadUInt16BigEndian(received[6..]),
                received[HeaderLength..],
                isExpired: true
            );
            return true;
        }

        bool isReply = received[0] == (isIPv6 ? ReplyV6 : Reply);
        echo = new Echo(
            isReply,
            BinaryPrimitives.ReadUInt16BigEndian(received[4..]),
            BinaryPrimitives.ReadUInt16BigEndian(received[6..]),
            received[HeaderLength..]
        );
        return isReply || received[0] == (isIPv6 ? RequestV6 : Request);
    }

    /// <summary>Goes past an IP header.</summary>
    private static bool TrySkipHeader(ref ReadOnlySpan<byte> packet, bool isIPv6)
    {
        int length =
            isIPv6 ? IPHeaderLength(isIPv6)
            : packet.Length > 0 ? (packet[0] & 0x0f) * 4 // IHL, in words of four bytes
            : 0;
        if (length < IPHeaderLength(isIPv6) || length > packet.Length)
        {
            return false;
        }

        packet = packet[length..];
        return true;
    }

    /// <summary>RFC 1071: the complement of the sum of all 16-bit words in ones' complement.</summary>
    internal static ushort Checksum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (int i = 0; i + 1 < bytes.Length; i += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes[i..]);
        }

        if (bytes.Length % 2 == 1)
        {
            sum += (uint)bytes[^1] << 8;
        }

        sum = (sum & 0xffff) + (sum >> 16);
        return (ushort)~(sum + (sum >> 16));
    }
}

/// <summary>An echo that was received.</summary>
/// <param name="isReply">Whether it answers a request; else it is one.</param>
/// <param name="identifier">The identifier of the request.</param>
/// <param name="sequence">The number of the request.</param>
/// <param name="data">The data of the request, as far as they were read.</param>
/// <param name="isExpired">Whether it tells that the hop limit of a request of this host ended on the way.</param>
public readonly ref struct Echo(bool isReply, ushort identifier, ushort sequence, ReadOnlySpan<byte> data, bool isExpired = false)
{
    /// <summary>Whether it tells that the hop limit of a request of this host ended on the way.</summary>
    public bool IsExpired { get; } = isExpired;

    /// <summary>Whether it answers a request; else it is one.</summary>
    public bool IsReply { get; } = isReply;

    /// <summary>The identifier of the request.</summary>
    public ushort Identifier { get; } = identifier;

    /// <summary>The number of the request.</summary>
    public ushort Sequence { get; } = sequence;

    /// <summary>The data of the request, as far as they were read.</summary>
    public ReadOnlySpan<byte> Data { get; } = data;
}
