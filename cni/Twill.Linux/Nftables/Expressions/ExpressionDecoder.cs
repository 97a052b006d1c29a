using Twill.Linux.Netlink;

namespace Twill.Linux.Nftables.Expressions;

/// <summary>
/// Expressions out of the kernel's messages, in the form in which they were sent: what the kernel fills in by itself (the upper end
/// of an address range, flags that follow from other attributes) is left out again. What has no record here is kept as it is.
/// </summary>
internal static class ExpressionDecoder
{
    private const uint DerivedNatFlags = 0x3; // NF_NAT_RANGE_MAP_IPS, NF_NAT_RANGE_PROTO_SPECIFIED

    internal static NftExpression Decode(NetlinkReader reader)
    {
        string name = "";
        NetlinkAttribute data = default;
        while (reader.TryRead(out NetlinkAttribute attribute))
        {
            switch ((NFTA_EXPR)attribute.Type)
            {
                case NFTA_EXPR.NAME:
                    name = attribute.Text();
                    break;
                case NFTA_EXPR.DATA:
                    data = attribute;
                    break;
            }
        }

        return Known(name, new ExpressionData(data.Nested)) ?? new UnknownExpression(name, Convert.ToHexStringLower(data.Value));
    }

    private static NftExpression? Known(string name, ExpressionData data) =>
        name switch
        {
            "payload" => DecodePayload(data),
            "meta" => DecodeMeta(data),
            "ct" => DecodeCt(data),
            "cmp" => data.Register(NFTA_CMP.SREG) is { } sreg
                ? new Cmp((CmpOp)data.U32(NFTA_CMP.OP), data.Data(NFTA_CMP.DATA), sreg)
                : null,
            "bitwise" => DecodeBitwise(data),
            "range" => DecodeRange(data),
            "lookup" => DecodeLookup(data),
            "immediate" => DecodeImmediate(data),
            "counter" => new Counter(data.U64(NFTA_COUNTER.PACKETS), data.U64(NFTA_COUNTER.BYTES)),
            "masq" => data.Has(NFTA_MASQ.REG_PROTO_MIN) ? null : new Masquerade((NatFlags)data.U32(NFTA_MASQ.FLAGS)),
            "nat" => DecodeNat(data),
            "fib" => data.Register(NFTA_FIB.DREG) is { } dreg
                ? new Fib((FibResult)data.U32(NFTA_FIB.RESULT), (FibFlags)data.U32(NFTA_FIB.FLAGS), dreg)
                : null,
            _ => null,
        };

    // Without a destination register it writes into the packet.
    private static Payload? DecodePayload(ExpressionData data) =>
        data.Register(NFTA_PAYLOAD.DREG) is { } dreg
            ? new Payload((PayloadBase)data.U32(NFTA_PAYLOAD.BASE), data.U32(NFTA_PAYLOAD.OFFSET), data.U32(NFTA_PAYLOAD.LEN), dreg)
            : null;

    private static NftExpression? DecodeMeta(ExpressionData data)
    {
        MetaKey key = (MetaKey)data.U32(NFTA_META.KEY);
        if (data.Register(NFTA_META.DREG) is { } dreg)
        {
            return new Meta(key, dreg);
        }

        return data.Register(NFTA_META.SREG) is { } sreg ? new MetaSet(key, sreg) : null;
    }

    private static NftExpression? DecodeCt(ExpressionData data)
    {
        CtKey key = (CtKey)data.U32(NFTA_CT.KEY);
        CtDirection? direction = data.Has(NFTA_CT.DIRECTION) ? (CtDirection)data.U8(NFTA_CT.DIRECTION) : null;
        if (data.Register(NFTA_CT.DREG) is { } dreg)
        {
            return new Ct(key, direction, dreg);
        }

        return direction is null && data.Register(NFTA_CT.SREG) is { } sreg ? new CtSet(key, sreg) : null;
    }

    // Operation 0 is NFT_BITWISE_MASK_XOR; the others shift.
    private static Bitwise? DecodeBitwise(ExpressionData data) =>
        data.U32(NFTA_BITWISE.OP) == 0 && data.Register(NFTA_BITWISE.SREG) is { } sreg && data.Register(NFTA_BITWISE.DREG) is { } dreg
            ? new Bitwise(data.Data(NFTA_BITWISE.MASK), data.Data(NFTA_BITWISE.XOR), sreg, dreg)
            : null;

    private static RangeMatch? DecodeRange(ExpressionData data) =>
        data.Register(NFTA_RANGE.SREG) is { } sreg
            ? new RangeMatch(data.Data(NFTA_RANGE.FROM_DATA), data.Data(NFTA_RANGE.TO_DATA), data.U32(NFTA_RANGE.OP) == 1, sreg)
            : null;

    private static Lookup? DecodeLookup(ExpressionData data) =>
        data.Register(NFTA_LOOKUP.SREG) is { } sreg
            ? new Lookup(data.Text(NFTA_LOOKUP.SET), (data.U32(NFTA_LOOKUP.FLAGS) & 1) != 0, sreg, data.Register(NFTA_LOOKUP.DREG))
            : null;

    private static NftExpression? DecodeImmediate(ExpressionData data)
    {
        if (data.Verdict(NFTA_IMMEDIATE.DATA) is { } verdict)
        {
            return new ImmediateVerdict(verdict);
        }

        return data.Register(NFTA_IMMEDIATE.DREG) is { } dreg ? new Immediate(data.Data(NFTA_IMMEDIATE.DATA), dreg) : null;
    }

    private static Nat DecodeNat(ExpressionData data)
    {
        NftRegister? address = data.Register(NFTA_NAT.REG_ADDR_MIN),
            port = data.Register(NFTA_NAT.REG_PROTO_MIN);
        NftRegister? addressMax = data.Register(NFTA_NAT.REG_ADDR_MAX),
            portMax = data.Register(NFTA_NAT.REG_PROTO_MAX);
        return new Nat((NatType)data.U32(NFTA_NAT.TYPE), (NftFamily)data.U32(NFTA_NAT.FAMILY), address, port)
        {
            Flags = (NatFlags)(data.U32(NFTA_NAT.FLAGS) & ~DerivedNatFlags),
            AddressMax = addressMax == address ? null : addressMax,
            PortMax = portMax == port ? null : portMax,
        };
    }
}
