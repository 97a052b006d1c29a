using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using Twill.Linux.Netlink;
using Twill.Linux.Nftables.Expressions;

namespace Twill.Linux.Nftables;

/// <summary>
/// A rule as <c>nft</c> writes it: walks through the expressions and keeps, for each register, in words what is in it. What it has no words
/// for is written as <c>[ NAME ]</c>, which nft does not take.
/// </summary>
internal sealed partial class RuleText
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
    /// <param name="words">What it is, as nft writes it.</param>
    /// <param name="kind">How its values are written.</param>
    /// <param name="constant">The bytes of a constant.</param>
    /// <param name="mask">The bits that are left of it.</param>
    private sealed class Loaded(int offset, int length, string words, Kind kind, NftData? constant = null, NftData? mask = null)
    {
        internal int Offset => offset;

        internal int Length => length;

        internal string Words => words;

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
                Load(meta.Dreg, MetaWords(meta.Key));
                break;
            case Payload payload:
                LoadPayload(payload);
                break;
            case Ct ct:
                Load(ct.Dreg, CtWords(ct));
                break;
            case Fib fib:
                Load(fib.Dreg, (4, FibWords(fib), fib.Result == FibResult.AddrType ? Kind.AddressType : Kind.Hex));
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
                Match($"{ranged.Words} {(range.Inverted ? "!= " : "")}{Value(ranged, range.From)}-{Value(ranged, range.To)}");
                break;
            case Lookup lookup:
                LookUp(lookup);
                break;
            default:
                Flush();
                Say(ActionWords(expression));
                break;
        }
    }

    private string ActionWords(NftExpression action)
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
                return $"masquerade {FlagWords(masquerade.Flags)}".TrimEnd();
            case MetaSet set:
                return $"{MetaWords(set.Key).Words} set {SetValue(Take(set.Sreg))}";
            case CtSet set:
                return $"ct {set.Key.ToString().ToLowerInvariant()} set {SetValue(Take(set.Sreg))}";
            case Nat nat:
                return NatWords(nat);
            default:
                return $"[ {action.Name} ]";
        }
    }

    private void Load(NftRegister register, (int Length, string Words, Kind Kind) what) =>
        _loaded.Add(new Loaded(OffsetOf(register), what.Length, what.Words, what.Kind));

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
            _ => ($"@{BaseWords(payload.Base)},{8 * payload.Offset},{8 * payload.Length}", Kind.Hex),
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
        string words = and ? value.Words : $"{value.Words} & {Hex(bitwise.Mask)} | {Hex(bitwise.Xor)}";
        _loaded.Add(new Loaded(OffsetOf(bitwise.Dreg), value.Length, words, value.Kind, mask: and ? bitwise.Mask : null));
    }

    private void Compare(Cmp cmp)
    {
        Loaded value = Take(cmp.Sreg);
        if (cmp.Op == CmpOp.Eq && value is { Words: "meta nfproto", Mask: null })
        {
            Flush();
            _nfProto = Value(value, cmp.Data);
        }
        else if (cmp.Op == CmpOp.Eq && value is { Words: "meta l4proto", Mask: null })
        {
            Flush();
            _l4Proto = Value(value, cmp.Data);
        }
        else if (value.Mask is { } mask)
        {
            Match(MaskedWords(value, mask, cmp));
        }
        else
        {
            _isArp |= cmp.Op == CmpOp.Eq && value.Kind == Kind.EtherType && EtherTypeOf(cmp.Data.Span) == "arp";
            Match($"{value.Words} {OpWords(cmp.Op)}{Value(value, cmp.Data)}");
        }
    }

    private string MaskedWords(Loaded value, NftData mask, Cmp cmp)
    {
        if (value.Kind == Kind.Address)
        {
            int length = 0;
            foreach (byte bits in mask.Span)
            {
                length += CountOf(bits);
            }

            return $"{value.Words} {OpWords(cmp.Op)}{new IPAddress(cmp.Data.Span)}/{length}";
        }

        return value.Kind is Kind.State or Kind.Status && cmp.Op == CmpOp.Neq
            ? $"{value.Words} {FlagWords(value.Kind, MemoryMarshal.Read<uint>(mask.Span))}"
            : $"{value.Words} & {Hex(mask)} {(cmp.Op == CmpOp.Eq ? "== " : OpWords(cmp.Op))}{Hex(cmp.Data)}";

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
                key += key.Length == 0 ? part.Words : $" . {part.Words}";
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

    private string NatWords(Nat nat)
    {
        string verb = $"{(nat.Type == NatType.Snat ? "snat" : "dnat")} {TableId.NameOf(nat.Family)} to ";
        Loaded address = Take(nat.Address ?? NftRegister.Reg1);
        if (address.Constant is not { } bytes)
        {
            return $"{verb}{address.Words} {FlagWords(nat.Flags)}".TrimEnd();
        }

        string to = new IPAddress(bytes.Span).ToString();
        if (nat.Port is { } register && Take(register).Constant is { } port)
        {
            to = nat.Family == NftFamily.Ip6 ? $"[{to}]" : to;
            to = string.Create(CultureInfo.InvariantCulture, $"{to}:{BinaryPrimitives.ReadUInt16BigEndian(port.Span)}");
        }

        return $"{verb}{to} {FlagWords(nat.Flags)}".TrimEnd();
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
}
