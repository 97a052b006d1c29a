namespace Twill.Linux.Nftables;

/// <summary>
/// A set (`set NAME { type KEY; flags interval; }`) or, with <see cref="Data"/>, a map (`map NAME { type KEY : DATA; }`): the same
/// record makes it, says how its elements are written, and comes back from the kernel.
/// </summary>
/// <param name="Table">The table.</param>
/// <param name="Name">Name, unique among the table's sets and maps; at most 255 bytes.</param>
/// <param name="Key">Type of the keys, e.g. <see cref="NftType.Ipv4Addr"/> or a concatenation.</param>
public sealed record NftSet(TableId Table, string Name, NftType Key)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Table} {Name}";

    /// <summary>Type of a map's data; null for a set.</summary>
    public NftType? Data { get; init; }

    /// <summary>`flags interval`: elements are ranges and prefixes.</summary>
    public bool Interval { get; init; }

    /// <summary>How many elements it may hold at most; 0 for no limit.</summary>
    public uint Size { get; init; }

    /// <summary>Shown by `nft list`; at most 127 bytes.</summary>
    public string? Comment { get; init; }

    /// <summary>What the kernel calls it; 0 for one that was not read from the kernel.</summary>
    public ulong Handle { get; init; }

    /// <summary>Whether keys lead to data.</summary>
    public bool IsMap => Data is not null;

    /// <summary>Flags that other programs set and this library does not (constant, anonymous, timeout, ..): NFTA_SET_FLAGS.</summary>
    internal uint OtherFlags { get; init; }

    internal NFT_SET Flags =>
        (NFT_SET)OtherFlags
        | (Interval ? NFT_SET.INTERVAL : 0)
        | (IsMap ? NFT_SET.MAP : 0)
        | (Interval && Key.IsConcatenation ? NFT_SET.CONCAT : 0);
}
