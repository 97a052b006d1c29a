using Twill.Linux.Netlink;
using Twill.Linux.Nftables.Expressions;

namespace Twill.Linux.Nftables;

/// <summary>A rule as the kernel has it.</summary>
/// <param name="Table">Its table.</param>
/// <param name="Chain">Its chain.</param>
/// <param name="Handle">The kernel's number for it within its table: what replaces and deletes name.</param>
/// <param name="Rule">What it does; expressions unknown here are kept as <see cref="UnknownExpression"/>.</param>
public sealed record NftRule(TableId Table, string Chain, ulong Handle, Rule Rule)
{
    internal static NftRule? Decode(in NetlinkMessage message)
    {
        if (message.Type != (ushort)NFT_MSG.NEWRULE)
        {
            return null;
        }

        NetlinkReader reader = message.Reader;
        var family = (NftFamily)reader.Header<NfGenMsg>().Family;
        string table = "",
            chain = "";
        ulong handle = 0;
        string? comment = null;
        List<NftExpression> expressions = [];
        while (reader.TryRead(out NetlinkAttribute attribute))
        {
            switch ((NFTA_RULE)attribute.Type)
            {
                case NFTA_RULE.TABLE:
                    table = attribute.Text();
                    break;
                case NFTA_RULE.CHAIN:
                    chain = attribute.Text();
                    break;
                case NFTA_RULE.HANDLE:
                    handle = attribute.Be64();
                    break;
                case NFTA_RULE.USERDATA:
                    comment = Userdata.Comment(attribute.Value, UserdataType.Comment);
                    break;
                case NFTA_RULE.EXPRESSIONS:
                    DecodeExpressions(attribute.Nested, expressions);
                    break;
            }
        }

        return new NftRule(new TableId(family, table), chain, handle, new Rule(expressions, comment));
    }

    private static void DecodeExpressions(NetlinkReader reader, List<NftExpression> into)
    {
        while (reader.TryRead(out NetlinkAttribute attribute))
        {
            if (attribute.Type == (ushort)NFTA_LIST.ELEM)
            {
                into.Add(ExpressionDecoder.Decode(attribute.Nested));
            }
        }
    }
}
