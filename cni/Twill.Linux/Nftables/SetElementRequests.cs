using Twill.Linux.Netlink;

namespace Twill.Linux.Nftables;

/// <summary>
/// `nft add element TABLE SET { .. }`. An element that exists stays; with other data it is EEXIST (EBUSY on older kernels), and so is
/// a range that overlaps another. A message holds some hundred elements: <see cref="NftBatch.AddElements"/> cuts longer lists.
/// </summary>
public readonly record struct NewSetElements(NftSet Set, ReadOnlyMemory<SetElement> Elements) : INetlinkRequest
{
    /// <summary>These elements.</summary>
    public NewSetElements(NftSet set, params SetElement[] elements)
        : this(set, elements.AsMemory()) { }

    /// <inheritdoc/>
    public static ushort Type => (ushort)NFT_MSG.NEWSETELEM;

    /// <summary>Fail with EEXIST when an element exists (`nft create element`).</summary>
    public bool Exclusive { get; init; }

    /// <inheritdoc/>
    public NetlinkFlags Flags => Exclusive ? NetlinkFlags.Create | NetlinkFlags.Excl : NetlinkFlags.Create;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) =>
        NftText.Statement($"{(Exclusive ? "create" : "add")} element {NftText.Of(Set, Elements.Span)}");

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w) => ElementsMessage.Write(ref w, Set, Elements.Span, withData: true);
}

/// <summary>`nft delete element TABLE SET { .. }`: by key; data and comments do not matter. ENOENT when one is not there.</summary>
public readonly record struct DeleteSetElements(NftSet Set, ReadOnlyMemory<SetElement> Elements) : INetlinkRequest
{
    /// <summary>These elements.</summary>
    public DeleteSetElements(NftSet set, params SetElement[] elements)
        : this(set, elements.AsMemory()) { }

    /// <inheritdoc/>
    public static ushort Type => (ushort)NFT_MSG.DELSETELEM;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.None;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) => NftText.Statement($"delete element {NftText.Of(Set, Elements.Span)}");

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w) => ElementsMessage.Write(ref w, Set, Elements.Span, withData: false);
}

/// <summary>`nft destroy element`: as <see cref="DeleteSetElements"/>, and what is not there is no error. EINVAL before Linux 6.3;
/// <see cref="NftSocket.DestroyElements"/> works everywhere.</summary>
public readonly record struct DestroySetElements(NftSet Set, ReadOnlyMemory<SetElement> Elements) : INetlinkRequest
{
    /// <summary>These elements.</summary>
    public DestroySetElements(NftSet set, params SetElement[] elements)
        : this(set, elements.AsMemory()) { }

    /// <inheritdoc/>
    public static ushort Type => (ushort)NFT_MSG.DESTROYSETELEM;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.None;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) => NftText.Statement($"destroy element {NftText.Of(Set, Elements.Span)}");

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w) => ElementsMessage.Write(ref w, Set, Elements.Span, withData: false);
}

/// <summary>`nft flush set TABLE SET`: deletes all elements; no error when there is none.</summary>
public readonly record struct FlushSet(TableId Table, string Name) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => (ushort)NFT_MSG.DELSETELEM;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.None;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) => NftText.Statement($"flush set {Table} {Name}");

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        w.Header(new NfGenMsg(Table.Family));
        w.Put(NFTA_SET_ELEM_LIST.SET, Name);
        w.Put(NFTA_SET_ELEM_LIST.TABLE, Table.Name);
    }
}

/// <summary>`nft get element TABLE SET { KEY }`: one element by its key. ENOENT when it is not there, or there is no such set or
/// table.</summary>
internal readonly record struct GetSetElement(NftSet Set, SetElement Element) : INetlinkRequest
{
    public static ushort Type => (ushort)NFT_MSG.GETSETELEM;

    public NetlinkFlags Flags => NetlinkFlags.None;

    public string ToCommand(CommandNames names) => NftText.Statement($"get element {NftText.Of(Set, [Element])}");

    public void Write(ref NetlinkWriter w) => ElementsMessage.Write(ref w, Set, new SetElement[] { Element }, withData: false);
}

/// <summary>The elements of a set, with NLM_F_DUMP.</summary>
internal readonly record struct GetSetElements(TableId Table, string Name) : INetlinkRequest
{
    public static ushort Type => (ushort)NFT_MSG.GETSETELEM;

    public NetlinkFlags Flags => NetlinkFlags.None;

    public string ToCommand(CommandNames names) => NftText.Statement($"list set {Table} {Name}");

    public void Write(ref NetlinkWriter w) => new FlushSet(Table, Name).Write(ref w);
}
