using System.Text.RegularExpressions;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>What conf/twilld.service forbids the agent is nothing that it does.</summary>
public sealed partial class UnitConfinementTests
{
    private static readonly string s_file = Path.Combine(RepoPaths.Conf, "twilld.service");

    [RequiresRootFact]
    public void The_exposure_that_systemd_computes_is_at_most_3()
    {
        CmdResult judged = Cmd.Run("systemd-analyze", ["security", "--offline=true", "--threshold=30", "--no-pager", s_file]);

        judged.ExitCode.Should().Be(0, judged.Stdout);
        Figures.Report("systemd-analyze security", Exposure().Match(judged.Stdout).Groups[1].Value);
        Setting("StartLimitIntervalSec").Should().Equal("0");
    }

    [RequiresRootFact]
    public void The_agents_system_calls_address_families_and_namespaces_are_those_that_the_unit_allows()
    {
        using Cluster cluster = Cluster.Start(1);
        LabHost host = cluster.NewHost("host");
        using TempDir directory = TempDir.Create();
        string[] strace = ["strace", "--follow-forks", "--signal=none", "--seccomp-bpf", "--output", directory.At("calls")];
        // What is too often and is allowed to every program slows it down for nothing.
        string[] filter = ["--trace", "!read,write,futex,mmap,munmap,mprotect,madvise,close,fstat,recvmsg,sendto,clock_nanosleep"];
        string[] command = [.. host.Enter, .. strace, .. filter, .. Setting("ExecStart"), "--listen", "127.0.0.1:9116"];
        using (Daemon agent = Daemon.Start("twilld", command, directory.At("log")))
        {
            Eventually.True("the other host answers", () => Answers(host), TimeSpan.FromSeconds(30), () => agent.Log);
            LabContainer container = host.AddContainer("c1");
            host.Ip("link set eth0 mtu 1400");
            Eventually.Pass(() => container.Ip("link show dev eth0").Should().Contain("mtu 1350", agent.Log), TimeSpan.FromSeconds(20));
            host.Sh("curl --silent --fail --max-time 5 http://127.0.0.1:9116/metrics >/dev/null");
        }

        string calls = File.ReadAllText(directory.At("calls"));
        HashSet<string> allowed = Allowed();
        allowed.Should().Contain(["setns", "sendmsg"]).And.NotContain(["mount", "chroot", "init_module", "bpf"]);
        SystemCall().Matches(calls).Select(m => m.Groups[1].Value).Distinct().Should().Contain("setns").And.BeSubsetOf(allowed);
        Family().Matches(calls).Select(m => m.Groups[1].Value).Distinct().Should().BeSubsetOf(Setting("RestrictAddressFamilies"));
        Setting("RestrictNamespaces").Should().Equal("net");
        Entered().Matches(calls).Select(m => m.Groups[1].Value).Distinct().Should().Equal("CLONE_NEWNET");
        calls.Should().NotContain("unshare(");
    }

    private static bool Answers(LabHost host) =>
        host.Run("/opt/cni/bin/twill", "peers", "--json").Stdout.Contains("\"answers\"", StringComparison.Ordinal);

    /// <summary>The system calls of SystemCallFilter: a list, and lists taken out of it.</summary>
    private static HashSet<string> Allowed()
    {
        HashSet<string> allowed = Expand("@default");
        foreach (string word in Setting("SystemCallFilter"))
        {
            if (word[0] == '~')
            {
                allowed.ExceptWith(Expand(word[1..]));
            }
            else
            {
                allowed.UnionWith(Expand(word));
            }
        }

        return allowed;
    }

    private static HashSet<string> Expand(string group) =>
        [
            .. Cmd.Run("systemd-analyze", ["syscall-filter", "--no-pager", group])
                .OrThrow()
                .Stdout.Split('\n')
                .Skip(1)
                .Select(line => line.Trim())
                .Where(word => word.Length > 0 && word[0] != '#')
                .SelectMany(word => word[0] == '@' ? Expand(word) : [word]),
        ];

    /// <summary>The words of a setting, of all its lines.</summary>
    private static string[] Setting(string name) =>
        [
            .. File.ReadLines(s_file)
                .Where(line => line.StartsWith($"{name}=", StringComparison.Ordinal))
                .SelectMany(line => line[(name.Length + 1)..].Split(' ')),
        ];

    [GeneratedRegex(@"level for \S+: ([0-9.]+)")]
    private static partial Regex Exposure();

    // "1234 openat(AT_FDCWD, ..": not the second half of a call that another process interrupted.
    [GeneratedRegex(@"(?m)^\d+ +([a-z_0-9]+)\(")]
    private static partial Regex SystemCall();

    [GeneratedRegex(@"\bsocket(?:pair)?\((AF_\w+)")]
    private static partial Regex Family();

    [GeneratedRegex(@"\bsetns\([^,]+, (\w+)")]
    private static partial Regex Entered();
}
