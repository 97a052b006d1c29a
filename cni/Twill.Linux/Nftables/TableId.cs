namespace Twill.Linux.Nftables;

/// <summary>Which table: its family and its name, `inet twill-a`. Names hold at most 255 bytes (NFT_TABLE_MAXNAMELEN less the
/// NUL).</summary>
public readonly record struct TableId(NftFamily Family, string Name)
{
    /// <summary>As `nft` writes it: `inet twill-a`.</summary>
    public override string ToString() => $"{FamilyName} {Name}";

    private string FamilyName => NameOf(Family);

    internal static string NameOf(NftFamily family) =>
        family switch
        {
            NftFamily.Inet => "inet",
            NftFamily.Ip => "ip",
            NftFamily.Arp => "arp",
            NftFamily.Netdev => "netdev",
            NftFamily.Bridge => "bridge",
            NftFamily.Ip6 => "ip6",
            _ => ((byte)family).ToString(),
        };
}
