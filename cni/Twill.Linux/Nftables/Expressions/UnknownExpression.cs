using Twill.Linux.Netlink;

namespace Twill.Linux.Nftables.Expressions;

/// <summary>An expression that this library has no record for, kept as the kernel sent it: other programs' rules are never an
/// error.</summary>
/// <param name="Kind">The kernel's name for it.</param>
/// <param name="Data">The bytes inside NFTA_EXPR_DATA, hexadecimal.</param>
public sealed record UnknownExpression(string Kind, string Data) : NftExpression
{
    /// <inheritdoc/>
    public override string Name => Kind;

    private protected override void WriteData(ref NetlinkWriter w) => w.PutAttributes(Convert.FromHexString(Data));
}
