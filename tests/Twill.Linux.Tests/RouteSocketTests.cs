using Twill.Linux.Links;
using Twill.Linux.Netlink;
using Twill.Linux.TrafficControl;
using Twill.System;
using static Twill.Linux.Tests.ScriptedChannel;

namespace Twill.Linux.Tests;

public sealed class RouteSocketTests
{
    private static RouteSocket Socket(Action<ScriptedChannel, byte[]> script, out ScriptedChannel channel) =>
        new(channel = new ScriptedChannel(script));

    [Fact]
    public void Execute_sends_one_datagram_and_takes_one()
    {
        using RouteSocket route = Socket((c, sent) => c.Answer(Ack(SequenceOf(sent))), out ScriptedChannel channel);

        route.Execute(new DeleteLink("tw0"));

        channel.Sent.Should().ContainSingle();
        channel.Prepared.Should().Be(0, "only lists need a large buffer");
    }

    [Fact]
    public void Each_request_has_a_sequence_number_of_its_own_that_is_never_0()
    {
        using RouteSocket route = Socket((c, sent) => c.Answer(Ack(SequenceOf(sent))), out ScriptedChannel channel);

        route.Execute(new DeleteLink("a"));
        route.Execute(new DeleteLink("b"));

        channel.Sent.Select(s => SequenceOf(s)).Should().OnlyHaveUniqueItems().And.NotContain(0);
    }

    [Fact]
    public void A_refusal_names_the_request_the_error_and_the_kernels_own_words()
    {
        using RouteSocket route = Socket((c, sent) => c.Answer(Replay("error-with-text", SequenceOf(sent))), out _);

        Action add = () => route.Execute(new NewVxlan("vx1", 7, 4789));

        NetlinkException e = add.Should().Throw<NetlinkException>().Which;
        e.Message.Should().Be("new link vx1 (vxlan): File exists (errno 17) - A VXLAN device with the specified VNI already exists");
        e.Errno.Should().Be(Errno.EEXIST);
        e.KernelText.Should().Be("A VXLAN device with the specified VNI already exists");
    }

    [Fact]
    public void A_refusal_without_words_has_none()
    {
        using RouteSocket route = Socket((c, sent) => c.Answer(Replay("error-plain", SequenceOf(sent))), out _);

        Action add = () => route.Execute(new NewBridge("br0"));

        add.Should()
            .Throw<NetlinkException>()
            .WithMessage("new link br0 (bridge): File exists (errno 17)")
            .Which.KernelText.Should()
            .BeNull();
    }

    [Fact]
    public void A_tolerated_error_is_an_answer()
    {
        using RouteSocket route = Socket((c, sent) => c.Answer(Ack(SequenceOf(sent), Errno.ENODEV)), out _);

        route.TryExecute(new DeleteLink("tw0"), Errno.ENODEV).Should().BeFalse();
        route.TryExecute(new DeleteLink("tw0"), Errno.EEXIST, Errno.ENODEV).Should().BeFalse();
        Action other = () => route.TryExecute(new DeleteLink("tw0"), Errno.EEXIST);
        other.Should().Throw<NetlinkException>().Which.Errno.Should().Be(Errno.ENODEV);
    }

    [Fact]
    public void What_an_earlier_request_left_behind_is_skipped()
    {
        using RouteSocket route = Socket(
            (c, sent) =>
            {
                uint sequence = SequenceOf(sent);
                if (sequence > 1)
                {
                    c.Answer(Ack(sequence - 1, Errno.EBUSY), Ack(sequence));
                }
                else
                {
                    c.Answer(Ack(sequence));
                }
            },
            out _
        );

        route.Execute(new DeleteLink("a"));
        route.Invoking(r => r.Execute(new DeleteLink("b"))).Should().NotThrow();
    }

    [Fact]
    public void An_answer_to_a_request_that_was_never_sent_is_refused()
    {
        using RouteSocket route = Socket((c, sent) => c.Answer(Ack(SequenceOf(sent) + 1)), out _);

        Action execute = () => route.Execute(new DeleteLink("a"));

        execute.Should().Throw<NetlinkFormatException>().WithMessage("An answer to request 2, when the last that was sent is 1.");
    }

    [Fact]
    public void TryGetLink_takes_one_message_and_lists_nothing()
    {
        using RouteSocket route = Socket((c, sent) => c.Answer(Replay("bridge", SequenceOf(sent))), out ScriptedChannel channel);

        route.TryGetLink("br0", out Link? link).Should().BeTrue();

        link!.Name.Should().Be("br0");
        channel.Sent.Should().ContainSingle().Which[6].Should().Be((byte)NetlinkFlags.Request);
    }

    [Fact]
    public void A_list_that_was_interrupted_is_asked_for_again_and_only_the_whole_one_counts()
    {
        int lists = 0;
        using RouteSocket route = Socket(
            (c, sent) =>
            {
                uint sequence = SequenceOf(sent);
                lists++;
                c.Answer(Replay("bridge", sequence, lists == 1 ? NetlinkFlags.DumpInterrupted : NetlinkFlags.None));
                if (lists == 3)
                {
                    c.Answer(Replay("vxlan", sequence));
                }

                c.Answer(Done(sequence, lists == 2 ? NetlinkFlags.Multi | NetlinkFlags.DumpInterrupted : NetlinkFlags.Multi));
            },
            out ScriptedChannel channel
        );

        List<Link> links = route.ListLinks();

        links.Select(l => l.Name).Should().Equal("br0", "twill.1");
        channel.Sent.Should().HaveCount(3);
        channel.Sent.Select(s => SequenceOf(s)).Should().OnlyHaveUniqueItems();
    }

    [Fact]
    public void A_list_that_never_stops_changing_is_given_up_with_a_reason()
    {
        using RouteSocket route = Socket(
            (c, sent) => c.Answer(Done(SequenceOf(sent), NetlinkFlags.DumpInterrupted)),
            out ScriptedChannel channel
        );

        Action list = () => route.ListLinks();

        list.Should().Throw<NetlinkException>().WithMessage("list links: * changed during each of 16 attempts to list it");
        channel.Sent.Should().HaveCount(16);
    }

    [Fact]
    public void Ports_are_listed_once_however_much_changes_meanwhile()
    {
        using RouteSocket route = Socket(
            (c, sent) =>
                c.Answer(
                    Replay("veth-on-bridge", SequenceOf(sent), NetlinkFlags.DumpInterrupted),
                    Done(SequenceOf(sent), NetlinkFlags.DumpInterrupted)
                ),
            out ScriptedChannel channel
        );

        route.ListPortsOnce(10).Should().ContainSingle().Which.Name.Should().Be("tw0");
        route.ListPortsOnce(11).Should().BeEmpty("the kernel need not filter");
        channel.Sent.Should().HaveCount(2);
    }

    [Fact]
    public void An_error_at_the_end_of_a_list_is_not_lost()
    {
        using RouteSocket route = Socket(
            (c, sent) => c.Answer(Replay("bridge", SequenceOf(sent)), Done(SequenceOf(sent), errno: Errno.ENOMEM)),
            out _
        );

        route.Invoking(r => r.ListLinks()).Should().Throw<NetlinkException>().Which.Errno.Should().Be(Errno.ENOMEM);
    }

    [Fact]
    public void A_list_comes_in_as_many_datagrams_as_it_takes()
    {
        using RouteSocket route = Socket(
            (c, sent) =>
            {
                c.Answer(Replay("bridge", SequenceOf(sent)));
                c.Answer(Replay("vxlan", SequenceOf(sent)));
                c.Answer(Replay("veth-on-bridge", SequenceOf(sent)), Done(SequenceOf(sent)));
            },
            out ScriptedChannel channel
        );

        route.ListLinks().Select(l => l.Name).Should().Equal("br0", "twill.1", "tw0");
        channel.Prepared.Should().Be(1);
    }

    [Fact]
    public void A_list_with_a_malformed_entry_is_refused_after_it_was_read_to_its_end()
    {
        using RouteSocket route = Socket(
            (c, sent) =>
            {
                c.Answer(Message(16, NetlinkFlags.Multi, SequenceOf(sent), new byte[3]));
                c.Answer(Replay("bridge", SequenceOf(sent)));
                c.Answer(Done(SequenceOf(sent)));
            },
            out ScriptedChannel channel
        );

        route.Invoking(r => r.ListLinks()).Should().Throw<NetlinkFormatException>().WithMessage("*3 bytes where a header of 16 should be*");

        channel.Waiting.Should().Be(0);
    }

    [Fact]
    public void A_queueing_discipline_comes_before_the_acknowledgement()
    {
        using RouteSocket route = Socket(
            (c, sent) =>
            {
                c.Answer(Message(36, NetlinkFlags.None, SequenceOf(sent), new byte[20]));
                c.Answer(Ack(SequenceOf(sent)));
            },
            out ScriptedChannel channel
        );

        route.TryGetQdisc(7, TcHandle.Root, out Qdisc? qdisc).Should().BeTrue();

        qdisc.Should().NotBeNull();
        channel.Waiting.Should().Be(0, "an acknowledgement left behind would meet the next request");
    }

    [Theory]
    [InlineData(Errno.None)]
    [InlineData(Errno.ENOENT)]
    public void A_queueing_discipline_is_absent_when_the_kernel_says_so_or_nothing(Errno answer)
    {
        using RouteSocket route = Socket((c, sent) => c.Answer(Ack(SequenceOf(sent), answer)), out _);

        route.TryGetQdisc(7, TcHandle.Ingress, out _).Should().BeFalse();
    }

    [Fact]
    public void A_refused_look_at_a_queueing_discipline_is_an_error()
    {
        using RouteSocket route = Socket((c, sent) => c.Answer(Ack(SequenceOf(sent), Errno.ENODEV)), out _);

        Action get = () => route.TryGetQdisc(7, TcHandle.Root, out _);

        get.Should().Throw<NetlinkException>().WithMessage("get qdisc root dev #7: No such device*");
    }
}
