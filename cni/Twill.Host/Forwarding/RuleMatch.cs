using System.Net;
using System.Text;
using Twill.Linux.Nftables;
using Twill.Linux.Nftables.Expressions;

namespace Twill.Host.Forwarding;

/// <summary>Whether something is so.</summary>
internal enum MatchResult
{
    No,
    Perhaps,
    Yes,
}

/// <summary>
/// Whether a rule concerns a kind of packets (all of them, none, or perhaps some), and what it does with them. What this does not
/// understand is "perhaps". Understood is what <c>nft</c> and iptables-nft write for addresses, interfaces, address family and connection
/// state, also in sets and verdict maps; of ports and protocols what <see cref="TransportMatch"/> does.
/// </summary>
/// <param name="elementsOf">the elements of a set or map of the table; null when they cannot be told</param>
internal sealed class RuleMatch(Func<string, IReadOnlyList<SetElement>?> elementsOf)
{
    private const byte NfProtoIpv4 = 2,
        NfProtoIpv6 = 10;

    /// <summary>Of the rule; the verdict is null when it decides nothing.</summary>
    public MatchResult Of(Rule rule, ProbePacket packet, out Verdict? verdict)
    {
        MatchResult all = MatchResult.Yes;
        verdict = null;
        Dictionary<NftRegister, Loaded> registers = [];
        foreach (NftExpression expression in rule.Expressions)
        {
            MatchResult one = MatchResult.Yes;
            switch (expression)
            {
                case Payload payload:
                    registers[payload.Dreg] = new Loaded(payload, null);
                    break;
                case Meta meta:
                    registers[meta.Dreg] = new Loaded(meta, null);
                    break;
                case Ct ct:
                    registers[ct.Dreg] = new Loaded(ct, null);
                    break;
                case Bitwise mask:
                    registers[mask.Dreg] = new Loaded(registers.GetValueOrDefault(mask.Sreg)?.Source, mask.Mask);
                    break;
                case Cmp cmp:
                    one = Compare(registers.GetValueOrDefault(cmp.Sreg), cmp, packet);
                    break;
                case RangeMatch range:
                    one = TransportMatch.InRange(registers.GetValueOrDefault(range.Sreg)?.Source, range, packet.Transport);
                    break;
                case Lookup lookup:
                    one = Find(registers.GetValueOrDefault(lookup.Sreg), lookup, packet, ref verdict);
                    break;
                case ImmediateVerdict immediate:
                    verdict ??= immediate.Verdict;
                    break;
                case Counter or Immediate:
                    break;
                case UnknownExpression unknown:
                    one = Unknown(unknown, packet, ref verdict);
                    break;
                default:
                    one = MatchResult.Perhaps;
                    break;
            }
            if (one == MatchResult.No)
            {
                return MatchResult.No;
            }

            all = one < all ? one : all;
        }
        return all;
    }

    /// <summary>Whether a rule concerns every packet that comes to it: it asks for nothing.</summary>
    public static bool IsForEverything(Rule rule)
    {
        foreach (NftExpression expression in rule.Expressions)
        {
            bool asks = expression switch
            {
                Counter or Immediate or ImmediateVerdict => false,
                UnknownExpression { Kind: "log" or "reject" or "target" or "objref" } => false,
                UnknownExpression { Kind: "match" } match => XtExtension.NameOf(match) != "comment",
                _ => true,
            };
            if (asks)
            {
                return false;
            }
        }
        return true;
    }

    /// <summary>What was loaded into a register, and which of its bits were kept.</summary>
    private sealed record Loaded(NftExpression? Source, NftData? Mask);

    private static MatchResult Compare(Loaded? loaded, Cmp cmp, ProbePacket packet)
    {
        if (loaded is { Source: Payload { Base: PayloadBase.Transport } part, Mask: null })
        {
            return TransportMatch.Compare(part, cmp, packet.Transport);
        }

        if (cmp.Op is not (CmpOp.Eq or CmpOp.Neq))
        {
            return MatchResult.Perhaps;
        }

        ReadOnlySpan<byte> data = cmp.Data.Span;
        MatchResult equal = loaded?.Source switch
        {
            Payload payload when packet.HasSource(payload) => Address(packet.Source, data, loaded.Mask),
            Payload payload when packet.HasDestination(payload) => Address(packet.Destination, data, loaded.Mask),
            Payload { Base: PayloadBase.Transport } => packet.Transport is null ? MatchResult.No : MatchResult.Perhaps,
            Payload payload when packet.HasProtocol(payload) => TransportMatch.IsProtocol(data[0], packet.Transport),
            Meta { Key: MetaKey.NfProto } => data[0] == (packet.IsIPv6 ? NfProtoIpv6 : NfProtoIpv4) ? MatchResult.Yes : MatchResult.No,
            Meta { Key: MetaKey.L4Proto } => TransportMatch.IsProtocol(data[0], packet.Transport),
            Meta { Key: MetaKey.IifName } => Name(packet.Iif, data),
            Meta { Key: MetaKey.OifName } => Name(packet.Oif, data),
            Meta { Key: MetaKey.BriIifName or MetaKey.BriOifName } => Name(packet.Within, data),
            Meta { Key: MetaKey.Iif } => Index(packet.Iif, data),
            Meta { Key: MetaKey.Oif } => Index(packet.Oif, data),
            // `& STATES == 0`: in none of them
            Ct { Key: CtKey.State } when loaded.Mask is { Length: 4 } mask => Not(Any(StateOf(packet), mask)),
            Ct { Key: CtKey.Status } when loaded.Mask is { Length: 4 } mask && Bits(mask) == (uint)CtStatus.Dnat => packet.IsTranslated
                ? MatchResult.No
                : MatchResult.Yes,
            _ => MatchResult.Perhaps,
        };
        return cmp.Op == CmpOp.Eq ? equal : Not(equal);
    }

    private static MatchResult Address(IPNetwork? addresses, ReadOnlySpan<byte> data, NftData? mask)
    {
        Span<byte> have = stackalloc byte[16];
        if (addresses is not { } packets || !packets.BaseAddress.TryWriteBytes(have, out int length) || data.Length > length)
        {
            return MatchResult.Perhaps;
        }

        bool all = true;
        for (int i = 0; i < data.Length; i++)
        {
            int cares =
                mask is not { } kept ? 0xff
                : i < kept.Length ? kept.Span[i]
                : 0;
            int same = (0xff00 >> Math.Clamp(packets.PrefixLength - 8 * i, 0, 8)) & 0xff; // bits that all these packets share
            if (((have[i] ^ data[i]) & cares & same) != 0)
            {
                return MatchResult.No;
            }

            all &= (cares & ~same) == 0;
        }
        return all ? MatchResult.Yes : MatchResult.Perhaps;
    }

    private static MatchResult Name(InterfaceRef? link, ReadOnlySpan<byte> data)
    {
        if (link is null)
        {
            return MatchResult.Perhaps;
        }

        int end = data.IndexOf((byte)0);
        string name = Encoding.UTF8.GetString(end < 0 ? data : data[..end]); // without its end it stands for all names that begin so
        return (end < 0 && data.Length < 16 ? link.Name.StartsWith(name, StringComparison.Ordinal) : link.Name == name)
            ? MatchResult.Yes
            : MatchResult.No;
    }

    private static MatchResult Index(InterfaceRef? link, ReadOnlySpan<byte> data) =>
        link is not { Index: > 0 } known || data.Length != 4 ? MatchResult.Perhaps
        : BitConverter.ToInt32(data) == known.Index ? MatchResult.Yes
        : MatchResult.No;

    private static CtState StateOf(ProbePacket packet) => packet.IsAnswer ? CtState.Established : CtState.New;

    private static MatchResult Any(CtState states, NftData mask) => (Bits(mask) & (uint)states) != 0 ? MatchResult.Yes : MatchResult.No;

    private static uint Bits(NftData mask) => BitConverter.ToUInt32(mask.Span);

    /// <summary>In a set, or what a verdict map has for the packet.</summary>
    private MatchResult Find(Loaded? loaded, Lookup lookup, ProbePacket packet, ref Verdict? verdict)
    {
        SetElement? found = null;
        MatchResult there = loaded?.Source switch
        {
            Payload { Base: PayloadBase.Transport } when packet.Transport is null => MatchResult.No,
            null => MatchResult.Perhaps,
            _ when loaded.Mask is not null => MatchResult.Perhaps,
            { } source => SetMatch.Find(elementsOf(lookup.Set), source, packet, StateOf(packet), out found),
        };
        if (lookup.Dreg == NftRegister.Verdict)
        {
            verdict = found?.Verdict ?? Verdict.Accept; // which, is not certain: perhaps an accept
        }
        else if (lookup.Dreg is not null)
        {
            return MatchResult.Perhaps;
        }

        return lookup.Inverted ? Not(there) : there;
    }

    /// <summary>Extensions of iptables, and what decides nothing: a log, a comment.</summary>
    private static MatchResult Unknown(UnknownExpression expression, ProbePacket packet, ref Verdict? verdict)
    {
        switch (expression.Kind)
        {
            case "reject":
                verdict = Verdict.Drop;
                return MatchResult.Yes;
            case "target":
                verdict = XtExtension.NameOf(expression) is "REJECT" or "DROP" ? Verdict.Drop : verdict;
                return MatchResult.Yes;
            case "log" or "notrack" or "objref":
                return MatchResult.Yes;
            case "match":
                return XtExtension.NameOf(expression) switch
                {
                    "comment" => MatchResult.Yes,
                    "conntrack" => Conntrack(XtExtension.InfoOf(expression), packet),
                    "tcp" or "udp" or "multiport" or "icmp" or "icmp6" => TransportMatch.Extension(expression, packet.Transport),
                    _ => MatchResult.Perhaps,
                };
            default:
                return MatchResult.Perhaps;
        }
    }

    /// <summary>struct xt_conntrack_mtinfo3: match_flags at 146, invert_flags at 148, state_mask at 150, whose bits are those of
    /// <see cref="CtState"/>. Of what it can ask for only the state is understood.</summary>
    private static MatchResult Conntrack(ReadOnlySpan<byte> info, ProbePacket packet)
    {
        const int Flags = 146,
            Inverted = 148,
            States = 150;
        const ushort State = 1; // XT_CONNTRACK_STATE
        if (info.Length < States + 2 || BitConverter.ToUInt16(info[Flags..]) != State)
        {
            return MatchResult.Perhaps;
        }

        bool isAny = (BitConverter.ToUInt16(info[States..]) & (uint)StateOf(packet)) != 0,
            isInverted = (BitConverter.ToUInt16(info[Inverted..]) & State) != 0;
        return isAny != isInverted ? MatchResult.Yes : MatchResult.No;
    }

    private static MatchResult Not(MatchResult answer) => (MatchResult)((int)MatchResult.Yes - (int)answer);
}
