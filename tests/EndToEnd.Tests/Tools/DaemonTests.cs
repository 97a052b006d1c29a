using Twill.Testing;

namespace Twill.EndToEnd.Tests.Tools;

public sealed class DaemonTests
{
    [Fact]
    public void A_daemon_writes_its_log_and_tells_its_exit_code()
    {
        using TempDir dir = TempDir.Create();
        using Daemon daemon = Daemon.Start(
            "talker",
            ["sh", "-c", "echo $GREETING; echo oops >&2; exit 7"],
            dir.At("log"),
            [new("GREETING", "hello")]
        );
        daemon.WaitForExit(TimeSpan.FromSeconds(5)).Should().Be(7);
        daemon.Log.Should().Be("hello\noops\n");
    }

    [Fact]
    public void Stopping_gives_the_programs_own_exit_code()
    {
        using TempDir dir = TempDir.Create();
        using Daemon daemon = Daemon.Start(
            "polite",
            ["sh", "-c", "trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done"],
            dir.At("log")
        );
        Eventually.True("it is ready", () => daemon.Log.Contains("ready", StringComparison.Ordinal));
        daemon.Stop().Should().Be(3);
    }

    [Fact]
    public void Disposing_ends_a_daemon_that_ignores_signals()
    {
        using TempDir dir = TempDir.Create();
        int pid;
        using (Daemon daemon = Daemon.Start("stubborn", ["sh", "-c", "trap '' TERM; exec sleep 1000"], dir.At("log")))
        {
            pid = daemon.Pid;
            Directory.Exists($"/proc/{pid}").Should().BeTrue();
        }

        Directory.Exists($"/proc/{pid}").Should().BeFalse();
    }
}
