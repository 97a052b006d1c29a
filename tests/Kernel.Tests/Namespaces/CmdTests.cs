using System.Text;
using Twill.Testing;

namespace Kernel.Tests.Namespaces;

/// <summary>How the tests run programs.</summary>
public sealed class CmdTests
{
    [RequiresRootFact]
    public void A_command_runs_in_the_namespace_and_the_caller_stays_where_it_is()
    {
        string own = InodeOf("/proc/thread-self/ns/net");
        using TestNetns ns = TestNetns.Create();
        ns.Run("stat", "-L", "-c", "%i", "/proc/self/ns/net").OrThrow().Stdout.Trim().Should().Be(InodeOf(ns.Path));
        InodeOf("/proc/thread-self/ns/net").Should().Be(own).And.NotBe(InodeOf(ns.Path));
    }

    [RequiresRootFact]
    public void What_cannot_be_entered_or_executed_is_told_as_nsenter_tells_it()
    {
        using TestNetns ns = TestNetns.Create();
        ns.Run("no-such-program").ExitCode.Should().Be(127);
        ns.Run("/etc/passwd").ExitCode.Should().Be(126);
        ns.Dispose();
        CmdResult gone = ns.Run("true");
        gone.ExitCode.Should().Be(1);
        gone.Stderr.Should().Contain($"cannot enter {ns.Path}").And.Contain("No such file");
    }

    [Fact]
    public void A_command_gets_all_of_its_input_and_gives_all_of_its_output()
    {
        byte[] input = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, 100_000).Select(n => $"{n}\n")));
        CmdResult result = Cmd.RunBytes("sh", ["-c", "tee /dev/stderr; kill -TERM $$"], stdin: input);
        result.Stdout.Should().Be(Encoding.ASCII.GetString(input));
        result.Stderr.Should().Be(result.Stdout);
        result.ExitCode.Should().Be(128 + (int)Signal.Term);
        Cmd.RunBytes("true", [], stdin: input).ExitCode.Should().Be(0, "it need not read what it is given");
    }

    [Fact]
    public void A_command_that_takes_too_long_is_ended_with_all_that_it_has_started()
    {
        string words = $"sleep 1000.{Environment.ProcessId}";
        FluentActions
            .Invoking(() => Cmd.Run("sh", ["-c", $"echo started; {words}; true"], TimeSpan.FromMilliseconds(300)))
            .Should()
            .Throw<CmdException>()
            .WithMessage("*not finished after*started*");
        Eventually.True("the sleep is gone", () => Cmd.Run("pgrep", ["-f", $"^{words}$"]).ExitCode == 1);
    }

    [Fact]
    public void Variables_are_added_and_removed_also_by_env()
    {
        KeyValuePair<string, string?>[] more = [new("TWILL_A", "1"), new("HOME", null)];
        Cmd.Run("env", ["TWILL_B=2=3", "sh", "-c", "echo $TWILL_A $TWILL_B ${HOME-none}"], env: more)
            .Should()
            .BeEquivalentTo(new { ExitCode = 0, Stdout = "1 2=3 none\n" });
    }

    [Fact]
    public async Task Programs_that_start_at_the_same_time_do_not_inherit_each_others_pipes()
    {
        const string CountPipes = "ls -l /proc/self/fd | grep -c pipe:";
        string alone = Cmd.Sh(CountPipes);
        string[] together = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(() => Cmd.Sh(CountPipes))));
        together.Should().OnlyContain(count => count == alone);
    }

    private static string InodeOf(string path) => Cmd.Run("stat", ["-L", "-c", "%i", path]).OrThrow().Stdout.Trim();
}
