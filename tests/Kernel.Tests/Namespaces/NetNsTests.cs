using Twill.Linux;
using Twill.Linux.Links;
using Twill.System;
using Twill.Testing;

namespace Kernel.Tests.Namespaces;

public sealed class NetNsTests
{
    [RequiresRootFact]
    public void A_socket_opened_inside_keeps_acting_there_from_any_thread()
    {
        using TestNetns ns = TestNetns.Create();
        using NetNs opened = NetNs.Open(ns.Path);
        using RouteSocket inside = opened.Run(RouteSocket.Open);

        inside.Execute(new NewBridge("br-inside"));
        Thread other = new(() => inside.Execute(new SetLink("br-inside") { Up = true }));
        other.Start();
        other.Join();

        ns.IpJson("link show dev br-inside")[0].GetProperty("flags").EnumerateArray().Select(f => f.GetString()).Should().Contain("UP");
    }

    [RequiresRootFact]
    public void The_body_runs_inside_and_the_callers_thread_stays_where_it_was()
    {
        using TestNetns ns = TestNetns.Create();
        using NetNs before = NetNs.Current();
        using NetNs opened = NetNs.Open(ns.Path);

        opened.Run(NetNs.Current).IsSameAs(opened).Should().BeTrue();

        using NetNs after = NetNs.Current();
        after.IsSameAs(before).Should().BeTrue();
        opened.IsSameAs(before).Should().BeFalse();
    }

    [RequiresRootFact]
    public void Device_and_inode_are_what_stat_says()
    {
        using TestNetns ns = TestNetns.Create();
        using NetNs opened = NetNs.Open(ns.Path);

        Cmd.Run("stat", ["-L", "-c", "%d:%i", ns.Path]).OrThrow().Stdout.Trim().Should().Be(opened.Identity.ToString());
    }

    [RequiresRootFact]
    public void What_the_body_throws_is_thrown_to_the_caller()
    {
        using TestNetns ns = TestNetns.Create();
        using NetNs opened = NetNs.Open(ns.Path);

        opened
            .Invoking(n => n.Run(() => throw new InvalidOperationException("inside")))
            .Should()
            .Throw<InvalidOperationException>()
            .WithMessage("inside");
    }

    [RequiresRootFact]
    public void A_path_that_is_no_network_namespace_is_refused_by_name()
    {
        Action missing = () => NetNs.Open("/run/netns/nosuch-twill");
        Action file = () => NetNs.Open("/etc/hostname");
        Action mount = () => NetNs.Open("/proc/self/ns/mnt");

        missing
            .Should()
            .Throw<LibcException>()
            .WithMessage("open /run/netns/nosuch-twill: No such file or directory (errno 2)")
            .Which.Errno.Should()
            .Be(Errno.ENOENT);
        file.Should().Throw<LibcException>().WithMessage("/etc/hostname is not a network namespace*").Which.Errno.Should().Be(Errno.EINVAL);
        using TempDir directory = TempDir.Create();
        Cmd.Sh($"mkfifo {directory.At("fifo")}");
        Action fifo = () => NetNs.Open(directory.At("fifo"));
        fifo.Should()
            .Throw<LibcException>("waiting for somebody to write it would be for ever")
            .WithMessage("*/fifo is not a network namespace*");
        mount.Should().Throw<LibcException>().WithMessage("/proc/self/ns/mnt is not a network namespace*");
    }
}
