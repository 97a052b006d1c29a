using System.Net;
using System.Net.Sockets;
using Twill.Linux.Nftables.Expressions;

namespace Twill.Linux.Nftables;

/// <content>How matches become expressions: the same ones, in the same order, that nft makes of them.</content>
public sealed partial class Rule
{
    private static CmpOp Op(bool inverted) => inverted ? CmpOp.Neq : CmpOp.Eq;

    // The register at an offset in bytes: Reg1, then the small ones. Where a large register begins nft uses its number.
    private static NftRegister RegisterAt(int offset) =>
        offset % 16 == 0 ? NftRegister.Reg1 + (uint)offset / 16 : NftRegister.Reg32_00 + (uint)offset / 4;

    private Rule NeedNfProto(byte protocol)
    {
        if (_nfProto == protocol)
        {
            return this;
        }

        if (_nfProto != 0)
        {
            throw new ArgumentException("a rule cannot match IPv4 and IPv6 packets at once");
        }

        _nfProto = protocol;
        if (_ofFrames)
        {
            const ushort ETH_P_IP = 0x0800,
                ETH_P_IPV6 = 0x86dd;
            return Protocol(protocol == Ipv4 ? ETH_P_IP : ETH_P_IPV6);
        }

        return Add(new Meta(MetaKey.NfProto)).Add(new Cmp(CmpOp.Eq, NftData.Of(protocol)));
    }

    private Rule AnyBit(uint bits) => Add(Bitwise.And(NftData.OfHost(bits))).Add(new Cmp(CmpOp.Neq, NftData.OfHost(0)));

    // Whole bytes are compared as they are; a prefix that ends within a byte is masked.
    private Rule Address(IPNetwork prefix, bool source, bool inverted)
    {
        bool v4 = prefix.BaseAddress.AddressFamily == AddressFamily.InterNetwork;
        NeedNfProto(v4 ? Ipv4 : Ipv6);
        int length = prefix.PrefixLength;
        if (length == 0)
        {
            return inverted ? throw new ArgumentException($"'!= {prefix}' never matches") : this;
        }

        NftData address = NftData.Of(prefix.BaseAddress);
        if (length % 8 == 0)
        {
            return Add(AddressLoad(v4, source, (uint)length / 8)).Add(new Cmp(Op(inverted), new NftData(address.Span[..(length / 8)])));
        }

        Span<byte> mask = stackalloc byte[address.Length];
        for (int bit = 0; bit < length; bit++)
        {
            mask[bit / 8] |= (byte)(0x80 >> (bit % 8));
        }

        return Add(AddressLoad(v4, source, (uint)address.Length)).Add(Bitwise.And(new NftData(mask))).Add(new Cmp(Op(inverted), address));
    }

    private static Payload AddressLoad(bool v4, bool source, uint length, NftRegister dreg = NftRegister.Reg1)
    {
        // struct iphdr: saddr at 12, daddr at 16; struct ipv6hdr: saddr at 8, daddr at 24.
        uint offset = (v4, source) switch
        {
            (true, true) => 12,
            (true, false) => 16,
            (false, true) => 8,
            (false, false) => 24,
        };
        return new Payload(PayloadBase.Network, offset, length, dreg);
    }

    private Rule InterfaceName(MetaKey key, string name, bool inverted)
    {
        Add(new Meta(key));
        if (!name.EndsWith('*'))
        {
            return Add(new Cmp(Op(inverted), NftData.OfInterface(name)));
        }

        NftData padded = NftData.OfInterface(name[..^1]);
        return Add(new Cmp(Op(inverted), new NftData(padded.Span[..padded.Span.IndexOf((byte)0)])));
    }

    // Each part into the registers where the set's key has its field.
    private Rule Load(NftSet set, ReadOnlySpan<KeyPart> key)
    {
        if (key.Length != set.Key.Fields.Count)
        {
            throw new ArgumentException($"set {set.Name}: its key '{set.Key}' has {set.Key.Fields.Count} fields, not {key.Length}");
        }

        // The protocol is checked in a register of the key: before the first part is loaded.
        for (int i = 0; i < key.Length; i++)
        {
            if (key[i] is KeyPart.Saddr or KeyPart.Daddr)
            {
                NeedNfProto(IsV4(set.Key.Fields[i]) ? Ipv4 : Ipv6);
            }
        }

        int offset = 0;
        for (int i = 0; i < key.Length; i++)
        {
            NftType field = set.Key.Fields[i];
            NftExpression load = Load(key[i], field, RegisterAt(offset));
            if (field.Length != LengthOf(load, field))
            {
                throw new ArgumentException($"set {set.Name}: '{key[i]}' cannot be its field of type '{field}'");
            }

            Add(load);
            offset += NftType.Padded(field.Length);
        }

        return this;
    }

    private static NftExpression Load(KeyPart part, NftType field, NftRegister dreg) =>
        part switch
        {
            KeyPart.Saddr or KeyPart.Daddr => AddressLoad(IsV4(field), part == KeyPart.Saddr, IsV4(field) ? 4u : 16u, dreg),
            KeyPart.L4Proto => new Meta(MetaKey.L4Proto, dreg),
            KeyPart.Sport => new Payload(PayloadBase.Transport, 0, 2, dreg),
            KeyPart.Dport => new Payload(PayloadBase.Transport, 2, 2, dreg),
            KeyPart.OriginalDport => new Ct(CtKey.ProtoDst, Twill.Linux.Nftables.Expressions.CtDirection.Original, dreg),
            KeyPart.IifName => new Meta(MetaKey.IifName, dreg),
            KeyPart.OifName => new Meta(MetaKey.OifName, dreg),
            KeyPart.Mark => new Meta(MetaKey.Mark, dreg),
            KeyPart.EtherSaddr => new Payload(PayloadBase.LinkLayer, 6, 6, dreg),
            // struct arphdr, with addresses of Ethernet and IPv4 behind it: the sender's at 8 and 14.
            KeyPart.ArpSenderMac => new Payload(PayloadBase.Network, 8, 6, dreg),
            KeyPart.ArpSenderAddress => new Payload(PayloadBase.Network, 14, 4, dreg),
            KeyPart.NeighbourTarget => new Payload(PayloadBase.Transport, 8, 16, dreg), // struct nd_msg
            _ => throw new ArgumentOutOfRangeException(nameof(part), part, "not a part of a key"),
        };

    private static bool IsV4(NftType field) => field.Equals(NftType.Ipv4Addr);

    private static int LengthOf(NftExpression load, NftType field) =>
        load switch
        {
            Payload payload => (int)payload.Length,
            Ct => 2,
            Meta { Key: MetaKey.L4Proto } => 1,
            Meta { Key: MetaKey.Mark } => 4,
            Meta { Key: MetaKey.IifName or MetaKey.OifName } => 16,
            _ => field.Length,
        };
}
