using System.Net;
using Twill.Linux.Netlink;
using Twill.Linux.Nftables;
using Twill.System;
using static Twill.Linux.Tests.Nftables.NftEncoding;

namespace Twill.Linux.Tests.Nftables;

/// <summary>What a transaction looks like on the wire, and what is made of answers that the kernel at hand does not give.</summary>
public sealed class NftBatchTests
{
    private static readonly NftSet s_plain = new(Table, "plain", NftType.Ipv4Addr);

    [Fact]
    public void A_transaction_is_one_datagram_from_begin_to_end_and_asks_for_the_answer_to_its_last_message()
    {
        FakeKernel kernel = new(sent => [FakeKernel.Ack(sent[^2].Sequence, Errno.None)]);
        using NftSocket nft = new(kernel);

        nft.NewBatch().Add(new NewTable(Table)).Add(new NewChain(Table, "a")).Add(new FlushChain(Table, "a")).Send();

        FakeKernel.Sent[] messages = kernel.Datagrams.Should().ContainSingle().Which;
        messages.Select(m => m.Type).Should().Equal(0x10, 0x0a00, 0x0a03, 0x0a08, 0x11);
        messages.Select(m => m.Flags.HasFlag(NetlinkFlags.Ack)).Should().Equal(false, false, false, true, false);
        messages.Should().OnlyContain(m => m.Flags.HasFlag(NetlinkFlags.Request));
        messages.Select(m => m.Sequence).Should().OnlyHaveUniqueItems();
    }

    [Fact]
    public void A_refusal_of_the_whole_is_told_as_such_and_ends_the_wait()
    {
        FakeKernel kernel = new(sent => [FakeKernel.Ack(sent[0].Sequence, Errno.EPERM)]);
        using NftSocket nft = new(kernel);

        NftFailure failure = nft.NewBatch().Add(new NewTable(Table)).Add(new NewChain(Table, "a")).TrySend().Should().ContainSingle().Which;

        failure.Should().Be(new NftFailure(-1, "nftables transaction of 2 messages", Errno.EPERM, null));
    }

    [Fact]
    public void Answers_that_an_earlier_transaction_left_behind_are_not_taken_for_this_ones()
    {
        uint? stale = null;
        FakeKernel kernel = new(sent =>
        {
            byte[][] replies = stale is { } old
                ? [FakeKernel.Ack(old, Errno.ENOENT), FakeKernel.Ack(sent[^2].Sequence, Errno.None)]
                : [FakeKernel.Ack(sent[0].Sequence, Errno.ENOMEM)];
            stale = sent[^2].Sequence;
            return replies;
        });
        using NftSocket nft = new(kernel);
        nft.NewBatch().Add(new NewTable(Table)).TrySend().Should().ContainSingle();

        nft.NewBatch().Add(new NewTable(Table)).TrySend().Should().BeEmpty();
    }

    [Fact]
    public void A_kernel_that_does_not_answer_is_an_error_and_no_success()
    {
        using NftSocket nft = new(new FakeKernel(_ => []));

        FluentActions
            .Invoking(() => nft.NewBatch().Add(new NewTable(Table)).Send())
            .Should()
            .Throw<NetlinkException>()
            .Which.Errno.Should()
            .Be(Errno.ETIMEDOUT);
    }

    [Fact]
    public void On_kernels_without_destroy_elements_are_deleted_one_by_one_and_missing_ones_passed_over()
    {
        const ushort Destroy = 0x0a1e,
            Delete = 0x0a0e;
        int deleted = 0;
        FakeKernel kernel = new(sent =>
            sent[1].Type == Destroy
                ? [FakeKernel.Ack(sent[1].Sequence, Errno.EINVAL)]
                : [FakeKernel.Ack(sent[1].Sequence, ++deleted == 1 ? Errno.ENOENT : Errno.None)]
        );
        using NftSocket nft = new(kernel);

        nft.DestroyElements(s_plain, SetElement.Of(IPAddress.Parse("10.0.0.1")), SetElement.Of(IPAddress.Parse("10.0.0.2")));

        kernel.Datagrams.Select(d => d[1].Type).Should().Equal(Destroy, Delete, Delete);
    }

    [Fact]
    public void A_refused_destruction_is_an_error_on_any_kernel()
    {
        using NftSocket nft = new(new FakeKernel(sent => [FakeKernel.Ack(sent[1].Sequence, Errno.EPERM)]));

        FluentActions
            .Invoking(() => nft.DestroyElements(s_plain, SetElement.Of(IPAddress.Loopback)))
            .Should()
            .Throw<NetlinkException>()
            .WithMessage("destroy element inet twill-a plain (message 1 of 1): *");
    }

    [Fact]
    public void Elements_are_cut_into_messages_that_an_attribute_can_hold()
    {
        FakeKernel kernel = new(sent => [FakeKernel.Ack(sent[^2].Sequence, Errno.None)]);
        using NftSocket nft = new(kernel);
        NftSet chains = new(Table, "chains", NftType.Concat(NftType.Ipv6Addr, NftType.Ipv6Addr))
        {
            Data = NftType.Verdict,
            Interval = true,
        };
        SetElement[] longest = new SetElement[1000];
        for (int i = 0; i < longest.Length; i++)
        {
            NftData key = NftData.Concat(NftData.Of(IPAddress.IPv6Loopback), NftData.Of(new IPAddress(i + 1L).MapToIPv6()));
            longest[i] = SetElement.Of(key).To(Verdict.Jump(new string('é', 100))) with { Comment = new string('é', 63) };
        }

        nft.NewBatch().AddElements(chains, longest).DeleteElements(chains, longest).Send();

        kernel.Datagrams.Should().ContainSingle().Which.Length.Should().BeInRange(10, 40);
    }

    [Fact]
    public void Requests_are_named_after_what_they_change()
    {
        MessageNames.Describe(Encode(new NewTable(Table))).Should().Be("new table inet twill-a");
        MessageNames.Describe(Encode(new DeleteTable(Table))).Should().Be("delete table inet twill-a");
        MessageNames.Describe(Encode(new NewChain(Table, "forward"))).Should().Be("new chain inet twill-a forward");
        MessageNames.Describe(Encode(new DeleteRule(Table, "forward", 7))).Should().Be("delete rule inet twill-a forward");
        MessageNames.Describe(Encode(new NewSet(s_plain))).Should().Be("new set inet twill-a plain");
        MessageNames.Describe(Encode(new DeleteSet(Table, "plain"))).Should().Be("delete set inet twill-a plain");
        MessageNames.Describe(Encode(new FlushSet(Table, "plain"))).Should().Be("delete element inet twill-a plain");
        MessageNames.Describe(Encode(new GetTable(NftFamily.Ip, "x"))).Should().Be("get table ip x");
        MessageNames.Describe(Encode(default(GetGeneration))).Should().Be("get generation");
    }
}
