using Twill.Linux.Netlink;

namespace Twill.Linux.Nftables;

/// <summary>A table as the kernel has it.</summary>
/// <param name="Id">Family and name.</param>
public sealed record NftTable(TableId Id)
{
    private const uint Dormant = 1;

    /// <summary>The comment that it was made with.</summary>
    public string? Comment { get; init; }

    /// <summary>Whether its chains are switched off (NFT_TABLE_F_DORMANT).</summary>
    public bool IsDormant { get; init; }

    /// <summary>The kernel's number for it: another one after it was deleted and made again.</summary>
    public ulong Handle { get; init; }

    /// <summary>How many chains, sets and maps it holds (NFTA_TABLE_USE).</summary>
    public uint Use { get; init; }

    internal static NftTable? Decode(in NetlinkMessage message)
    {
        if (message.Type != (ushort)NFT_MSG.NEWTABLE)
        {
            return null;
        }

        NetlinkReader reader = message.Reader;
        var family = (NftFamily)reader.Header<NfGenMsg>().Family;
        string name = "";
        string? comment = null;
        ulong handle = 0;
        uint use = 0,
            flags = 0;
        while (reader.TryRead(out NetlinkAttribute attribute))
        {
            switch ((NFTA_TABLE)attribute.Type)
            {
                case NFTA_TABLE.NAME:
                    name = attribute.Text();
                    break;
                case NFTA_TABLE.FLAGS:
                    flags = attribute.Be32();
                    break;
                case NFTA_TABLE.HANDLE:
                    handle = attribute.Be64();
                    break;
                case NFTA_TABLE.USE:
                    use = attribute.Be32();
                    break;
                case NFTA_TABLE.USERDATA:
                    comment = Userdata.Comment(attribute.Value, UserdataType.Comment);
                    break;
            }
        }

        return new NftTable(new TableId(family, name))
        {
            Comment = comment,
            Handle = handle,
            Use = use,
            IsDormant = (flags & Dormant) != 0,
        };
    }
}
