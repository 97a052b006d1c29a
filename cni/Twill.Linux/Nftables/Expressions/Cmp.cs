using Twill.Linux.Netlink;

namespace Twill.Linux.Nftables.Expressions;

/// <summary>enum nft_cmp_ops. Greater and less compare bytes from the left: numbers in network byte order.</summary>
public enum CmpOp : uint
{
    /// <summary>Equal.</summary>
    Eq = 0,

    /// <summary>Not equal.</summary>
    Neq = 1,

    /// <summary>Less.</summary>
    Lt = 2,

    /// <summary>Less or equal.</summary>
    Lte = 3,

    /// <summary>Greater.</summary>
    Gt = 4,

    /// <summary>Greater or equal.</summary>
    Gte = 5,
}

/// <summary>`[ cmp OP reg DATA ]`: goes on with the rule when the register's first bytes compare so with the data.</summary>
public sealed record Cmp(CmpOp Op, NftData Data, NftRegister Sreg = NftRegister.Reg1) : NftExpression
{
    /// <inheritdoc/>
    public override string Name => "cmp";

    private protected override void WriteData(ref NetlinkWriter w)
    {
        w.PutBe32(NFTA_CMP.SREG, (uint)Sreg);
        w.PutBe32(NFTA_CMP.OP, (uint)Op);
        w.PutData(NFTA_CMP.DATA, Data);
    }
}
