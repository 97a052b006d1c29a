using System.Diagnostics;
using Twill.Testing;

namespace Twill.System.Tests;

public sealed class NetnsLivenessTests
{
    private readonly NetnsLiveness _liveness = new();

    [Fact]
    public void A_path_that_still_leads_there_is_life()
    {
        _liveness.IsGone("/proc/self/ns/net", NetnsIdentity.OfPath("/proc/self/ns/net")!.Value).Should().BeFalse();
    }

    [Fact]
    public void A_namespace_in_a_directory_that_cannot_be_seen_counts_as_there()
    {
        NetnsIdentity unused = new(4, 1);
        _liveness.IsGone("/run/elsewhere/netns/x", unused).Should().BeFalse();
        _liveness.IsGone("/run/x", unused).Should().BeTrue("the directory is there, the namespace is not");
        _liveness.IsGone("/proc/4194399/ns/net", unused).Should().BeTrue("there is no such process, and nobody is in that namespace");
    }

    [Fact]
    public void Device_and_inode_are_those_of_stat()
    {
        NetnsIdentity.OfPath("/proc/self/ns/net").ToString().Should().Be(Cmd.Sh("stat -L -c %d:%i /proc/self/ns/net").Trim());
        NetnsIdentity.OfPath("/dev/null").ToString().Should().Be(Cmd.Sh("stat -L -c %d:%i /dev/null").Trim());
        NetnsIdentity.OfPath("/nowhere").Should().BeNull();
    }

    [RequiresRootFact]
    public void The_inode_of_one_that_is_gone_is_no_life_when_another_has_it_now()
    {
        using TestNetns ns = TestNetns.Create();
        NetnsIdentity now = NetnsIdentity.WithCookie(ns.Path)!.Value,
            former = now with { Cookie = now.Cookie + 1 };
        now.Cookie.Should().NotBe(0);

        new NetnsLiveness().IsGone(ns.Path, now).Should().BeFalse();
        new NetnsLiveness().IsGone(ns.Path, former).Should().BeTrue("its path leads to another one");
        new NetnsLiveness().IsGone("/run/netns/gone", now).Should().BeFalse("a mount keeps it under another name");
        new NetnsLiveness().IsGone("/run/netns/gone", former).Should().BeTrue("that mount is of another one");
        new NetnsLiveness().IsGone("/run/netns/gone", now with { Cookie = 0 }).Should().BeFalse("a former version knew no more");
        NetnsIdentity mine = NetnsIdentity.WithCookie("/proc/self/ns/net")!.Value;
        new NetnsLiveness().IsGone("/proc/4194399/ns/net", mine).Should().BeFalse("a process is in it");
        new NetnsLiveness().IsGone("/proc/4194399/ns/net", mine with { Cookie = mine.Cookie + 1 }).Should().BeTrue();
    }

    [RequiresRootFact]
    public void A_cookie_is_what_a_socket_inside_tells()
    {
        const string Script = "import socket; print(int.from_bytes(socket.socket().getsockopt(1, 71, 8), 'little') & 0xffffffff)";
        using TestNetns ns = TestNetns.Create();

        NetnsIdentity.WithCookie(ns.Path)!.Value.Cookie.ToString().Should().Be(ns.Run("python3", "-c", Script).OrThrow().Stdout.Trim());
        NetnsIdentity.WithCookie("/nowhere").Should().BeNull();
        NetnsIdentity.WithCookie("/dev/null")!.Value.Cookie.Should().Be(0u, "it is no namespace");
    }

    [Fact]
    public void A_cookie_is_written_where_a_former_version_reads_a_device()
    {
        NetnsIdentity identity = new(4, 4026532621) { Cookie = 3 };

        identity.ToString().Should().Be("12884901892:4026532621");
        NetnsIdentity.TryParse(identity.ToString(), out NetnsIdentity read).Should().BeTrue();
        read.Should().Be(identity);
    }

    [Theory]
    [InlineData("4:4026532621", true)]
    [InlineData("0:0", true)]
    [InlineData("4026532621", false)]
    [InlineData("4:-1", false)]
    [InlineData("4:", false)]
    [InlineData(" 4:1", false)]
    [InlineData("4:1:1", false)]
    public void An_identity_is_read_strictly(string text, bool isOne)
    {
        NetnsIdentity.TryParse(text, out NetnsIdentity identity).Should().Be(isOne);
        if (isOne)
        {
            identity.ToString().Should().Be(text);
        }
    }

    [RequiresRootFact]
    public void A_container_is_gone_with_its_namespace()
    {
        (string Path, NetnsIdentity Identity) container;
        using (TestNetns ns = TestNetns.Create())
        {
            container = (ns.Path, NetnsIdentity.OfPath(ns.Path)!.Value);
            _liveness.IsGone(container.Path, container.Identity).Should().BeFalse();
        }
        // its number may be given to another one at once, which somebody is in for a moment
        Eventually.True("the namespace is gone", () => new NetnsLiveness().IsGone(container.Path, container.Identity));
    }

    [RequiresRootFact]
    public void A_path_that_leads_to_another_namespace_now_is_no_sign_of_life()
    {
        NetnsIdentity gone;
        using (TestNetns ns = TestNetns.Create())
        {
            gone = NetnsIdentity.OfPath(ns.Path)!.Value;
        }

        using TestNetns first = TestNetns.Create(),
            second = TestNetns.Create(); // one of them may get the number of the one gone
        NetnsIdentity unused = gone with { Inode = gone.Inode + 1_000_000 };
        _liveness.IsGone(first.Path, unused).Should().BeTrue();
        _liveness.IsGone(first.Path, NetnsIdentity.OfPath(first.Path)!.Value).Should().BeFalse();
    }

    [RequiresRootFact]
    public void A_namespace_whose_path_is_gone_lives_while_a_process_is_in_it()
    {
        (string Path, NetnsIdentity Identity) container;
        Process inside;
        using (TestNetns ns = TestNetns.Create())
        {
            container = (ns.Path, NetnsIdentity.OfPath(ns.Path)!.Value);
            inside = Process.Start("nsenter", [$"--net={ns.Path}", "--", "sleep", "60"]);
            Eventually.True("the process is inside", () => NetnsIdentity.OfPath($"/proc/{inside.Id}/ns/net") == container.Identity);
        }
        using (inside)
        {
            try
            {
                _liveness.IsGone(container.Path, container.Identity).Should().BeFalse("a process still uses the address");
            }
            finally
            {
                inside.Kill();
                inside.WaitForExit();
            }
        }
        Eventually.True("the namespace is gone", () => new NetnsLiveness().IsGone(container.Path, container.Identity));
    }

    [RequiresRootFact]
    public void A_namespace_lives_while_a_mount_keeps_it()
    {
        using TempDir temp = TempDir.Create();
        string kept = temp.Write("kept", "");
        (string Path, NetnsIdentity Identity) container;
        using (TestNetns ns = TestNetns.Create())
        {
            container = (ns.Path, NetnsIdentity.OfPath(ns.Path)!.Value);
            Cmd.Sh($"mount --bind {ns.Path} {kept}");
        }
        try
        {
            _liveness.IsGone(container.Path, container.Identity).Should().BeFalse();
        }
        finally
        {
            Cmd.Sh($"umount {kept}");
        }
        // A mount namespace that somebody else on this machine made meanwhile has a copy of the mount for as long as it lasts.
        Eventually.True("the namespace is gone", () =>
            new NetnsLiveness().IsGone(container.Path, container.Identity) != IsMountedAnywhere(kept)
        );
    }

    [RequiresRootFact]
    public void A_namespace_lives_while_a_mount_keeps_it_that_only_others_see()
    {
        using TempDir temp = TempDir.Create();
        string kept = temp.Write("kept", "");
        (string Path, NetnsIdentity Identity) container;
        Daemon holder;
        using (TestNetns ns = TestNetns.Create())
        {
            container = (ns.Path, NetnsIdentity.OfPath(ns.Path)!.Value);
            holder = Daemon.Start(
                "holder",
                ["unshare", "--mount", "--propagation=private", "sh", "-c", $"mount --bind {ns.Path} {kept}; exec sleep infinity"],
                temp.At("log")
            );
            Eventually.True(
                "it is mounted there",
                () => File.ReadAllText($"/proc/{holder.Pid}/mountinfo").Contains(kept),
                onFailure: () => holder.Log
            );
        }
        using (holder)
        {
            File.ReadAllText("/proc/self/mountinfo").Should().NotContain(kept);
            new NetnsLiveness().IsGone(container.Path, container.Identity).Should().BeFalse();
        }
        Eventually.True("the namespace is gone", () => new NetnsLiveness().IsGone(container.Path, container.Identity));
    }

    private static bool IsMountedAnywhere(string path) =>
        Cmd.Run("sh", ["-c", "cat /proc/[0-9]*/mountinfo 2>/dev/null"]).Stdout.Contains(path, StringComparison.Ordinal);
}
