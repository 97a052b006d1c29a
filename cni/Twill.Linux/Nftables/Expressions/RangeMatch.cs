using Twill.Linux.Netlink;

namespace Twill.Linux.Nftables.Expressions;

/// <summary>`[ range eq|neq reg FROM TO ]`: whether the register is within two bounds, both inclusive, compared as bytes from the
/// left.</summary>
public sealed record RangeMatch(NftData From, NftData To, bool Inverted = false, NftRegister Sreg = NftRegister.Reg1) : NftExpression
{
    /// <inheritdoc/>
    public override string Name => "range";

    private protected override void WriteData(ref NetlinkWriter w)
    {
        w.PutBe32(NFTA_RANGE.SREG, (uint)Sreg);
        w.PutBe32(NFTA_RANGE.OP, Inverted ? 1u : 0u); // NFT_RANGE_NEQ, NFT_RANGE_EQ
        w.PutData(NFTA_RANGE.FROM_DATA, From);
        w.PutData(NFTA_RANGE.TO_DATA, To);
    }
}
