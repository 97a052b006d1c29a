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

    private static string Written(LogFormat format, Action<Log> write)
    {
        using MemoryStream output = new();
        write(new Log(output, LogLevel.Info, format, new ManualClock()));
        return Encoding.UTF8.GetString(output.ToArray());
    }
}
