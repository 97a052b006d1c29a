using System.Text.Json;
using Twill.Plugin.Cli;
using Twill.Plugin.Cli.Doctor;

namespace Twill.Plugin.Tests.Cli;

public sealed class DoctorReportTests
{
    private static readonly Check[] s_checks =
    [
        new(null, "forwarding", Outcome.Ok, "this host forwards IPv4"),
        new("twill", "bridge", Outcome.Failed, "bridge twill0 is down", "ip link set dev twill0 up"),
        new("twill", "rp_filter", Outcome.Warning, "strict", "loosen it"),
    ];

    [Fact]
    public void Checks_stand_by_network_with_what_to_do_below()
    {
        ConsoleOutput screen = new(colours: false);
        DoctorReport.Print(screen, s_checks);
        screen
            .Text.Should()
            .Be(
                """
                this host
                  ok  forwarding  this host forwards IPv4
                network twill
                  failed   bridge     bridge twill0 is down
                                      -> ip link set dev twill0 up
                  warning  rp_filter  strict
                                      -> loosen it
                1 ok, 1 warning, 1 failed

                """
            );
    }

    [Fact]
    public void Programs_get_every_check_and_the_counts()
    {
        JsonElement root = StatusReportTests.Json(w => DoctorReport.Write(w, s_checks));
        root.GetProperty("failed").GetInt32().Should().Be(1);
        root.GetProperty("warnings").GetInt32().Should().Be(1);
        root.GetProperty("checks")[0].GetProperty("network").ValueKind.Should().Be(JsonValueKind.Null);
        JsonElement bridge = root.GetProperty("checks")[1];
        bridge.GetProperty("check").GetString().Should().Be("bridge");
        bridge.GetProperty("outcome").GetString().Should().Be("failed");
        bridge.GetProperty("remedy").GetString().Should().Be("ip link set dev twill0 up");
    }

    [Fact]
    public void Good_news_counts_only_when_nothing_bad_was_found()
    {
        Findings to = new("twill");
        to.Look("a", () => { }, () => "fine");
        to.Look("b", () => to.Fail("b", "broken", "mend it"), () => "fine");
        to.Look("c", () => throw new InvalidOperationException("no such thing"), () => "fine");
        to.Checks.Select(check => (check.Name, check.Outcome))
            .Should()
            .Equal(("a", Outcome.Ok), ("b", Outcome.Failed), ("c", Outcome.Failed));
        to.Checks[2].Text.Should().Contain("no such thing");
    }
}
