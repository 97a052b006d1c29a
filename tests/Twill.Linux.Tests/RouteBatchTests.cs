using System.Net;
using Twill.Linux.Links;
using Twill.Linux.Netlink;
using Twill.Linux.Routes;
using Twill.System;
using static Twill.Linux.Tests.ScriptedChannel;

namespace Twill.Linux.Tests;

public sealed class RouteBatchTests
{
    // Answers as the kernel does: errors for those that fail, and an acknowledgement for those that ask for one.
    private static void Kernel(ScriptedChannel channel, byte[] datagram, Func<int, Errno> verdict)
    {
        int number = 0;
        for (int at = 0; at < datagram.Length; at += BitConverter.ToInt32(datagram, at), number++)
        {
            Errno errno = verdict(number);
            bool wantsAck = ((NetlinkFlags)BitConverter.ToUInt16(datagram, at + 6) & NetlinkFlags.Ack) != 0;
            if (errno != Errno.None || wantsAck)
            {
                channel.Answer(Ack(SequenceOf(datagram.AsSpan(at)), errno));
            }
        }
    }

    private static RouteBatch Batch(Func<int, Errno> verdict, out ScriptedChannel channel) =>
        new RouteSocket(channel = new ScriptedChannel((c, sent) => Kernel(c, sent, verdict))).NewBatch();

    [Fact]
    public void All_requests_go_in_one_datagram_and_one_acknowledgement_comes_back()
    {
        int answers = 0;
        ScriptedChannel channel = new((c, sent) => Kernel(c, sent, _ =>
                {
                    answers++;
                    return Errno.None;
                }));
        using RouteSocket route = new(channel);
        RouteBatch batch = route.NewBatch();
        batch.Add(new SetLink(2) { Up = true }).Should().Be(0);
        batch.Add(new SetLink(3) { Up = true }).Should().Be(1);

        batch.Send();

        channel.Sent.Should().ContainSingle();
        answers.Should().Be(2);
        batch.ErrnoOf(0).Should().Be(Errno.None);
        batch.ErrorOf(1).Should().BeNull();
    }

    [Fact]
    public void The_first_request_that_failed_is_named_and_the_errors_of_all_are_known()
    {
        RouteBatch batch = Batch(
            i =>
                i switch
                {
                    1 => Errno.EEXIST,
                    2 => Errno.ENODEV,
                    _ => Errno.None,
                },
            out _
        );
        batch.Add(new SetLink(2) { Up = true });
        batch.Add(new NewBridge("br0"), tolerate: Errno.EEXIST);
        batch.Add(new NewRoute(IPNetwork.Parse("10.1.0.0/16")) { Index = 7 });
        batch.Add(new SetLink(3) { Up = true });

        Action send = batch.Send;

        send.Should().Throw<NetlinkException>().WithMessage("new route 10.1.0.0/16 dev #7: No such device (errno 19)");
        Enumerable.Range(0, 4).Select(batch.ErrnoOf).Should().Equal(Errno.None, Errno.EEXIST, Errno.ENODEV, Errno.None);
        Enumerable.Range(0, 4).Select(batch.Failed).Should().Equal(false, false, true, false);
        batch.ErrorOf(1)!.Message.Should().StartWith("new link br0 (bridge): File exists");
    }

    [Fact]
    public void Tolerated_errors_are_as_good_as_success()
    {
        RouteBatch batch = Batch(_ => Errno.EEXIST, out _);
        batch.Add(new NewBridge("br0"), tolerate: Errno.EEXIST);
        batch.Add(new NewBridge("br1"), tolerate: Errno.ENODEV, alsoTolerate: Errno.EEXIST);

        batch.Send();

        batch.ErrnoOf(1).Should().Be(Errno.EEXIST);
    }

    [Fact]
    public void Thousands_of_requests_go_in_few_datagrams_and_every_error_finds_its_request()
    {
        int number = 0;
        RouteBatch batch = Batch(_ => number++ % 7 == 3 ? Errno.ENETUNREACH : Errno.None, out ScriptedChannel channel);
        for (int i = 0; i < 5000; i++)
        {
            batch.Add(new NewRoute(new IPNetwork(new IPAddress([10, (byte)(i >> 8), (byte)i, 0]), 24)) { Index = 2 });
        }

        int failed = batch.TrySend();

        failed.Should().Be(Enumerable.Range(0, 5000).Count(i => i % 7 == 3));
        channel.Sent.Should().HaveCount((5000 + 127) / 128);
        for (int i = 0; i < 5000; i++)
        {
            batch.Failed(i).Should().Be(i % 7 == 3);
        }

        batch.ErrorOf(3)!.Message.Should().StartWith("new route 10.0.3.0/24 dev #2: Network is unreachable");
    }

    [Fact]
    public void After_it_was_sent_the_next_request_begins_a_new_batch()
    {
        RouteBatch batch = Batch(_ => Errno.None, out ScriptedChannel channel);
        batch.Add(new DeleteLink("a"));
        batch.Send();

        batch.Add(new DeleteLink("b")).Should().Be(0);
        batch.Send();

        batch.Count.Should().Be(1);
        channel.Sent.Should().HaveCount(2);
        channel.Sent[1].Length.Should().Be(channel.Sent[0].Length);
    }

    [Fact]
    public void An_empty_batch_sends_nothing()
    {
        RouteBatch batch = Batch(_ => Errno.None, out ScriptedChannel channel);

        batch.Send();

        channel.Sent.Should().BeEmpty();
    }

    [Fact]
    public void Other_requests_may_come_between_adding_and_sending()
    {
        ScriptedChannel channel = new((c, sent) => Kernel(c, sent, i => i == 1 ? Errno.ENODEV : Errno.None));
        using RouteSocket route = new(channel);
        RouteBatch batch = route.NewBatch();
        batch.Add(new DeleteLink("a"));
        route.Execute(new DeleteLink("between"));
        batch.Add(new DeleteLink("b"));

        batch.TrySend().Should().Be(1);

        batch.ErrnoOf(1).Should().Be(Errno.ENODEV);
    }
}
