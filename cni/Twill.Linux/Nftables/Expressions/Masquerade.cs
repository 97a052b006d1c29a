using Twill.Linux.Netlink;

namespace Twill.Linux.Nftables.Expressions;

/// <summary>`masquerade [FLAGS]`: source NAT to the address of the interface that the packet leaves by.</summary>
/// <param name="Flags">How ports are chosen.</param>
public sealed record Masquerade(NatFlags Flags = NatFlags.None) : NftExpression
{
    /// <inheritdoc/>
    public override string Name => "masq";

    private protected override void WriteData(ref NetlinkWriter w)
    {
        if (Flags != NatFlags.None)
        {
            w.PutBe32(NFTA_MASQ.FLAGS, (uint)Flags);
        }
    }
}
