using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using Twill.Linux.Netlink;
using Twill.Linux.Nftables.Expressions;
using Twill.System;

namespace Twill.Linux.Nftables;

/// <summary>
/// A rule as <c>nft</c> writes it: walks through the expressions and keeps, for each register, in words what is in it. What it has no words
/// for is written as <c>[ NAME ]</c>, which nft does not take.
/// </summary>
internal sealed class RuleText
{
    private readonly StringBuilder _text = new();
    private readonly List<Loaded> _loaded = []; // what registers hold since something was last made of them, in order
    private readonly CommandNames _names;
    private string _nfProto = "", // matches that nft adds itself to the ones behind them: written when those do not come
        _l4Proto = "";
    private bool _isArp; // after a match of the protocol

    private RuleText(CommandNames names) => _names = names;

    /// <summary>How a value is written.</summary>
    private enum Kind
    {
        Hex,
        Number,
        EtherType,
        Address,
        Port,
        Protocol,
        NfProto,
        Name,
        Link,
        Mark,
        PacketType,
        AddressType,
        State,
        Status,
        Direction,
    }

    /// <summary>What is in a register.</summary>
    /// <param name="offset">Where, in bytes from the first register on.</param>
    /// <param name="length">In bytes.</param>
    /// <param name="expression">What it is, as nft writes it.</param>
    /// <param name="kind">How its values are written.</param>
    /// <param name="constant">The bytes of a constant.</param>
    /// <param name="mask">The bits that are left of it.</param>
    private sealed class Loaded(int offset, int length, string expression, Kind kind, NftData? constant = null, NftData? mask = null)
    {
        internal int Offset => offset;

        internal int Length => length;

        internal string Expression => expression;

        internal Kind Kind => kind;

        internal NftData? Constant => constant;

        internal NftData? Mask => mask;
    }

    internal static string Of(Rule rule, CommandNames names)
    {
        RuleText text = new(names);
        foreach (NftExpression expression in rule.Expressions)
        {
            text.Add(expression);
        }

        text.Flush();
        return rule.Comment is null ? text._text.ToString() : text.Say(NftText.CommentOf(rule.Comment))._text.ToString();
    }

    private RuleText Say(string words)
    {
        _text.Append(_text.Length == 0 ? "" : " ").Append(words);
        return this;
    }

    private void Flush()
    {
        if (_nfProto.Length > 0)
        {
            Say($"meta nfproto {_nfProto}");
        }

        if (_l4Proto.Length > 0)
        {
            Say($"meta l4proto {_l4Proto}");
        }

        _nfProto = _l4Proto = "";
    }

    private void Add(NftExpression expression)
    {
        switch (expression)
        {
            case Meta meta:
                Load(meta.Dreg, MetaExpression(meta.Key));
                break;
            case Payload payload:
                LoadPayload(payload);
                break;
            case Ct ct:
                Load(ct.Dreg, CtExpression(ct));
                break;
            case Fib fib:
                Load(fib.Dreg, (4, FibExpression(fib), fib.Result == FibResult.AddrType ? Kind.AddressType : Kind.Hex));
                break;
            case Immediate immediate:
                int offset = OffsetOf(immediate.Dreg);
                _loaded.Add(new Loaded(offset, immediate.Data.Length, "", Kind.Hex, immediate.Data));
                break;
            case Bitwise bitwise:
                Mask(bitwise);
                break;
            case Cmp cmp:
                Compare(cmp);
                break;
            case RangeMatch range:
                Loaded ranged = Take(range.Sreg);
                Match($"{ranged.Expression} {(range.Inverted ? "!= " : "")}{Value(ranged, range.From)}-{Value(ranged, range.To)}");
                break;
            case Lookup lookup:
                LookUp(lookup);
                break;
            default:
                Flush();
                Say(StatementText(expression));
                break;
        }
    }

    private string StatementText(NftExpression action)
    {
        switch (action)
        {
            case ImmediateVerdict verdict:
                return verdict.Verdict.ToString();
            case Counter { Packets: 0, Bytes: 0 }:
                return "counter";
            case Counter counter:
                return string.Create(CultureInfo.InvariantCulture, $"counter packets {counter.Packets} bytes {counter.Bytes}");
            case Masquerade masquerade:
                return $"masquerade {FlagText(masquerade.Flags)}".TrimEnd();
            case MetaSet set:
                return $"{MetaExpression(set.Key).Expression} set {SetValue(Take(set.Sreg))}";
            case CtSet set:
                return $"ct {set.Key.ToString().ToLowerInvariant()} set {SetValue(Take(set.Sreg))}";
            case Nat nat:
                return NatStatement(nat);
            default:
                return $"[ {action.Name} ]";
        }
    }

    private void Load(NftRegister register, (int Length, string Expression, Kind Kind) what) =>
        _loaded.Add(new Loaded(OffsetOf(register), what.Length, what.Expression, what.Kind));

    private void LoadPayload(Payload payload)
    {
        (string words, Kind kind) = (payload.Base, payload.Offset) switch
        {
            (PayloadBase.LinkLayer, 6) when payload.Length == 6 => ("ether saddr", Kind.Hex),
            (PayloadBase.Network, 8) when _isArp && payload.Length == 6 => ("arp saddr ether", Kind.Hex),
            (PayloadBase.Network, 14) when _isArp && payload.Length == 4 => ("arp saddr ip", Kind.Address),
            (PayloadBase.Network, 12) when payload.Length <= 4 => ("ip saddr", Kind.Address),
            (PayloadBase.Network, 16) when payload.Length <= 4 => ("ip daddr", Kind.Address),
            (PayloadBase.Network, 8) => ("ip6 saddr", Kind.Address),
            (PayloadBase.Network, 24) => ("ip6 daddr", Kind.Address),
            (PayloadBase.Transport, 0) when payload.Length == 2 => ("th sport", Kind.Port),
            (PayloadBase.Transport, 2) when payload.Length == 2 => ("th dport", Kind.Port),
            _ => ($"@{BaseText(payload.Base)},{8 * payload.Offset},{8 * payload.Length}", Kind.Hex),
        };
        if (
            (words.StartsWith("ip ", StringComparison.Ordinal) && _nfProto == "ipv4")
            || (words.StartsWith("ip6 ", StringComparison.Ordinal) && _nfProto == "ipv6")
        )
        {
            _nfProto = "";
        }
        else if (
            words.StartsWith("th ", StringComparison.Ordinal)
            && _l4Proto.Length > 0
            && char.IsLetter(_l4Proto[0])
            && _loaded.Count == 0
        )
        {
            words = _l4Proto + words[2..];
            _l4Proto = "";
        }

        Load(payload.Dreg, ((int)payload.Length, words, kind));
    }

    private void Mask(Bitwise bitwise)
    {
        Loaded value = Take(bitwise.Sreg);
        bool and = !bitwise.Xor.Span.ContainsAnyExcept((byte)0);
        string words = and ? value.Expression : $"{value.Expression} & {Hex(bitwise.Mask)} | {Hex(bitwise.Xor)}";
        _loaded.Add(new Loaded(OffsetOf(bitwise.Dreg), value.Length, words, value.Kind, mask: and ? bitwise.Mask : null));
    }

    private void Compare(Cmp cmp)
    {
        Loaded value = Take(cmp.Sreg);
        if (cmp.Op == CmpOp.Eq && value is { Expression: "meta nfproto", Mask: null })
        {
            Flush();
            _nfProto = Value(value, cmp.Data);
        }
        else if (cmp.Op == CmpOp.Eq && value is { Expression: "meta l4proto", Mask: null })
        {
            Flush();
            _l4Proto = Value(value, cmp.Data);
        }
        else if (value.Mask is { } mask)
        {
            Match(MaskedMatch(value, mask, cmp));
        }
        else
        {
            _isArp |= cmp.Op == CmpOp.Eq && value.Kind == Kind.EtherType && EtherTypeOf(cmp.Data.Span) == "arp";
            Match($"{value.Expression} {OperatorText(cmp.Op)}{Value(value, cmp.Data)}");
        }
    }

    private string MaskedMatch(Loaded value, NftData mask, Cmp cmp)
    {
        if (value.Kind == Kind.Address)
        {
            int length = 0;
            foreach (byte bits in mask.Span)
            {
                length += CountOf(bits);
            }

            return $"{value.Expression} {OperatorText(cmp.Op)}{new IPAddress(cmp.Data.Span)}/{length}";
        }

        return value.Kind is Kind.State or Kind.Status && cmp.Op == CmpOp.Neq
            ? $"{value.Expression} {FlagText(value.Kind, MemoryMarshal.Read<uint>(mask.Span))}"
            : $"{value.Expression} & {Hex(mask)} {(cmp.Op == CmpOp.Eq ? "== " : OperatorText(cmp.Op))}{Hex(cmp.Data)}";

        static int CountOf(byte bits) => global::System.Numerics.BitOperations.PopCount(bits);
    }

    private void LookUp(Lookup lookup)
    {
        string key = "";
        int next = OffsetOf(lookup.Sreg);
        foreach (Loaded part in _loaded)
        {
            if (part.Offset == next)
            {
                key += key.Length == 0 ? part.Expression : $" . {part.Expression}";
                next += NftType.Padded(part.Length);
            }
        }

        _loaded.Clear();
        string set = $"@{lookup.Set}";
        if (lookup.Dreg is null)
        {
            Match($"{key} {(lookup.Inverted ? "!= " : "")}{set}");
        }
        else if (lookup.Dreg == NftRegister.Verdict)
        {
            Match($"{key} vmap {set}");
        }
        else
        {
            _loaded.Add(new Loaded(OffsetOf(lookup.Dreg.Value), 0, $"{key} map {set}", Kind.Hex));
        }
    }

    private string NatStatement(Nat nat)
    {
        string verb = $"{(nat.Type == NatType.Snat ? "snat" : "dnat")} {TableId.NameOf(nat.Family)} to ";
        Loaded address = Take(nat.Address ?? NftRegister.Reg1);
        if (address.Constant is not { } bytes)
        {
            return $"{verb}{address.Expression} {FlagText(nat.Flags)}".TrimEnd();
        }

        string to = new IPAddress(bytes.Span).ToString();
        if (nat.Port is { } register && Take(register).Constant is { } port)
        {
            to = nat.Family == NftFamily.Ip6 ? $"[{to}]" : to;
            to = string.Create(CultureInfo.InvariantCulture, $"{to}:{BinaryPrimitives.ReadUInt16BigEndian(port.Span)}");
        }

        return $"{verb}{to} {FlagText(nat.Flags)}".TrimEnd();
    }

    private void Match(string words)
    {
        Flush();
        Say(words);
    }

    // What was loaded into a register last; it is used up.
    private Loaded Take(NftRegister register)
    {
        int offset = OffsetOf(register);
        int i = _loaded.FindLastIndex(loaded => loaded.Offset == offset);
        if (i < 0)
        {
            return new Loaded(offset, 0, $"[ register {register} ]", Kind.Hex);
        }

        Loaded found = _loaded[i];
        _loaded.RemoveAt(i);
        return found;
    }

    private static int OffsetOf(NftRegister register) =>
        register >= NftRegister.Reg32_00 ? 4 * (int)(register - NftRegister.Reg32_00) : 16 * ((int)register - 1);

    private static (int Length, string Expression, Kind Kind) MetaExpression(MetaKey key) =>
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

    private static (int Length, string Expression, Kind Kind) CtExpression(Ct ct)
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

    private static string FibExpression(Fib fib)
    {
        string flags = fib.Flags.ToString().ToLowerInvariant().Replace(", ", " . ", StringComparison.Ordinal);
        return fib.Result switch
        {
            FibResult.AddrType => $"fib {flags} type",
            FibResult.OifName => $"fib {flags} oifname",
            _ => $"fib {flags} oif",
        };
    }

    private static string BaseText(PayloadBase place) =>
        place switch
        {
            PayloadBase.LinkLayer => "ll",
            PayloadBase.Network => "nh",
            _ => "th",
        };

    private static string OperatorText(CmpOp op) =>
        op switch
        {
            CmpOp.Eq => "",
            CmpOp.Neq => "!= ",
            CmpOp.Lt => "< ",
            CmpOp.Lte => "<= ",
            CmpOp.Gt => "> ",
            _ => ">= ",
        };

    private static string FlagText(NatFlags flags)
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

    private static string FlagText(Kind kind, uint bits)
    {
        string words = kind == Kind.State ? ((CtState)bits).ToString() : ((CtStatus)bits).ToString();
        return words
            .Replace(" ", "", StringComparison.Ordinal)
            .Replace("SeenReply", "seen-reply", StringComparison.Ordinal)
            .ToLowerInvariant();
    }

    private static string SetValue(Loaded value) => value.Constant is { } constant ? Hex(constant) : value.Expression;

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
            loaded.Expression.StartsWith("ip ", StringComparison.Ordinal)
            || loaded.Expression.EndsWith("ip saddr", StringComparison.Ordinal)
            || loaded.Expression.EndsWith("ip daddr", StringComparison.Ordinal)
            || loaded.Expression == "arp saddr ip"
                ? 4
                : 16;
        Span<byte> address = stackalloc byte[16];
        address.Clear();
        bytes.CopyTo(address);
        string text = new IPAddress(address[..whole]).ToString();
        return bytes.Length == whole ? text : string.Create(CultureInfo.InvariantCulture, $"{text}/{8 * bytes.Length}");
    }
}
