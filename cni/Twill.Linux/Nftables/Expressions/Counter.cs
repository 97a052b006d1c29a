using Twill.Linux.Netlink;

namespace Twill.Linux.Nftables.Expressions;

/// <summary>`counter`: counts what comes this far. Two counters are equal whatever they have counted.</summary>
public sealed record Counter(ulong Packets = 0, ulong Bytes = 0) : NftExpression
{
    /// <inheritdoc/>
    public override string Name => "counter";

    /// <summary>Any two counters do the same.</summary>
    public bool Equals(Counter? other) => other is not null;

    /// <inheritdoc/>
    public override int GetHashCode() => Name.GetHashCode(StringComparison.Ordinal);

    private protected override void WriteData(ref NetlinkWriter w)
    {
        if (Bytes != 0 || Packets != 0)
        {
            w.PutBe64(NFTA_COUNTER.BYTES, Bytes);
            w.PutBe64(NFTA_COUNTER.PACKETS, Packets);
        }
    }
}
