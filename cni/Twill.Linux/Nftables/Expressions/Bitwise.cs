using Twill.Linux.Netlink;

namespace Twill.Linux.Nftables.Expressions;

/// <summary>`[ bitwise reg = ( reg &amp; MASK ) ^ XOR ]` (NFT_BITWISE_MASK_XOR, the kernel's default operation).</summary>
public sealed record Bitwise(NftData Mask, NftData Xor, NftRegister Sreg = NftRegister.Reg1, NftRegister Dreg = NftRegister.Reg1)
    : NftExpression
{
    /// <inheritdoc/>
    public override string Name => "bitwise";

    /// <summary>Only the bits of the mask: `reg &amp; MASK`.</summary>
    public static Bitwise And(NftData mask) => new(mask, new NftData(new byte[mask.Length]));

    private protected override void WriteData(ref NetlinkWriter w)
    {
        w.PutBe32(NFTA_BITWISE.SREG, (uint)Sreg);
        w.PutBe32(NFTA_BITWISE.DREG, (uint)Dreg);
        w.PutBe32(NFTA_BITWISE.LEN, (uint)Mask.Length);
        w.PutData(NFTA_BITWISE.MASK, Mask);
        w.PutData(NFTA_BITWISE.XOR, Xor);
    }
}
