using Twill.Linux.Netlink;

namespace Twill.Linux.Nftables;

/// <summary>`nft add table FAMILY NAME { comment "COMMENT"; }`: makes the table; one that exists stays as it is, comment
/// included.</summary>
public readonly record struct NewTable(TableId Table, string? Comment = null) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => (ushort)NFT_MSG.NEWTABLE;

    /// <summary>Fail with EEXIST when the table exists (`nft create table`).</summary>
    public bool Exclusive { get; init; }

    /// <inheritdoc/>
    public NetlinkFlags Flags => Exclusive ? NetlinkFlags.Excl : NetlinkFlags.None;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) =>
        NftText.Statement($"{(Exclusive ? "create" : "add")} table {Table}{NftText.Braces(NftText.CommentOf(Comment))}");

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        w.Header(new NfGenMsg(Table.Family));
        w.Put(NFTA_TABLE.NAME, Table.Name);
        w.PutBe32(NFTA_TABLE.FLAGS, 0);
        w.PutComment(NFTA_TABLE.USERDATA, UserdataType.Comment, Comment);
    }
}

/// <summary>`nft delete table FAMILY NAME`: with all that is in it. ENOENT when there is none; see
/// <see cref="NftBatch.DestroyTable"/>.</summary>
public readonly record struct DeleteTable(TableId Table) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => (ushort)NFT_MSG.DELTABLE;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.None;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) => NftText.Statement($"delete table {Table}");

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        w.Header(new NfGenMsg(Table.Family));
        w.Put(NFTA_TABLE.NAME, Table.Name);
    }
}

/// <summary>Asks for one table by name, or, without a name and with NLM_F_DUMP, for those of a family (0: of all).</summary>
internal readonly record struct GetTable(NftFamily Family, string? Name) : INetlinkRequest
{
    public static ushort Type => (ushort)NFT_MSG.GETTABLE;

    public NetlinkFlags Flags => NetlinkFlags.None;

    public string ToCommand(CommandNames names) =>
        NftText.Statement(
            Name is not null ? $"list table {new TableId(Family, Name)}"
            : Family == 0 ? "list tables"
            : $"list tables {TableId.NameOf(Family)}"
        );

    public void Write(ref NetlinkWriter w)
    {
        w.Header(new NfGenMsg(Family));
        if (Name is not null)
        {
            w.Put(NFTA_TABLE.NAME, Name);
        }
    }
}
