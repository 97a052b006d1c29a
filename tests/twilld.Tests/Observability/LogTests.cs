using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Twill.Agent.Tests;

public sealed class LogTests
{
    [Fact]
    public void A_line_has_time_level_network_and_message() =>
        Written(LogFormat.Text, log => log.ForNetwork("twill").Info("peer 10.244.7.0/24 via 192.168.64.3 added"))
            .Should()
            .Be("2026-11-20T10:00:00Z info twill: peer 10.244.7.0/24 via 192.168.64.3 added\n");

    [Fact]
    public void What_is_about_no_network_is_about_twilld() =>
        Written(LogFormat.Text, log => log.Warning("stopping")).Should().Be("2026-11-20T10:00:00Z warning twilld: stopping\n");

    [Fact]
    public void Lines_below_the_level_are_left_out() => Written(LogFormat.Text, log => log.Debug("detail")).Should().BeEmpty();

    [Fact]
    public void A_message_never_makes_a_second_line() =>
        Written(LogFormat.Text, log => log.Error("one\ntwo")).Should().Be("2026-11-20T10:00:00Z error twilld: one\\ntwo\n");

    [Fact]
    public void As_JSON_a_line_is_one_object()
    {
        string line = Written(LogFormat.Json, log => log.ForNetwork("pods").Error("\"quoted\"\nand broken"));

        line.Should().EndWith("}\n").And.NotContain("\n{");
        JsonElement entry = JsonDocument.Parse(line).RootElement;
        entry.GetProperty("time").GetString().Should().Be("2026-11-20T10:00:00Z");
        entry.GetProperty("level").GetString().Should().Be("error");
        entry.GetProperty("network").GetString().Should().Be("pods");
        entry.GetProperty("msg").GetString().Should().Be("\"quoted\"\nand broken");
    }

    /// <summary>The journal has a time of its own, and reads the level from the number of syslog (`journalctl -p err`).</summary>
    [Theory]
    [InlineData(LogLevel.Info, "<6>pods: message\n")]
    [InlineData(LogLevel.Warning, "<4>pods: message\n")]
    [InlineData(LogLevel.Error, "<3>pods: message\n")]
    [InlineData(LogLevel.Critical, "<2>pods: message\n")]
    internal void To_the_journal_a_line_says_its_level_as_the_journal_reads_it_and_no_second_time(LogLevel level, string line)
    {
        using MemoryStream output = new();
        Log log = new(output, LogLevel.Info, LogFormat.Text, new ManualClock()) { IsJournal = true };

        log.ForNetwork("pods").Write(level, "message");

        Encoding.UTF8.GetString(output.ToArray()).Should().Be(line);
    }

    [Fact]
    public void Only_the_socket_that_systemd_names_is_the_journal()
    {
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        string link = $"/proc/self/fd/{socket.Handle}",
            inode = new FileInfo(link).LinkTarget!["socket:[".Length..^1];

        Journal.IsStandardError($"8:{inode}", link).Should().BeTrue();
        Journal.IsStandardError("8:1", link).Should().BeFalse();
        Journal.IsStandardError($"8:{inode}", "/proc/self/exe").Should().BeFalse("standard error was redirected to a file");
        Journal.IsStandardError("nonsense", link).Should().BeFalse();
        Journal.IsStandardError(null, link).Should().BeFalse();
    }

    [Fact]
    public void Control_characters_of_others_do_not_reach_the_terminal_and_a_line_has_an_end()
    {
        Written(LogFormat.Text, log => log.Info("\u001b[2J\rfaked")).Should().EndWith(" info twilld: \\u001b[2J\\u000dfaked\n");
        Written(LogFormat.Text, log => log.Info(new string('x', 1_000_000)))
            .Should()
            .HaveLength("2026-11-20T10:00:00Z info twilld: ...\n".Length + 4000);
    }

    [Fact]
    public void What_others_can_cause_is_logged_ten_times_a_second_and_the_rest_is_counted()
    {
        ManualClock clock = new();
        using MemoryStream output = new();
        Log log = new Log(output, LogLevel.Info, LogFormat.Text, clock).ForNetwork("pods");
        for (int i = 0; i < 35_000; i++)
        {
            log.Limited(LogLevel.Info, $"change {i}");
        }

        log.Error("lost"); // what is not limited is written whatever others do
        clock.Advance(TimeSpan.FromSeconds(1));
        log.Limited(LogLevel.Info, "later");

        string[] lines = Encoding.UTF8.GetString(output.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines.Should().HaveCount(13);
        lines[9].Should().EndWith("change 9");
        lines[10].Should().EndWith("lost");
        lines[11].Should().EndWith("warning pods: 34990 lines left out: there were more than 10 in a second");
        lines[12].Should().EndWith("later");
    }

    private static string Written(LogFormat format, Action<Log> write)
    {
        using MemoryStream output = new();
        write(new Log(output, LogLevel.Info, format, new ManualClock()));
        return Encoding.UTF8.GetString(output.ToArray());
    }
}
