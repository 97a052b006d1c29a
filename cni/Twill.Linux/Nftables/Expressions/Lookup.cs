using Twill.Linux.Netlink;

namespace Twill.Linux.Nftables.Expressions;

/// <summary>
/// `[ lookup reg set SET dreg ]`: goes on when the register is in the set (or, inverted, when it is not). With
/// <paramref name="Dreg"/> the set is a map whose data goes to that register, for a verdict map to the verdict.
/// </summary>
/// <param name="Set">Name of a set of the same table, also one made earlier in the same batch.</param>
/// <param name="Inverted">Go on when the key is not in the set.</param>
/// <param name="Sreg">Where the key is.</param>
/// <param name="Dreg">Where a map's data goes; null for a set.</param>
/// <param name="SetId">NFTA_SET_ID of a set of the same batch that has no name of its own yet (an anonymous one); 0 finds it by
/// name.</param>
public sealed record Lookup(
    string Set,
    bool Inverted = false,
    NftRegister Sreg = NftRegister.Reg1,
    NftRegister? Dreg = null,
    uint SetId = 0
) : NftExpression
{
    /// <inheritdoc/>
    public override string Name => "lookup";

    private protected override void WriteData(ref NetlinkWriter w)
    {
        w.PutBe32(NFTA_LOOKUP.SREG, (uint)Sreg);
        if (Dreg is { } dreg)
        {
            w.PutBe32(NFTA_LOOKUP.DREG, (uint)dreg);
        }

        w.Put(NFTA_LOOKUP.SET, Set);
        if (SetId != 0)
        {
            w.PutBe32(NFTA_LOOKUP.SET_ID, SetId);
        }

        if (Inverted)
        {
            w.PutBe32(NFTA_LOOKUP.FLAGS, 1); // NFT_LOOKUP_F_INV
        }
    }
}
