using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Verbs;

/// <summary><c>logFile</c>: what the plugin was asked, and how each call ended.</summary>
public sealed class CallLogTests : IDisposable
{
    private const string Log = "/run/twill-calls.log";

    private readonly SingleHost _single = new();

    private LabHost Host => _single.Host;

    [RequiresRootFact]
    public void Each_call_is_a_line_and_the_file_stays_small()
    {
        LabContainer container = Host.NewContainer("logged");
        JsonObject conf = _single.Conf.ForPlugin();
        conf["logFile"] = Log;
        string config = conf.ToJsonString();

        Host.Plugin("twill", container).Add(config).OrThrow();
        CniAnswer refused = Host.Plugin("twill", container).Add(config);
        refused.ExitCode.Should().Be(1);
        Host.Plugin("twill", container).Del(config).OrThrow();

        string[] lines = Host.Sh($"cat {Log}").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        lines.Should().HaveCount(3);
        const string Call = @"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z";
        lines[0].Should().MatchRegex($@"{Call} ADD {container.Name} eth0 twill \d+\.\d ms$");
        lines[1].Should().MatchRegex($@"{Call} ADD {container.Name} eth0 twill \d+\.\d ms, error {refused.ErrorCode}: ");
        lines[2].Should().MatchRegex($@"{Call} DEL {container.Name} eth0 twill \d+\.\d ms$");
        Host.Sh($"stat -c %a {Log}").Trim().Should().Be("600");

        Host.Sh($"head -c 1048576 /dev/zero >>{Log}");
        Host.Plugin("twill", container).Del(config).OrThrow();
        Host.Sh($"wc -l <{Log}").Trim().Should().Be("1", "the full one is FILE.1");
        Host.Sh($"head -c 4 {Log}.1").Should().HaveLength(4);
    }

    [RequiresRootFact]
    public void A_file_that_cannot_be_written_changes_no_call_and_a_wrong_one_is_refused()
    {
        LabContainer container = Host.NewContainer("unlogged");
        JsonObject conf = _single.Conf.ForPlugin();
        conf["logFile"] = "/run/none/calls.log";

        CniAnswer added = Host.Plugin("twill", container).Add(conf.ToJsonString()).OrThrow();
        added.Stderr.Should().Contain("logFile").And.Contain("/run/none/calls.log");
        Host.Plugin("twill", container).Del(conf.ToJsonString()).OrThrow();

        conf["logFile"] = "calls.log";
        CniAnswer refused = Host.Plugin("twill", container).Add(conf.ToJsonString());
        refused.ErrorCode.Should().Be(7);
        refused.ErrorText.Should().Contain("$.logFile").And.Contain("calls.log");
    }

    public void Dispose() => _single.Dispose();
}
