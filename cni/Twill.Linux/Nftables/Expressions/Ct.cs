using Twill.Linux.Netlink;

namespace Twill.Linux.Nftables.Expressions;

/// <summary>enum nft_ct_keys: what connection tracking knows about the packet's connection.</summary>
public enum CtKey : uint
{
    /// <summary><see cref="CtState"/>, 4 bytes, host byte order.</summary>
    State = 0,

    /// <summary>0 original, 1 reply; 1 byte.</summary>
    Direction = 1,

    /// <summary><see cref="CtStatus"/>, 4 bytes, host byte order.</summary>
    Status = 2,

    /// <summary>Connection mark, 4 bytes, host byte order.</summary>
    Mark = 3,

    /// <summary>IP protocol number, 1 byte.</summary>
    Protocol = 10,

    /// <summary>Source port in a direction, 2 bytes.</summary>
    ProtoSrc = 11,

    /// <summary>Destination port in a direction, 2 bytes.</summary>
    ProtoDst = 12,

    /// <summary>IPv4 source address in a direction.</summary>
    SrcIp = 19,

    /// <summary>IPv4 destination address in a direction.</summary>
    DstIp = 20,

    /// <summary>IPv6 source address in a direction.</summary>
    SrcIp6 = 21,

    /// <summary>IPv6 destination address in a direction.</summary>
    DstIp6 = 22,
}

/// <summary>enum ip_conntrack_dir.</summary>
public enum CtDirection : byte
{
    /// <summary>As the connection's first packet went.</summary>
    Original = 0,

    /// <summary>As the answers go.</summary>
    Reply = 1,
}

/// <summary>Connection states as bits: NF_CT_STATE_INVALID_BIT and NF_CT_STATE_BIT(enum ip_conntrack_info).</summary>
[Flags]
public enum CtState : uint
{
    /// <summary>Not part of any connection.</summary>
    Invalid = 1,

    /// <summary>Packets went both ways.</summary>
    Established = 2,

    /// <summary>A new connection that belongs to another one, an ICMP error for instance.</summary>
    Related = 4,

    /// <summary>The first packet.</summary>
    New = 8,

    /// <summary>Kept from connection tracking.</summary>
    Untracked = 64,
}

/// <summary>enum ip_conntrack_status, as far as rulesets ask for it.</summary>
[Flags]
public enum CtStatus : uint
{
    /// <summary>IPS_SEEN_REPLY.</summary>
    SeenReply = 0x2,

    /// <summary>IPS_ASSURED: will not be dropped early.</summary>
    Assured = 0x4,

    /// <summary>IPS_CONFIRMED: its first packet has left.</summary>
    Confirmed = 0x8,

    /// <summary>IPS_SRC_NAT: its source address was translated.</summary>
    Snat = 0x10,

    /// <summary>IPS_DST_NAT: its destination address was translated.</summary>
    Dnat = 0x20,
}

/// <summary>`[ ct load KEY => reg ]`, for keys that have one, of a direction.</summary>
public sealed record Ct(CtKey Key, CtDirection? Direction = null, NftRegister Dreg = NftRegister.Reg1) : NftExpression
{
    /// <inheritdoc/>
    public override string Name => "ct";

    private protected override void WriteData(ref NetlinkWriter w)
    {
        w.PutBe32(NFTA_CT.KEY, (uint)Key);
        w.PutBe32(NFTA_CT.DREG, (uint)Dreg);
        if (Direction is { } direction)
        {
            w.Put(NFTA_CT.DIRECTION, (byte)direction);
        }
    }
}

/// <summary>`[ ct set KEY with reg ]`: the connection mark, from a register.</summary>
public sealed record CtSet(CtKey Key, NftRegister Sreg = NftRegister.Reg1) : NftExpression
{
    /// <inheritdoc/>
    public override string Name => "ct";

    private protected override void WriteData(ref NetlinkWriter w)
    {
        w.PutBe32(NFTA_CT.KEY, (uint)Key);
        w.PutBe32(NFTA_CT.SREG, (uint)Sreg);
    }
}
