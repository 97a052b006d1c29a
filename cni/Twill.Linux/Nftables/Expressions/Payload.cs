using Twill.Linux.Netlink;

namespace Twill.Linux.Nftables.Expressions;

/// <summary>enum nft_payload_bases: where an offset into the packet counts from.</summary>
public enum PayloadBase : uint
{
    /// <summary>The Ethernet header.</summary>
    LinkLayer = 0,

    /// <summary>The IP header.</summary>
    Network = 1,

    /// <summary>The TCP, UDP, SCTP header.</summary>
    Transport = 2,
}

/// <summary>`[ payload load LENGTHb @ BASE header + OFFSET => reg ]`: bytes of the packet into a register. Offset and length in
/// bytes.</summary>
public sealed record Payload(PayloadBase Base, uint Offset, uint Length, NftRegister Dreg = NftRegister.Reg1) : NftExpression
{
    /// <inheritdoc/>
    public override string Name => "payload";

    private protected override void WriteData(ref NetlinkWriter w)
    {
        w.PutBe32(NFTA_PAYLOAD.DREG, (uint)Dreg);
        w.PutBe32(NFTA_PAYLOAD.BASE, (uint)Base);
        w.PutBe32(NFTA_PAYLOAD.OFFSET, Offset);
        w.PutBe32(NFTA_PAYLOAD.LEN, Length);
    }
}
