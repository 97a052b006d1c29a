using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using Twill.Linux.Nftables.Expressions;
using Twill.System;

namespace Twill.Linux.Nftables;

/// <content>How <c>nft</c> writes keys, operators, flags and values.</content>
internal sealed partial class RuleText
{
    private static (int Length, string Words, Kind Kind) MetaWords(MetaKey key) =>
        key switch
        {
            MetaKey.Protocol => (2, "meta protocol", Kind.EtherType),
            MetaKey.Mark => (4, "meta mark", Kind.Mark),
            MetaKey.Iif => (4, "iif", Kind.Link),
            MetaKey.Oif => (4, "oif", Kind.Link),
            MetaKey.IifName => (16, "iifname", Kind.Name),
            MetaKey.OifName => (16, "oifname", Kind.Name),
            MetaKey.NfProto => (1, "meta nfproto", Kind.NfProto),
            MetaKey.L4Proto => (1, "meta l4proto", Kind.Protocol),
            MetaKey.BriIifName => (16, "meta ibrname", Kind.Name),
            MetaKey.BriOifName => (16, "meta obrname", Kind.Name),
            MetaKey.PktType => (1, "meta pkttype", Kind.PacketType),
            MetaKey.IifGroup => (4, "iifgroup", Kind.Number),
            MetaKey.OifGroup => (4, "oifgroup", Kind.Number),
            _ => (4, "[ meta ]", Kind.Hex),
        };

    private static (int Length, string Words, Kind Kind) CtWords(Ct ct)
    {
        string direction = ct.Direction is { } set ? set.ToString().ToLowerInvariant() + " " : "";
        return ct.Key switch
        {
            CtKey.State => (4, "ct state", Kind.State),
            CtKey.Status => (4, "ct status", Kind.Status),
            CtKey.Direction => (1, "ct direction", Kind.Direction),
            CtKey.Mark => (4, "ct mark", Kind.Mark),
            CtKey.Protocol => (1, $"ct {direction}protocol", Kind.Protocol),
            CtKey.ProtoSrc => (2, $"ct {direction}proto-src", Kind.Port),
            CtKey.ProtoDst => (2, $"ct {direction}proto-dst", Kind.Port),
            CtKey.SrcIp => (4, $"ct {direction}ip saddr", Kind.Address),
            CtKey.DstIp => (4, $"ct {direction}ip daddr", Kind.Address),
            CtKey.SrcIp6 => (16, $"ct {direction}ip6 saddr", Kind.Address),
            CtKey.DstIp6 => (16, $"ct {direction}ip6 daddr", Kind.Address),
            _ => (4, "[ ct ]", Kind.Hex),
        };
    }

    private static string FibWords(Fib fib)
    {
        string flags = fib.Flags.ToString().ToLowerInvariant().Replace(", ", " . ", StringComparison.Ordinal);
        return fib.Result switch
        {
            FibResult.AddrType => $"fib {flags} type",
            FibResult.OifName => $"fib {flags} oifname",
            _ => $"fib {flags} oif",
        };
    }

    private static string BaseWords(PayloadBase place) =>
        place switch
        {
            PayloadBase.LinkLayer => "ll",
            PayloadBase.Network => "nh",
            _ => "th",
        };

    private static string OpWords(CmpOp op) =>
        op switch
        {
            CmpOp.Eq => "",
            CmpOp.Neq => "!= ",
            CmpOp.Lt => "< ",
            CmpOp.Lte => "<= ",
            CmpOp.Gt => "> ",
            _ => ">= ",
        };

    private static string FlagWords(NatFlags flags)
    {
        List<string> words = [];
        if ((flags & NatFlags.Random) != 0)
        {
            words.Add("random");
        }

        if ((flags & NatFlags.FullyRandom) != 0)
        {
            words.Add("fully-random");
        }

        if ((flags & NatFlags.Persistent) != 0)
        {
            words.Add("persistent");
        }

        return string.Join(',', words);
    }

    private static string FlagWords(Kind kind, uint bits)
    {
        string words = kind == Kind.State ? ((CtState)bits).ToString() : ((CtStatus)bits).ToString();
        return words
            .Replace(" ", "", StringComparison.Ordinal)
            .Replace("SeenReply", "seen-reply", StringComparison.Ordinal)
            .ToLowerInvariant();
    }

    private static string SetValue(Loaded value) => value.Constant is { } constant ? Hex(constant) : value.Words;

    // Four bytes are a number in the host's byte order; others are shown as they lie there.
    private static string Hex(NftData data) => data.Length == 4 ? $"0x{MemoryMarshal.Read<uint>(data.Span):x}" : data.ToString();

    private string Value(Loaded loaded, NftData value)
    {
        ReadOnlySpan<byte> bytes = value.Span;
        switch (loaded.Kind)
        {
            case Kind.Address:
                return AddressOf(loaded, bytes);
            case Kind.Port when bytes.Length == 2:
                return BinaryPrimitives.ReadUInt16BigEndian(bytes).ToString(CultureInfo.InvariantCulture);
            case Kind.Protocol when bytes.Length == 1:
                return IPProtocol.NameOf(bytes[0]);
            case Kind.EtherType when bytes.Length == 2:
                return EtherTypeOf(bytes);
            case Kind.NfProto when bytes.Length == 1:
                return bytes[0] == (byte)NftFamily.Ip ? "ipv4" : "ipv6";
            case Kind.Name:
                return bytes.Contains((byte)0)
                    ? $"\"{Encoding.UTF8.GetString(bytes).TrimEnd('\0')}\""
                    : $"\"{Encoding.UTF8.GetString(bytes)}*\"";
            case Kind.Link when bytes.Length == 4:
                return $"\"{_names.Link(MemoryMarshal.Read<int>(bytes))}\"";
            case Kind.Number when bytes.Length == 4:
                return MemoryMarshal.Read<uint>(bytes).ToString(CultureInfo.InvariantCulture);
            case Kind.PacketType when bytes.Length == 1:
                return bytes[0] switch
                {
                    0 => "host",
                    1 => "broadcast",
                    2 => "multicast",
                    _ => "other",
                };
            case Kind.AddressType when bytes.Length == 4:
                return ((Routes.RouteType)MemoryMarshal.Read<uint>(bytes)).ToString().ToLowerInvariant();
            case Kind.Direction when bytes.Length == 1:
                return ((CtDirection)bytes[0]).ToString().ToLowerInvariant();
            default:
                return Hex(value);
        }
    }

    private static string EtherTypeOf(ReadOnlySpan<byte> bytes) =>
        BinaryPrimitives.ReadUInt16BigEndian(bytes) switch
        {
            0x0800 => "ip",
            0x0806 => "arp",
            0x86dd => "ip6",
            ushort other => string.Create(CultureInfo.InvariantCulture, $"0x{other:x4}"),
        };

    // Fewer bytes than an address has are a prefix.
    private static string AddressOf(Loaded loaded, ReadOnlySpan<byte> bytes)
    {
        int whole =
            loaded.Words.StartsWith("ip ", StringComparison.Ordinal)
            || loaded.Words.EndsWith("ip saddr", StringComparison.Ordinal)
            || loaded.Words.EndsWith("ip daddr", StringComparison.Ordinal)
            || loaded.Words == "arp saddr ip"
                ? 4
                : 16;
        Span<byte> address = stackalloc byte[16];
        address.Clear();
        bytes.CopyTo(address);
        string text = new IPAddress(address[..whole]).ToString();
        return bytes.Length == whole ? text : string.Create(CultureInfo.InvariantCulture, $"{text}/{8 * bytes.Length}");
    }
}
