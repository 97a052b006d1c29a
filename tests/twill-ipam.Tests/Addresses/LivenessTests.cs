using System.Diagnostics;
using Twill.Cni;
using Twill.Ipam.Addresses;
using Twill.Testing;

namespace Twill.Ipam.Tests.Addresses;

public sealed class LivenessTests
{
    private readonly Liveness _liveness = new("boot-1");

    [Fact]
    public void A_container_of_an_earlier_boot_is_gone()
    {
        NetnsId ours = NetnsId.OfPath("/proc/self/ns/net")!.Value;
        _liveness.IsGone(Record("/proc/self/ns/net", ours, boot: "boot-0")).Should().BeTrue();
        _liveness.IsGone(Record("/proc/self/ns/net", ours)).Should().BeFalse();
    }

    [Fact]
    public void A_namespace_never_looked_at_counts_as_there()
    {
        _liveness.IsGone(Record("/nowhere", null)).Should().BeFalse();
    }

    [Fact]
    public void A_namespace_in_a_directory_that_cannot_be_seen_counts_as_there()
    {
        NetnsId unused = new(4, 1);
        _liveness.IsGone(Record("/run/elsewhere/netns/x", unused)).Should().BeFalse();
        _liveness.IsGone(Record("/run/x", unused)).Should().BeTrue("the directory is there, the namespace is not");
        _liveness
            .IsGone(Record("/proc/4194399/ns/net", unused))
            .Should()
            .BeTrue("there is no such process, and nobody is in that namespace");
    }

    [Fact]
    public void Device_and_inode_are_those_of_stat()
    {
        NetnsId.OfPath("/proc/self/ns/net").ToString().Should().Be(Cmd.Sh("stat -L -c %d:%i /proc/self/ns/net").Trim());
        NetnsId.OfPath("/dev/null").ToString().Should().Be(Cmd.Sh("stat -L -c %d:%i /dev/null").Trim());
        NetnsId.OfPath("/nowhere").Should().BeNull();
    }

    [RequiresRootFact]
    public void A_container_is_gone_with_its_namespace()
    {
        AddressRecord record;
        using (TestNetns ns = TestNetns.Create())
        {
            record = Record(ns.Path, NetnsId.OfPath(ns.Path));
            _liveness.IsGone(record).Should().BeFalse();
        }
        // its number may be given to another one at once, which somebody is in for a moment
        Eventually.True("the namespace is gone", () => new Liveness("boot-1").IsGone(record));
    }

    [RequiresRootFact]
    public void A_path_that_leads_to_another_namespace_now_is_no_sign_of_life()
    {
        NetnsId gone;
        using (TestNetns ns = TestNetns.Create())
        {
            gone = NetnsId.OfPath(ns.Path)!.Value;
        }

        using TestNetns first = TestNetns.Create(),
            second = TestNetns.Create(); // one of them may get the number of the one gone
        NetnsId unused = gone with { Inode = gone.Inode + 1_000_000 };
        _liveness.IsGone(Record(first.Path, unused)).Should().BeTrue();
        _liveness.IsGone(Record(first.Path, NetnsId.OfPath(first.Path))).Should().BeFalse();
    }

    [RequiresRootFact]
    public void A_namespace_whose_path_is_gone_lives_while_a_process_is_in_it()
    {
        AddressRecord record;
        Process inside;
        using (TestNetns ns = TestNetns.Create())
        {
            record = Record(ns.Path, NetnsId.OfPath(ns.Path));
            inside = Process.Start("nsenter", [$"--net={ns.Path}", "--", "sleep", "60"]);
            Eventually.True("the process is inside", () => NetnsId.OfPath($"/proc/{inside.Id}/ns/net") == record.Inode);
        }
        using (inside)
        {
            try
            {
                _liveness.IsGone(record).Should().BeFalse("a process still uses the address");
            }
            finally
            {
                inside.Kill();
                inside.WaitForExit();
            }
        }
        Eventually.True("the namespace is gone", () => new Liveness("boot-1").IsGone(record));
    }

    [RequiresRootFact]
    public void A_namespace_lives_while_a_mount_keeps_it()
    {
        using TempDir temp = TempDir.Create();
        string kept = temp.Write("kept", "");
        AddressRecord record;
        using (TestNetns ns = TestNetns.Create())
        {
            record = Record(ns.Path, NetnsId.OfPath(ns.Path));
            Cmd.Sh($"mount --bind {ns.Path} {kept}");
        }
        try
        {
            _liveness.IsGone(record).Should().BeFalse();
        }
        finally
        {
            Cmd.Sh($"umount {kept}");
        }
        // A mount namespace that somebody else on this machine made meanwhile has a copy of the mount for as long as it lasts.
        Eventually.True("the namespace is gone", () => new Liveness("boot-1").IsGone(record) != IsMountedAnywhere(kept));
    }

    [RequiresRootFact]
    public void A_namespace_lives_while_a_mount_keeps_it_that_only_others_see()
    {
        using TempDir temp = TempDir.Create();
        string kept = temp.Write("kept", "");
        AddressRecord record;
        Daemon holder;
        using (TestNetns ns = TestNetns.Create())
        {
            record = Record(ns.Path, NetnsId.OfPath(ns.Path));
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
            new Liveness("boot-1").IsGone(record).Should().BeFalse();
        }
        Eventually.True("the namespace is gone", () => new Liveness("boot-1").IsGone(record));
    }

    private static bool IsMountedAnywhere(string path) =>
        Cmd.Run("sh", ["-c", "cat /proc/[0-9]*/mountinfo 2>/dev/null"]).Stdout.Contains(path, StringComparison.Ordinal);

    private static AddressRecord Record(string netns, NetnsId? id, string boot = "boot-1") =>
        new(new CniAttachment("c", "eth0"), boot, netns, id);
}
