using Twill.Linux.Netlink;

namespace Twill.Linux.Nftables;

/// <summary>
/// `nft add set TABLE NAME { type KEY; flags interval; }`, `nft add map ..`: makes the set; one of the same kind that exists stays as it
/// is, of another kind it is EEXIST.
/// </summary>
/// <param name="Set">The set.</param>
/// <param name="Id">NFTA_SET_ID: only sets without a name of their own are found by it; the kernel wants it in any case.</param>
public readonly record struct NewSet(NftSet Set, uint Id = 1) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => (ushort)NFT_MSG.NEWSET;

    /// <summary>Fail with EEXIST when the set exists (`nft create set`).</summary>
    public bool Exclusive { get; init; }

    /// <inheritdoc/>
    public NetlinkFlags Flags => Exclusive ? NetlinkFlags.Create | NetlinkFlags.Excl : NetlinkFlags.Create;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) => NftText.Statement($"{(Exclusive ? "create" : "add")} {NftText.Of(Set)}");

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        if (Set.Interval && !Set.Key.IsConcatenation && !Set.Key.BigEndian)
        {
            throw new ArgumentException($"set {Set.Name}: no intervals of '{Set.Key}': the kernel compares keys as bytes from the left");
        }

        w.Header(new NfGenMsg(Set.Table.Family));
        w.Put(NFTA_SET.TABLE, Set.Table.Name);
        w.Put(NFTA_SET.NAME, Set.Name);
        w.PutBe32(NFTA_SET.FLAGS, (uint)Set.Flags);
        w.PutBe32(NFTA_SET.KEY_TYPE, Set.Key.Id);
        w.PutBe32(NFTA_SET.KEY_LEN, (uint)Set.Key.Length);
        if (Set.Data is { } data)
        {
            w.PutBe32(NFTA_SET.DATA_TYPE, data.Id);
            w.PutBe32(NFTA_SET.DATA_LEN, (uint)data.Length);
        }

        w.PutBe32(NFTA_SET.ID, Id);
        WriteDescription(ref w, Set);
        WriteUserdata(ref w, Set);
    }

    // An interval set with several fields is told how long each is: it compares them one by one.
    private static void WriteDescription(ref NetlinkWriter w, NftSet set)
    {
        bool fields = set.Interval && set.Key.IsConcatenation;
        if (set.Size == 0 && !fields)
        {
            return;
        }

        Nest description = w.Begin(NFTA_SET.DESC);
        if (set.Size != 0)
        {
            w.PutBe32(NFTA_SET_DESC.SIZE, set.Size);
        }

        if (fields)
        {
            Nest concat = w.Begin(NFTA_SET_DESC.CONCAT);
            foreach (NftType field in set.Key.Fields)
            {
                Nest element = w.Begin(NFTA_LIST.ELEM);
                w.PutBe32(NFTA_SET_FIELD.LEN, (uint)field.Length);
                w.End(element);
            }

            w.End(concat);
        }

        w.End(description);
    }

    private static void WriteUserdata(ref NetlinkWriter w, NftSet set)
    {
        Userdata userdata = new(stackalloc byte[32 + Userdata.MaxCommentEntry]);
        userdata.Add(UserdataType.SetKeyByteOrder, ByteOrder(set.Key));
        if (set.Data is { } data)
        {
            userdata.Add(UserdataType.SetDataByteOrder, ByteOrder(data));
            userdata.Add(UserdataType.SetDataInterval, 0);
        }

        if (set.Comment is { } comment)
        {
            userdata.Add(UserdataType.SetComment, comment);
        }

        w.Put(NFTA_SET.USERDATA, userdata.Written);
    }

    private static uint ByteOrder(NftType type) =>
        type.IsConcatenation || type.IsVerdict ? 0u
        : type.BigEndian ? 2u
        : 1u;
}

/// <summary>`nft delete set TABLE NAME`, with its elements. EBUSY while a rule looks up in it, ENOENT when there is none.</summary>
public readonly record struct DeleteSet(TableId Table, string Name) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => (ushort)NFT_MSG.DELSET;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.None;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) => NftText.Statement($"delete set {Table} {Name}");

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        w.Header(new NfGenMsg(Table.Family));
        w.Put(NFTA_SET.TABLE, Table.Name);
        w.Put(NFTA_SET.NAME, Name);
    }
}

/// <summary>The sets of a table, with NLM_F_DUMP, or one of them by name.</summary>
internal readonly record struct GetSets(TableId Table, string? Name = null) : INetlinkRequest
{
    public static ushort Type => (ushort)NFT_MSG.GETSET;

    public NetlinkFlags Flags => NetlinkFlags.None;

    public string ToCommand(CommandNames names) =>
        NftText.Statement(Name is null ? $"list sets table {Table}" : $"list set {Table} {Name}");

    public void Write(ref NetlinkWriter w)
    {
        w.Header(new NfGenMsg(Table.Family));
        w.Put(NFTA_SET.TABLE, Table.Name);
        if (Name is not null)
        {
            w.Put(NFTA_SET.NAME, Name);
        }
    }
}
