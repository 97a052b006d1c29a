using System.Buffers.Binary;
using Twill.Linux.Nftables.Expressions;
using Twill.System;

namespace Twill.Host.Forwarding;

/// <summary>
/// What rules ask of transport protocols, ports and ICMP types. Packets of which these are not known are of none that a rule names: single
/// ports and protocols concern none of them, TCP and UDP as a whole perhaps.
/// </summary>
internal static class TransportMatch
{
    /// <summary>Whether the packets are of a protocol.</summary>
    internal static MatchResult IsProtocol(byte protocol, ProbeTransport? transport) =>
        transport is null
            ? protocol is IPProtocol.Tcp or IPProtocol.Udp ? MatchResult.Perhaps : MatchResult.No
            : Is(protocol == transport.Protocol);

    /// <summary>The bytes of a transport header as far as they are known: source port (0, two bytes), destination port (2, two bytes),
    /// and ICMP's type (0, one byte), in network byte order; null: others.</summary>
    internal static byte[]? BytesOf(Payload part, ProbeTransport? transport)
    {
        if (transport is null)
        {
            return null;
        }

        if (transport.Protocol is IPProtocol.Icmp or IPProtocol.Icmpv6)
        {
            return part is { Offset: 0, Length: 1 } ? [(byte)transport.Destination] : null;
        }

        return part switch
        {
            { Offset: 2, Length: 2 } => Port(transport.Destination),
            { Offset: 0, Length: 2 } when transport.Source is { } source => Port(source),
            _ => null,
        };
    }

    /// <summary>How the known part of a header compares.</summary>
    internal static MatchResult Compare(Payload part, Cmp cmp, ProbeTransport? transport)
    {
        if (transport is null)
        {
            return cmp.Op switch
            {
                CmpOp.Eq => MatchResult.No,
                CmpOp.Neq => MatchResult.Yes,
                _ => MatchResult.Perhaps,
            };
        }

        if (BytesOf(part, transport) is not { } bytes || bytes.Length != cmp.Data.Length)
        {
            return MatchResult.Perhaps;
        }

        int order = bytes.AsSpan().SequenceCompareTo(cmp.Data.Span);
        return Is(
            cmp.Op switch
            {
                CmpOp.Eq => order == 0,
                CmpOp.Neq => order != 0,
                CmpOp.Lt => order < 0,
                CmpOp.Lte => order <= 0,
                CmpOp.Gt => order > 0,
                _ => order >= 0,
            }
        );
    }

    /// <summary>Whether the known part of a header is within bounds.</summary>
    internal static MatchResult InRange(NftExpression? source, RangeMatch range, ProbeTransport? transport) =>
        source is Payload { Base: PayloadBase.Transport } part
        && BytesOf(part, transport) is { } bytes
        && bytes.Length == range.From.Length
            ? Is(
                (bytes.AsSpan().SequenceCompareTo(range.From.Span) >= 0 && bytes.AsSpan().SequenceCompareTo(range.To.Span) <= 0)
                    != range.Inverted
            )
            : MatchResult.Perhaps;

    /// <summary>iptables' extensions tcp, udp, multiport, icmp and icmp6.</summary>
    internal static MatchResult Extension(UnknownExpression expression, ProbeTransport? transport)
    {
        if (transport is null)
        {
            return MatchResult.No;
        }

        byte[] info = XtExtension.InfoOf(expression);
        return XtExtension.NameOf(expression) switch
        {
            "tcp" => transport.Protocol == IPProtocol.Tcp ? MatchResult.Perhaps : MatchResult.No, // flags may be asked for as well
            "udp" => transport.Protocol == IPProtocol.Udp ? XtUdp(info, transport) : MatchResult.No,
            "icmp" => transport.Protocol == IPProtocol.Icmp ? XtIcmp(info, transport) : MatchResult.No,
            "icmp6" => transport.Protocol == IPProtocol.Icmpv6 ? XtIcmp(info, transport) : MatchResult.No,
            _ => MultiPort(info, transport),
        };
    }

    /// <summary>struct xt_udp: spts[2] and dpts[2] in host byte order, invflags.</summary>
    private static MatchResult XtUdp(ReadOnlySpan<byte> info, ProbeTransport transport)
    {
        if (info.Length < 9)
        {
            return MatchResult.Perhaps;
        }

        MatchResult source =
                transport.Source is { } port ? Within(port, info, (info[8] & 1) != 0)
                : BitConverter.ToUInt16(info) == 0 && BitConverter.ToUInt16(info[2..]) == ushort.MaxValue ? MatchResult.Yes
                : MatchResult.Perhaps,
            destination = Within(transport.Destination, info[4..], (info[8] & 2) != 0);
        return source < destination ? source : destination;
    }

    /// <summary>struct ipt_icmp and ip6t_icmp: type (255: any), code[2], invflags.</summary>
    private static MatchResult XtIcmp(ReadOnlySpan<byte> info, ProbeTransport transport) =>
        info.Length < 4 ? MatchResult.Perhaps
        : info[0] == byte.MaxValue ? MatchResult.Yes
        : Is((info[0] == transport.Destination) != ((info[3] & 1) != 0));

    /// <summary>struct xt_multiport_v1: flags (0 source, 1 destination, 2 either), count, ports[15] in host byte order, pflags[15] (1: the
    /// first of a range), invert.</summary>
    private static MatchResult MultiPort(ReadOnlySpan<byte> info, ProbeTransport transport)
    {
        const int Ports = 2,
            Flags = Ports + (2 * 15),
            Invert = Flags + 15;
        if (transport.Protocol is not (IPProtocol.Udp or IPProtocol.Tcp))
        {
            return MatchResult.No;
        }

        if (info.Length <= Invert || info[0] != 1 || info[1] > 15)
        {
            return MatchResult.Perhaps;
        }

        bool found = false;
        for (int i = 0; i < info[1]; i++)
        {
            ushort first = BitConverter.ToUInt16(info[(Ports + (2 * i))..]);
            bool isRange = info[Flags + i] != 0 && i + 1 < info[1];
            ushort last = isRange ? BitConverter.ToUInt16(info[(Ports + (2 * ++i))..]) : first;
            found |= first <= transport.Destination && transport.Destination <= last;
        }

        return Is(found != (info[Invert] != 0));
    }

    private static MatchResult Within(ushort port, ReadOnlySpan<byte> bounds, bool inverted) =>
        Is((BitConverter.ToUInt16(bounds) <= port && port <= BitConverter.ToUInt16(bounds[2..])) != inverted);

    private static byte[] Port(ushort port)
    {
        byte[] bytes = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, port);
        return bytes;
    }

    private static MatchResult Is(bool it) => it ? MatchResult.Yes : MatchResult.No;
}
