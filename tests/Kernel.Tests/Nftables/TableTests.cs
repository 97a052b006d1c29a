using System.Text.Json.Nodes;
using Twill.Linux.Netlink;
using Twill.Linux.Nftables;
using Twill.System;
using Twill.Testing;

namespace Kernel.Tests.Nftables;

public sealed class TableTests
{
    private static readonly TableId Table = NftTestNetns.Table;

    [RequiresRootTheory]
    [InlineData(NftFamily.Inet, "inet")]
    [InlineData(NftFamily.Ip, "ip")]
    [InlineData(NftFamily.Ip6, "ip6")]
    [InlineData(NftFamily.Bridge, "bridge")]
    [InlineData(NftFamily.Arp, "arp")]
    [InlineData(NftFamily.Netdev, "netdev")]
    public void A_table_is_of_its_family_and_has_its_comment(NftFamily family, string name)
    {
        using NftTestNetns ns = new();
        TableId table = new(family, "twill-a");

        ns.Socket.NewBatch().Add(new NewTable(table, "mäde by twill")).Send();

        JsonNode found = ns.Objects("table").Should().ContainSingle().Which;
        found["family"]!.GetValue<string>().Should().Be(name);
        found["name"]!.GetValue<string>().Should().Be("twill-a");
        found["comment"]?.GetValue<string>().Should().Be("mäde by twill");
        ns.Ruleset.Should().Contain("comment \"mäde by twill\"");
        ns.Socket.TryGetTable(table, out NftTable? decoded).Should().BeTrue();
        decoded!.Comment.Should().Be("mäde by twill");
        decoded.Handle.Should().Be((ulong)found["handle"]!.GetValue<int>());
        decoded.Id.Should().Be(table);
    }

    [RequiresRootFact]
    public void A_table_that_is_not_there_is_not_found()
    {
        using NftTestNetns ns = new();
        ns.Namespace.Nft("add table ip twill-a");

        ns.Socket.TryGetTable(Table, out NftTable? table).Should().BeFalse("it is of another family");
        table.Should().BeNull();
    }

    [RequiresRootFact]
    public void A_table_that_exists_keeps_its_comment_and_is_refused_when_it_must_be_new()
    {
        using NftTestNetns ns = new();
        ns.Socket.NewBatch().Add(new NewTable(Table, "first")).Send();

        ns.Socket.NewBatch().Add(new NewTable(Table, "second")).Send();
        IReadOnlyList<NftFailure> failures = ns.Socket.NewBatch().Add(new NewTable(Table, "third") { Exclusive = true }).TrySend();

        failures.Should().ContainSingle().Which.Errno.Should().Be(Errno.EEXIST);
        ns.Objects("table").Should().ContainSingle();
        ns.Ruleset.Should().Contain("comment \"first\"");
    }

    [RequiresRootFact]
    public void Destroying_a_table_takes_all_it_holds_and_twice_is_no_error()
    {
        using NftTestNetns ns = new();
        ns.Namespace.Sh(
            $"nft 'add table {Table}; add chain {Table} a; add chain {Table} b; add rule {Table} a jump b; add table ip other'"
        );

        ns.Socket.DestroyTable(Table);
        ns.Socket.DestroyTable(Table);

        ns.Objects("table").Should().ContainSingle().Which["name"]!.GetValue<string>().Should().Be("other");
    }

    [RequiresRootFact]
    public void A_deleted_table_is_gone_and_one_that_is_not_there_is_refused()
    {
        using NftTestNetns ns = new();
        ns.Namespace.Nft($"add table {Table}");

        ns.Socket.NewBatch().Add(new DeleteTable(Table)).Send();

        ns.Ruleset.Should().BeEmpty();
        FluentActions
            .Invoking(() => ns.Socket.NewBatch().Add(new DeleteTable(Table)).Send())
            .Should()
            .Throw<NetlinkException>()
            .Which.Errno.Should()
            .Be(Errno.ENOENT);
    }

    [RequiresRootFact]
    public void A_table_can_be_replaced_in_one_transaction_and_then_has_another_handle()
    {
        using NftTestNetns ns = new();
        ns.Socket.NewBatch().Add(new NewTable(Table, "old")).Add(new NewChain(Table, "old")).Send();
        ns.Socket.TryGetTable(Table, out NftTable? old).Should().BeTrue();

        ns.Socket.NewBatch().DestroyTable(Table).Add(new NewTable(Table, "new")).Add(new NewChain(Table, "new")).Send();

        ns.Ruleset.Should().Contain("comment \"new\"").And.Contain("chain new").And.NotContain("old");
        ns.Socket.TryGetTable(Table, out NftTable? made).Should().BeTrue();
        made!.Handle.Should().NotBe(old!.Handle);
        made.Use.Should().Be(1);
    }

    [RequiresRootFact]
    public void Tables_are_listed_of_all_families_or_of_one()
    {
        using NftTestNetns ns = new();
        ns.Namespace.Sh("nft 'add table inet a; add table ip b; add table ip6 c'");

        ns.Socket.ListTables().Select(t => t.Id.ToString()).Should().BeEquivalentTo("inet a", "ip b", "ip6 c");
        ns.Socket.ListTables(NftFamily.Ip).Select(t => t.Id.ToString()).Should().Equal("ip b");
    }

    [RequiresRootFact]
    public void A_name_that_the_kernel_would_cut_is_refused_before_it_is_sent()
    {
        using NftTestNetns ns = new();
        FluentActions
            .Invoking(() => ns.Socket.NewBatch().Add(new NewTable(new TableId(NftFamily.Inet, "with\0nul"))))
            .Should()
            .Throw<ArgumentException>();
    }
}
