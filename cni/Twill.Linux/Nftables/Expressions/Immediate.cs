using Twill.Linux.Netlink;

namespace Twill.Linux.Nftables.Expressions;

/// <summary>`[ immediate reg DATA ]`: a constant into a register.</summary>
public sealed record Immediate(NftData Data, NftRegister Dreg = NftRegister.Reg1) : NftExpression
{
    /// <inheritdoc/>
    public override string Name => "immediate";

    private protected override void WriteData(ref NetlinkWriter w)
    {
        w.PutBe32(NFTA_IMMEDIATE.DREG, (uint)Dreg);
        w.PutData(NFTA_IMMEDIATE.DATA, Data);
    }
}

/// <summary>`[ immediate reg 0 accept ]`: the rule's verdict.</summary>
public sealed record ImmediateVerdict(Verdict Verdict) : NftExpression
{
    /// <inheritdoc/>
    public override string Name => "immediate";

    private protected override void WriteData(ref NetlinkWriter w)
    {
        w.PutBe32(NFTA_IMMEDIATE.DREG, (uint)NftRegister.Verdict);
        w.PutVerdict(NFTA_IMMEDIATE.DATA, Verdict);
    }
}
