using System.Net;
using System.Net.Sockets;
using Twill.Linux.Nftables.Expressions;
using Twill.System;

namespace Twill.Linux.Nftables;

/// <summary>
/// What a rule does, written as one would for `nft`: `Rule.For(table).SaddrIn(local).DaddrNotIn(exempt).Masquerade(NatFlags.FullyRandom)`.
/// Each call appends expressions, and, like nft, first the check of the protocol that they need, once.
/// </summary>
public sealed partial class Rule
{
    private const byte Ipv4 = 2,
        Ipv6 = 10; // NFPROTO_IPV4, NFPROTO_IPV6

    private readonly List<NftExpression> _expressions = [];
    private readonly bool _ofFrames; // in the family bridge, where all packets are of NFPROTO_BRIDGE
    private byte _nfProto; // what packets that get this far are known to be: NFPROTO_IPV4, NFPROTO_IPV6, or 0
    private byte _l4Proto; // an IP protocol number, or 0

    private Rule(NftFamily family)
    {
        _ofFrames = family == NftFamily.Bridge;
        _nfProto = family switch
        {
            NftFamily.Ip => Ipv4,
            NftFamily.Ip6 => Ipv6,
            _ => 0,
        };
    }

    internal Rule(List<NftExpression> expressions, string? comment)
    {
        _expressions = expressions;
        Comment = comment;
    }

    /// <summary>The expressions, in the order in which they are run.</summary>
    public IReadOnlyList<NftExpression> Expressions => _expressions;

    /// <summary>Shown by `nft list`; at most 127 bytes.</summary>
    public string? Comment { get; private set; }

    /// <summary>A rule that does nothing yet, for a table of this family.</summary>
    public static Rule For(TableId table) => new(table.Family);

    /// <summary>Appends an expression as it is.</summary>
    public Rule Add(NftExpression expression)
    {
        _expressions.Add(expression);
        return this;
    }

    /// <summary>`comment "COMMENT"`.</summary>
    public Rule WithComment(string comment)
    {
        Comment = comment;
        return this;
    }

    /// <summary>Whether both do the same: equal expressions in the same order, and equal comments. Counted packets do not matter.</summary>
    public bool SameAs(Rule other) => Comment == other.Comment && HasSameExpressions(other);

    /// <summary>Whether both do the same, whatever their comments say: equal expressions in the same order.</summary>
    public bool HasSameExpressions(Rule other)
    {
        if (_expressions.Count != other._expressions.Count)
        {
            return false;
        }

        for (int i = 0; i < _expressions.Count; i++)
        {
            if (_expressions[i] != other._expressions[i])
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>`meta nfproto ipv4|ipv6`; in tables of the family bridge `meta protocol ip|ip6`.</summary>
    public Rule NfProto(AddressFamily family) => NeedNfProto(family == AddressFamily.InterNetwork ? Ipv4 : Ipv6);

    /// <summary>`meta l4proto PROTOCOL`: 6 is TCP, 17 UDP, 132 SCTP.</summary>
    public Rule L4Proto(byte protocol)
    {
        if (_l4Proto == protocol)
        {
            return this;
        }

        if (_l4Proto != 0)
        {
            throw new ArgumentException($"a rule cannot match protocols {_l4Proto} and {protocol} at once");
        }

        _l4Proto = protocol;
        return Add(new Meta(MetaKey.L4Proto)).Add(new Cmp(CmpOp.Eq, NftData.Of(protocol)));
    }

    /// <summary>`meta protocol TYPE`, or with `!=`: what a frame carries, 0x0806 is ARP.</summary>
    public Rule Protocol(ushort etherType, bool inverted = false) =>
        Add(new Meta(MetaKey.Protocol)).Add(new Cmp(Op(inverted), NftData.OfPort(etherType)));

    /// <summary>`icmpv6 type TYPE`: 135 is a neighbour solicitation, 136 a neighbour advertisement.</summary>
    public Rule Icmpv6Type(byte type)
    {
        return NfProto(AddressFamily.InterNetworkV6)
            .L4Proto(IPProtocol.Icmpv6)
            .Add(new Payload(PayloadBase.Transport, 0, 1))
            .Add(new Cmp(CmpOp.Eq, NftData.Of(type)));
    }

    /// <summary>`ip saddr PREFIX`, `ip6 saddr PREFIX`, or with `!=`.</summary>
    public Rule Saddr(IPNetwork prefix, bool inverted = false) => Address(prefix, source: true, inverted);

    /// <summary>`ip daddr PREFIX`, `ip6 daddr PREFIX`, or with `!=`.</summary>
    public Rule Daddr(IPNetwork prefix, bool inverted = false) => Address(prefix, source: false, inverted);

    /// <summary>`PROTOCOL sport PORT` (`udp sport 68`).</summary>
    public Rule Sport(byte protocol, ushort port) =>
        L4Proto(protocol).Add(new Payload(PayloadBase.Transport, 0, 2)).Add(new Cmp(CmpOp.Eq, NftData.OfPort(port)));

    /// <summary>`PROTOCOL dport PORT` (`tcp dport 80`).</summary>
    public Rule Dport(byte protocol, ushort port) =>
        L4Proto(protocol).Add(new Payload(PayloadBase.Transport, 2, 2)).Add(new Cmp(CmpOp.Eq, NftData.OfPort(port)));

    /// <summary>`udp dport PORT @th,96,24 VNI`: a VXLAN packet of that network identifier (RFC 7348, section 5).</summary>
    public Rule Vxlan(ushort port, uint vni)
    {
        return Dport(IPProtocol.Udp, port)
            .Add(new Payload(PayloadBase.Transport, 12, 3))
            .Add(new Cmp(CmpOp.Eq, new NftData([(byte)(vni >> 16), (byte)(vni >> 8), (byte)vni])));
    }

    /// <summary>`iifname NAME`, or with `!=`; a name that ends in `*` stands for all that begin so.</summary>
    public Rule IifName(string name, bool inverted = false) => InterfaceName(MetaKey.IifName, name, inverted);

    /// <summary>`oifname NAME`, or with `!=`; a name that ends in `*` stands for all that begin so.</summary>
    public Rule OifName(string name, bool inverted = false) => InterfaceName(MetaKey.OifName, name, inverted);

    /// <summary>`iif INDEX`, or with `!=`.</summary>
    public Rule Iif(int index, bool inverted = false) => Add(new Meta(MetaKey.Iif)).Add(new Cmp(Op(inverted), NftData.OfHost((uint)index)));

    /// <summary>`oif INDEX`, or with `!=`.</summary>
    public Rule Oif(int index, bool inverted = false) => Add(new Meta(MetaKey.Oif)).Add(new Cmp(Op(inverted), NftData.OfHost((uint)index)));

    /// <summary>`iifgroup GROUP`, or with `!=`.</summary>
    public Rule IifGroup(uint group, bool inverted = false) =>
        Add(new Meta(MetaKey.IifGroup)).Add(new Cmp(Op(inverted), NftData.OfHost(group)));

    /// <summary>`oifgroup GROUP`, or with `!=`.</summary>
    public Rule OifGroup(uint group, bool inverted = false) =>
        Add(new Meta(MetaKey.OifGroup)).Add(new Cmp(Op(inverted), NftData.OfHost(group)));

    /// <summary>`meta mark and MASK == VALUE`, or with `!=`.</summary>
    public Rule Mark(uint value, uint mask = uint.MaxValue, bool inverted = false)
    {
        Add(new Meta(MetaKey.Mark));
        if (mask != uint.MaxValue)
        {
            Add(Bitwise.And(NftData.OfHost(mask)));
        }

        return Add(new Cmp(Op(inverted), NftData.OfHost(value)));
    }

    /// <summary>`meta pkttype TYPE`: 0 for this host, 1 broadcast, 2 multicast, 3 for another host.</summary>
    public Rule PktType(byte type) => Add(new Meta(MetaKey.PktType)).Add(new Cmp(CmpOp.Eq, NftData.Of(type)));

    /// <summary>`ct state STATE,STATE`: any of them.</summary>
    public Rule CtState(CtState states) => Add(new Ct(CtKey.State)).AnyBit((uint)states);

    /// <summary>`ct status STATUS,STATUS`: any of them.</summary>
    public Rule CtStatus(CtStatus status) => Add(new Ct(CtKey.Status)).AnyBit((uint)status);

    /// <summary>`ct direction original|reply`.</summary>
    public Rule CtDirection(CtDirection direction) => Add(new Ct(CtKey.Direction)).Add(new Cmp(CmpOp.Eq, NftData.Of((byte)direction)));

    /// <summary>`fib daddr type local`: addressed to this host, by any of its addresses.</summary>
    public Rule DaddrIsLocal()
    {
        const uint RTN_LOCAL = 2;
        return Add(new Fib(FibResult.AddrType, FibFlags.Daddr)).Add(new Cmp(CmpOp.Eq, NftData.OfHost(RTN_LOCAL)));
    }

    /// <summary>`ip saddr @SET` or `ip6 saddr @SET`, by the set's key.</summary>
    public Rule SaddrIn(NftSet set) => In(set, KeyPart.Saddr);

    /// <summary>`ip saddr != @SET` or `ip6 saddr != @SET`.</summary>
    public Rule SaddrNotIn(NftSet set) => NotIn(set, KeyPart.Saddr);

    /// <summary>`ip daddr @SET` or `ip6 daddr @SET`.</summary>
    public Rule DaddrIn(NftSet set) => In(set, KeyPart.Daddr);

    /// <summary>`ip daddr != @SET` or `ip6 daddr != @SET`.</summary>
    public Rule DaddrNotIn(NftSet set) => NotIn(set, KeyPart.Daddr);

    /// <summary>`PART . PART @SET`: the key is in the set. One part for each field of its key.</summary>
    public Rule In(NftSet set, params ReadOnlySpan<KeyPart> key) => Load(set, key).Add(new Lookup(set.Name));

    /// <summary>`PART . PART != @SET`: the key is not in the set.</summary>
    public Rule NotIn(NftSet set, params ReadOnlySpan<KeyPart> key) => Load(set, key).Add(new Lookup(set.Name, Inverted: true));
}
