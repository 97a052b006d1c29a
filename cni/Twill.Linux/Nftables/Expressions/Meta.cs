using Twill.Linux.Netlink;

namespace Twill.Linux.Nftables.Expressions;

/// <summary>enum nft_meta_keys: what the kernel knows about a packet beside its bytes.</summary>
public enum MetaKey : uint
{
    /// <summary>What the frame carries, as on the wire: 0x0800 is IPv4, 2 bytes.</summary>
    Protocol = 1,

    /// <summary>Packet mark, 4 bytes, host byte order.</summary>
    Mark = 3,

    /// <summary>Index of the interface it came in by, 4 bytes, host byte order.</summary>
    Iif = 4,

    /// <summary>Index of the interface it leaves by, 4 bytes, host byte order.</summary>
    Oif = 5,

    /// <summary>Name of the interface it came in by, 16 bytes.</summary>
    IifName = 6,

    /// <summary>Name of the interface it leaves by, 16 bytes.</summary>
    OifName = 7,

    /// <summary>NFPROTO_IPV4 (2) or NFPROTO_IPV6 (10), 1 byte.</summary>
    NfProto = 15,

    /// <summary>IP protocol number, 1 byte.</summary>
    L4Proto = 16,

    /// <summary>Name of the bridge whose port it came in by, 16 bytes.</summary>
    BriIifName = 17,

    /// <summary>Name of the bridge whose port it leaves by, 16 bytes.</summary>
    BriOifName = 18,

    /// <summary>PACKET_HOST (0), PACKET_BROADCAST (1), PACKET_MULTICAST (2), PACKET_OTHERHOST (3), 1 byte.</summary>
    PktType = 19,

    /// <summary>Group of the interface it came in by, 4 bytes, host byte order.</summary>
    IifGroup = 21,

    /// <summary>Group of the interface it leaves by, 4 bytes, host byte order.</summary>
    OifGroup = 22,
}

/// <summary>`[ meta load KEY => reg ]`.</summary>
public sealed record Meta(MetaKey Key, NftRegister Dreg = NftRegister.Reg1) : NftExpression
{
    /// <inheritdoc/>
    public override string Name => "meta";

    private protected override void WriteData(ref NetlinkWriter w)
    {
        w.PutBe32(NFTA_META.KEY, (uint)Key);
        w.PutBe32(NFTA_META.DREG, (uint)Dreg);
    }
}

/// <summary>`[ meta set KEY with reg ]`: the packet mark, from a register.</summary>
public sealed record MetaSet(MetaKey Key, NftRegister Sreg = NftRegister.Reg1) : NftExpression
{
    /// <inheritdoc/>
    public override string Name => "meta";

    private protected override void WriteData(ref NetlinkWriter w)
    {
        w.PutBe32(NFTA_META.KEY, (uint)Key);
        w.PutBe32(NFTA_META.SREG, (uint)Sreg);
    }
}
