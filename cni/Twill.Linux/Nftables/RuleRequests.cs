using Twill.Linux.Netlink;

namespace Twill.Linux.Nftables;

/// <summary>`nft add rule TABLE CHAIN [handle AFTER] RULE`: behind all rules of the chain, or right behind one of them.</summary>
/// <param name="Table">The table.</param>
/// <param name="Chain">The chain, which must exist or be made earlier in the batch.</param>
/// <param name="Rule">What the rule does.</param>
/// <param name="After">Handle of the rule to put it behind; 0: at the end.</param>
public readonly record struct NewRule(TableId Table, string Chain, Rule Rule, ulong After = 0) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => (ushort)NFT_MSG.NEWRULE;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.Create | NetlinkFlags.Append;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) =>
        NftText.Statement($"add rule {Table} {Chain} {NftText.Handle(After)}{RuleText.Of(Rule, names)}");

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w) => RuleMessage.Write(ref w, Table, Chain, Rule, handle: 0, position: After);
}

/// <summary>`nft insert rule TABLE CHAIN [handle BEFORE] RULE`: before all rules of the chain, or right before one of them.</summary>
/// <param name="Table">The table.</param>
/// <param name="Chain">The chain.</param>
/// <param name="Rule">What the rule does.</param>
/// <param name="Before">Handle of the rule to put it before; 0: at the beginning.</param>
public readonly record struct InsertRule(TableId Table, string Chain, Rule Rule, ulong Before = 0) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => (ushort)NFT_MSG.NEWRULE;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.Create;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) =>
        NftText.Statement($"insert rule {Table} {Chain} {NftText.Handle(Before)}{RuleText.Of(Rule, names)}");

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w) => RuleMessage.Write(ref w, Table, Chain, Rule, handle: 0, position: Before);
}

/// <summary>`nft replace rule TABLE CHAIN handle HANDLE RULE`. The new rule gets a handle of its own.</summary>
public readonly record struct ReplaceRule(TableId Table, string Chain, ulong Handle, Rule Rule) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => (ushort)NFT_MSG.NEWRULE;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.Replace;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) =>
        NftText.Statement($"replace rule {Table} {Chain} {NftText.Handle(Handle)}{RuleText.Of(Rule, names)}");

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w) => RuleMessage.Write(ref w, Table, Chain, Rule, Handle, position: 0);
}

/// <summary>`nft delete rule TABLE CHAIN handle HANDLE`. ENOENT when there is no such rule.</summary>
public readonly record struct DeleteRule(TableId Table, string Chain, ulong Handle) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => (ushort)NFT_MSG.DELRULE;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.None;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) => NftText.Statement($"delete rule {Table} {Chain} handle {Handle}");

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        // Without a handle the kernel deletes every rule of the chain: never by a number that someone forgot to fill in.
        ArgumentOutOfRangeException.ThrowIfZero(Handle);
        new FlushChain(Table, Chain).Write(ref w);
        w.PutBe64(NFTA_RULE.HANDLE, Handle);
    }
}

/// <summary>`nft flush chain TABLE CHAIN`: deletes all rules of the chain; no error when there is none.</summary>
public readonly record struct FlushChain(TableId Table, string Chain) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => (ushort)NFT_MSG.DELRULE;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.None;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) => NftText.Statement($"flush chain {Table} {Chain}");

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        w.Header(new NfGenMsg(Table.Family));
        w.Put(NFTA_RULE.TABLE, Table.Name);
        w.Put(NFTA_RULE.CHAIN, Chain);
    }
}

/// <summary>The rules of a table, or of one of its chains, with NLM_F_DUMP.</summary>
internal readonly record struct GetRules(TableId Table, string? Chain) : INetlinkRequest
{
    public static ushort Type => (ushort)NFT_MSG.GETRULE;

    public NetlinkFlags Flags => NetlinkFlags.None;

    public string ToCommand(CommandNames names) =>
        NftText.Statement(Chain is null ? $"-a list table {Table}" : $"-a list chain {Table} {Chain}");

    public void Write(ref NetlinkWriter w)
    {
        w.Header(new NfGenMsg(Table.Family));
        w.Put(NFTA_RULE.TABLE, Table.Name);
        if (Chain is not null)
        {
            w.Put(NFTA_RULE.CHAIN, Chain);
        }
    }
}

internal static class RuleMessage
{
    internal static void Write(ref NetlinkWriter w, TableId table, string chain, Rule rule, ulong handle, ulong position)
    {
        w.Header(new NfGenMsg(table.Family));
        w.Put(NFTA_RULE.TABLE, table.Name);
        w.Put(NFTA_RULE.CHAIN, chain);
        if (handle != 0)
        {
            w.PutBe64(NFTA_RULE.HANDLE, handle);
        }

        Nest expressions = w.Begin(NFTA_RULE.EXPRESSIONS);
        foreach (Expressions.NftExpression expression in rule.Expressions)
        {
            expression.Write(ref w);
        }

        w.End(expressions);
        w.PutComment(NFTA_RULE.USERDATA, UserdataType.Comment, rule.Comment);
        if (position != 0)
        {
            w.PutBe64(NFTA_RULE.POSITION, position);
        }
    }
}
