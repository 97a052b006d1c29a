using Twill.Linux.Netlink;

namespace Twill.Linux.Nftables;

/// <summary>
/// `nft add chain TABLE NAME [{ type TYPE hook HOOK priority PRIORITY; policy POLICY; }]`: makes the chain. One that exists keeps its
/// rules and takes a new policy; any other difference of the base is EBUSY or EEXIST.
/// </summary>
public readonly record struct NewChain(TableId Table, string Name, BaseChain? Base = null, string? Comment = null) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => (ushort)NFT_MSG.NEWCHAIN;

    /// <summary>Fail with EEXIST when the chain exists (`nft create chain`).</summary>
    public bool Exclusive { get; init; }

    /// <inheritdoc/>
    public NetlinkFlags Flags => Exclusive ? NetlinkFlags.Create | NetlinkFlags.Excl : NetlinkFlags.Create;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) =>
        NftText.Statement(
            $"{(Exclusive ? "create" : "add")} chain {Table} "
                + $"{Name}{NftText.Braces(Base is null ? "" : NftText.Of(Base, Table.Family), NftText.CommentOf(Comment))}"
        );

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        w.Header(new NfGenMsg(Table.Family));
        w.Put(NFTA_CHAIN.TABLE, Table.Name);
        w.Put(NFTA_CHAIN.NAME, Name);
        if (Base is not null)
        {
            WriteBase(ref w, Base);
        }

        w.PutComment(NFTA_CHAIN.USERDATA, UserdataType.Comment, Comment);
    }

    private static void WriteBase(ref NetlinkWriter w, BaseChain chain)
    {
        w.Put(
            NFTA_CHAIN.TYPE,
            chain.Type switch
            {
                ChainType.Filter => "filter",
                ChainType.Nat => "nat",
                ChainType.Route => "route",
                _ => throw new ArgumentException($"chain type {chain.Type}: expected filter, nat or route"),
            }
        );
        if (chain.Policy is { } policy)
        {
            w.PutBe32(NFTA_CHAIN.POLICY, (uint)policy);
        }

        Nest hook = w.Begin(NFTA_CHAIN.HOOK);
        w.PutBe32(NFTA_HOOK.HOOKNUM, (uint)chain.Hook);
        w.PutBe32(NFTA_HOOK.PRIORITY, (uint)chain.Priority);
        w.End(hook);
    }
}

/// <summary>`nft delete chain TABLE NAME`. EBUSY while rules jump to it or are in it.</summary>
public readonly record struct DeleteChain(TableId Table, string Name) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => (ushort)NFT_MSG.DELCHAIN;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.None;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) => NftText.Statement($"delete chain {Table} {Name}");

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        w.Header(new NfGenMsg(Table.Family));
        w.Put(NFTA_CHAIN.TABLE, Table.Name);
        w.Put(NFTA_CHAIN.NAME, Name);
    }
}

/// <summary>All chains of a family (0: of all families), with NLM_F_DUMP.</summary>
internal readonly record struct GetChains(NftFamily Family) : INetlinkRequest
{
    public static ushort Type => (ushort)NFT_MSG.GETCHAIN;

    public NetlinkFlags Flags => NetlinkFlags.None;

    public string ToCommand(CommandNames names) => NftText.Statement(Family == 0 ? "list chains" : $"list chains {TableId.NameOf(Family)}");

    public void Write(ref NetlinkWriter w) => w.Header(new NfGenMsg(Family));
}

/// <summary>One chain by name.</summary>
internal readonly record struct GetChain(TableId Table, string Name) : INetlinkRequest
{
    public static ushort Type => (ushort)NFT_MSG.GETCHAIN;

    public NetlinkFlags Flags => NetlinkFlags.None;

    public string ToCommand(CommandNames names) => NftText.Statement($"list chain {Table} {Name}");

    public void Write(ref NetlinkWriter w)
    {
        w.Header(new NfGenMsg(Table.Family));
        w.Put(NFTA_CHAIN.TABLE, Table.Name);
        w.Put(NFTA_CHAIN.NAME, Name);
    }
}
