using System.Net;
using Twill.Linux.Netlink;
using Twill.Linux.Nftables;
using Twill.System;
using Twill.Testing;

namespace Kernel.Tests.Nftables;

/// <summary>Transactions: all or nothing, of any size, and refusals that say which message.</summary>
public sealed class BatchTests
{
    private static readonly TableId Table = NftTestNetns.Table;

    [RequiresRootFact]
    public void One_refused_message_leaves_nothing_of_the_batch_and_is_named()
    {
        using NftTestNetns ns = new();
        NftBatch batch = ns
            .Socket.NewBatch()
            .Add(new NewTable(Table))
            .Add(new NewChain(Table, "forward"))
            .Add(new NewRule(Table, "forward", Rule.For(Table).Jump("missing")))
            .Add(new NewChain(Table, "other"));

        NetlinkException refusal = batch.Invoking(b => b.Send()).Should().Throw<NetlinkException>().Which;

        refusal.Errno.Should().Be(Errno.ENOENT);
        refusal.Operation.Should().Be("new rule inet twill-a forward (message 3 of 4)");
        refusal.KernelText.Should().Contain("of the request", "the kernel points at the attribute that it does not like");
        ns.Ruleset.Should().BeEmpty();
    }

    [RequiresRootFact]
    public void Every_refused_message_is_told_with_its_place()
    {
        using NftTestNetns ns = new();
        IReadOnlyList<NftFailure> failures = ns
            .Socket.NewBatch()
            .Add(new DeleteTable(Table))
            .Add(new NewTable(Table))
            .Add(new DeleteChain(Table, "missing"))
            .TrySend();

        failures.Select(f => (f.Index, f.Errno)).Should().Equal((0, Errno.ENOENT), (2, Errno.ENOENT));
        failures[1].Message.Should().StartWith("delete chain inet twill-a missing");
        ns.Ruleset.Should().BeEmpty();
    }

    [RequiresRootFact]
    public void A_refusal_does_not_disturb_the_next_transaction_on_the_same_socket()
    {
        using NftTestNetns ns = new();
        ns.Socket.NewBatch().Add(new DeleteTable(Table)).TrySend().Should().HaveCount(1);

        ns.Socket.NewBatch().Add(new NewTable(Table)).Send();

        ns.Socket.TryGetTable(Table, out _).Should().BeTrue();
    }

    [RequiresRootFact]
    public void A_batch_for_another_generation_of_rules_is_refused_as_a_whole()
    {
        using NftTestNetns ns = new();
        uint before = ns.Socket.GetGeneration();
        ns.Namespace.Nft("add table inet of-someone-else");

        NetlinkException refusal = FluentActions
            .Invoking(() => ns.Socket.NewBatch(before).Add(new NewTable(Table)).Send())
            .Should()
            .Throw<NetlinkException>()
            .Which;

        ((int)refusal.Errno).Should().Be(85, "ERESTART: the rules are of another generation");
        refusal.Operation.Should().Be("nftables transaction of 1 messages");
        ns.Objects("table").Should().ContainSingle().Which["name"]!.GetValue<string>().Should().Be("of-someone-else");

        ns.Socket.NewBatch(ns.Socket.GetGeneration()).Add(new NewTable(Table)).Send();
        ns.Objects("table").Should().HaveCount(2);
    }

    [RequiresRootFact]
    public void Thousands_of_rules_and_elements_go_in_one_transaction()
    {
        using NftTestNetns ns = new();
        NftSet set = new(Table, "many", NftType.Ipv4Addr);
        SetElement[] elements = new SetElement[20_000];
        for (int i = 0; i < elements.Length; i++)
        {
            elements[i] = SetElement.Of(new IPAddress([10, (byte)(i >> 16), (byte)(i >> 8), (byte)i]));
        }

        NftBatch batch = ns.Socket.NewBatch().Add(new NewTable(Table)).Add(new NewSet(set)).Add(new NewChain(Table, "forward"));
        for (int i = 0; i < 3000; i++)
        {
            batch.Add(new NewRule(Table, "forward", Rule.For(Table).Mark((uint)i).Accept()));
        }

        batch.AddElements(set, elements).Send();

        ns.Namespace.Nft($"-j list set {Table} many").Split("\"10.").Should().HaveCount(20_001);
        ns.Rules("forward").Should().HaveCount(3000);
        ns.Socket.ListElements(set).ToHashSet().SetEquals(elements).Should().BeTrue("every element that was added is listed");
    }

    [RequiresRootFact]
    public void Thousands_of_refusals_are_one_exception_and_leave_the_socket_usable()
    {
        using NftTestNetns ns = new();
        NftBatch batch = ns.Socket.NewBatch();
        for (int i = 0; i < 5000; i++)
        {
            batch.Add(new DeleteChain(Table, $"missing-{i}"));
        }

        NetlinkException refusal = batch.Invoking(b => b.Send()).Should().Throw<NetlinkException>().Which;

        refusal.Errno.Should().Be(Errno.ENOENT);
        refusal.Operation.Should().StartWith("delete chain inet twill-a missing-0 (message 1 of 5000)");
        ns.Socket.NewBatch().Add(new NewTable(Table)).Send();
        ns.Socket.TryGetTable(Table, out _).Should().BeTrue();
    }

    [RequiresRootFact]
    public void An_empty_batch_is_no_transaction()
    {
        using NftTestNetns ns = new();
        uint before = ns.Socket.GetGeneration();

        ns.Socket.NewBatch().Send();

        ns.Socket.GetGeneration().Should().Be(before);
    }

    [RequiresRootFact]
    public void A_batch_is_sent_once()
    {
        using NftTestNetns ns = new();
        NftBatch batch = ns.Socket.NewBatch().Add(new NewTable(Table));
        batch.Send();

        batch.Invoking(b => b.Send()).Should().Throw<InvalidOperationException>();
        batch.Invoking(b => b.Add(new DeleteTable(Table))).Should().Throw<InvalidOperationException>();
        ns.Objects("table").Should().ContainSingle();
    }
}
