using Twill.Linux.Netlink;

namespace Twill.Linux.Nftables.Expressions;

/// <summary>
/// One step of a rule: it loads a register, compares one, looks one up in a set, or acts. A rule is left at the first expression
/// that does not match. Records: two of the same values are equal.
/// </summary>
public abstract record NftExpression
{
    private protected NftExpression() { }

    /// <summary>The kernel's name for this kind of expression (NFTA_EXPR_NAME): "payload", "cmp".</summary>
    public abstract string Name { get; }

    /// <inheritdoc/>
    public sealed override string ToString() => Name;

    internal void Write(ref NetlinkWriter w)
    {
        Nest element = w.Begin(NFTA_LIST.ELEM);
        {
            w.Put(NFTA_EXPR.NAME, Name);
            Nest data = w.Begin(NFTA_EXPR.DATA);
            WriteData(ref w);
            w.End(data);
        }

        w.End(element);
    }

    /// <summary>Writes what is inside NFTA_EXPR_DATA, in the order in which `nft` sends it.</summary>
    private protected abstract void WriteData(ref NetlinkWriter w);
}
