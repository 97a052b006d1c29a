using System.Text.Json.Nodes;
using Twill.Linux.Netlink;
using Twill.Linux.Nftables;
using Twill.System;
using Twill.Testing;

namespace Kernel.Tests.Nftables;

public sealed class ChainTests
{
    private static readonly TableId Table = NftTestNetns.Table;

    [RequiresRootTheory]
    [InlineData(ChainType.Filter, NftHook.Forward, ChainPriority.Filter, ChainPolicy.Accept, "filter", "forward", "accept")]
    [InlineData(ChainType.Filter, NftHook.Input, ChainPriority.Filter - 5, ChainPolicy.Drop, "filter", "input", "drop")]
    [InlineData(ChainType.Filter, NftHook.Prerouting, ChainPriority.Raw, null, "filter", "prerouting", "accept")]
    [InlineData(ChainType.Filter, NftHook.Prerouting, ChainPriority.Mangle, null, "filter", "prerouting", "accept")]
    [InlineData(ChainType.Nat, NftHook.Prerouting, ChainPriority.Dstnat, ChainPolicy.Accept, "nat", "prerouting", "accept")]
    [InlineData(ChainType.Nat, NftHook.Postrouting, ChainPriority.Srcnat, null, "nat", "postrouting", "accept")]
    [InlineData(ChainType.Nat, NftHook.Output, ChainPriority.Dstnat, null, "nat", "output", "accept")]
    [InlineData(ChainType.Route, NftHook.Output, ChainPriority.Mangle, null, "route", "output", "accept")]
    public void A_base_chain_is_called_where_and_when_it_says(
        ChainType type,
        NftHook hook,
        int priority,
        ChainPolicy? policy,
        string typeName,
        string hookName,
        string policyName
    )
    {
        using NftTestNetns ns = new();
        BaseChain wanted = new(type, hook, priority, policy);

        ns.Socket.NewBatch().Add(new NewTable(Table)).Add(new NewChain(Table, "base", wanted, "a comment")).Send();

        JsonNode chain = ns.Objects("chain").Should().ContainSingle().Which;
        chain["type"]!.GetValue<string>().Should().Be(typeName);
        chain["hook"]!.GetValue<string>().Should().Be(hookName);
        chain["prio"]!.GetValue<int>().Should().Be(priority);
        chain["policy"]!.GetValue<string>().Should().Be(policyName);
        ns.Ruleset.Should().Contain("comment \"a comment\"");
        NftChain decoded = ns.Socket.ListChains(Table).Should().ContainSingle().Which;
        decoded.Base.Should().Be(wanted with { Policy = policy ?? ChainPolicy.Accept });
        decoded.Comment.Should().Be("a comment");
        decoded.Handle.Should().Be((ulong)chain["handle"]!.GetValue<int>());
    }

    [RequiresRootFact]
    public void A_chain_takes_a_new_policy_and_keeps_its_rules()
    {
        using NftTestNetns ns = new();
        BaseChain chain = new(ChainType.Filter, NftHook.Forward, 0, ChainPolicy.Accept);
        ns.Socket.NewBatch()
            .Add(new NewTable(Table))
            .Add(new NewChain(Table, "forward", chain))
            .Add(new NewRule(Table, "forward", Rule.For(Table).Counter()))
            .Send();

        ns.Socket.NewBatch().Add(new NewChain(Table, "forward", chain with { Policy = ChainPolicy.Drop })).Send();

        ns.Objects("chain").Should().ContainSingle().Which["policy"]!.GetValue<string>().Should().Be("drop");
        ns.Rules("forward").Should().ContainSingle();
    }

    [RequiresRootFact]
    public void A_chain_that_must_be_new_is_refused_when_it_exists()
    {
        using NftTestNetns ns = new();
        ns.Socket.NewBatch().Add(new NewTable(Table)).Add(new NewChain(Table, "helper")).Send();

        ns.Socket.NewBatch().Add(new NewChain(Table, "helper")).TrySend().Should().BeEmpty();
        ns.Socket.NewBatch()
            .Add(new NewChain(Table, "helper") { Exclusive = true })
            .TrySend()
            .Should()
            .ContainSingle()
            .Which.Errno.Should()
            .Be(Errno.EEXIST);
    }

    [RequiresRootFact]
    public void A_chain_is_deleted_unless_a_rule_jumps_to_it()
    {
        using NftTestNetns ns = new();
        ns.Namespace.Sh($"nft 'add table {Table}; add chain {Table} a; add chain {Table} b; add rule {Table} a jump b'");

        FluentActions
            .Invoking(() => ns.Socket.NewBatch().Add(new DeleteChain(Table, "b")).Send())
            .Should()
            .Throw<NetlinkException>()
            .Which.Errno.Should()
            .Be(Errno.EBUSY);
        ns.Socket.NewBatch().Add(new FlushChain(Table, "a")).Add(new DeleteChain(Table, "b")).Send();

        ns.Objects("chain").Should().ContainSingle().Which["name"]!.GetValue<string>().Should().Be("a");
    }

    [RequiresRootFact]
    public void Chains_are_listed_of_their_table_only()
    {
        using NftTestNetns ns = new();
        ns.Namespace.Sh($"nft 'add table {Table}; add chain {Table} mine; add table inet other; add chain inet other theirs'");

        ns.Socket.ListChains(Table)
            .Should()
            .ContainSingle()
            .Which.Should()
            .BeEquivalentTo(
                new
                {
                    Table,
                    Name = "mine",
                    Base = (BaseChain?)null,
                }
            );
        ns.Socket.ListChains(new TableId(NftFamily.Inet, "missing")).Should().BeEmpty();
    }
}
