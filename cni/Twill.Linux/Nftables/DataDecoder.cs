using Twill.Linux.Netlink;

namespace Twill.Linux.Nftables;

/// <summary>struct nft_data out of the kernel's messages: a value or a verdict.</summary>
internal static class DataDecoder
{
    internal static void Decode(NetlinkReader reader, out NftData value, out Verdict? verdict)
    {
        value = default;
        verdict = null;
        while (reader.TryRead(out NetlinkAttribute attribute))
        {
            switch ((NFTA_DATA)attribute.Type)
            {
                case NFTA_DATA.VALUE:
                    value = Value(attribute);
                    break;
                case NFTA_DATA.VERDICT:
                    verdict = DecodeVerdict(attribute.Nested);
                    break;
            }
        }
    }

    internal static NftData Value(NetlinkReader reader)
    {
        Decode(reader, out NftData value, out _);
        return value;
    }

    private static NftData Value(NetlinkAttribute attribute) =>
        attribute.Value.Length <= NftData.MaxLength
            ? new NftData(attribute.Value)
            : throw new NetlinkFormatException(
                $"nf_tables data of {attribute.Value.Length} bytes: at most {NftData.MaxLength} fit into registers."
            );

    private static Verdict DecodeVerdict(NetlinkReader reader)
    {
        Verdict verdict = default;
        while (reader.TryRead(out NetlinkAttribute attribute))
        {
            switch ((NFTA_VERDICT)attribute.Type)
            {
                case NFTA_VERDICT.CODE:
                    verdict = verdict with { Code = (VerdictCode)attribute.Be32() };
                    break;
                case NFTA_VERDICT.CHAIN:
                    verdict = verdict with { Chain = attribute.Text() };
                    break;
            }
        }

        return verdict;
    }
}
