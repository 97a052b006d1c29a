using System.Text.RegularExpressions;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Cli;

/// <summary>conf/monitoring, judged by promtool and against what a running agent answers.</summary>
public sealed partial class MonitoringTests
{
    private const string Listen = "127.0.0.1:9116";

    private static string Folder => Path.Combine(RepoPaths.Conf, "monitoring");

    [RequiresRootFact]
    public void Each_alert_fires_when_it_should_and_at_no_other_time()
    {
        string rules = Path.Combine(Folder, "twill.rules.yml"),
            test = Path.Combine(Folder, "twill.rules.test.yml");
        Cmd.Run("promtool", ["check", "rules", rules]).OrThrow();
        Cmd.Run("promtool", ["test", "rules", test]).OrThrow();

        string[] alerts = [.. Alert().Matches(File.ReadAllText(rules)).Select(match => match.Groups[1].Value)];
        alerts.Should().HaveCountGreaterThan(8);
        Tested().Matches(File.ReadAllText(test)).Select(match => match.Groups[1].Value).Distinct().Should().BeEquivalentTo(alerts);
    }

    [RequiresRootFact]
    public void Rules_dashboard_and_table_name_what_a_running_agent_answers()
    {
        using Cluster cluster = Cluster.Start(1);
        LabHost host = cluster.NewHost("host");
        host.StartAgent("--listen", Listen);
        cluster.WaitUntilJoined();
        string metrics = "";
        string Ask() => metrics = host.Sh($"curl --silent --max-time 5 http://{Listen}/metrics || true");
        bool IsMeasured() => Ask().Contains("twill_peer_round_trip_seconds{", StringComparison.Ordinal);
        Eventually.True("the peer is measured", IsMeasured, TimeSpan.FromSeconds(20), () => metrics);
        LabContainer container = host.AddContainer("c1");
        host.Cnitool("add", "twill", container).ExitCode.Should().NotBe(0, "it has the interface already");
        host.Cnitool("del", "twill", container).OrThrow();
        Ask()
            .Should()
            .Contain("twill_plugin_calls_total{network=\"twill\",verb=\"ADD\",code=\"0\"} 1\n")
            .And.Contain("twill_plugin_calls_total{network=\"twill\",verb=\"DEL\",code=\"0\"} 1\n")
            .And.Contain("twill_plugin_call_seconds_count{network=\"twill\",verb=\"ADD\"} 2\n")
            .And.MatchRegex("verb=\"ADD\",code=\"[1-9][0-9]*\"} 1\n");

        using TempDir directory = TempDir.Create();
        File.WriteAllText(directory.At("metrics"), metrics);
        Cmd.Run("sh", ["-c", $"promtool check metrics <{directory.At("metrics")}"]).OrThrow();
        string[] answered = [.. Type().Matches(metrics).Select(match => match.Groups[1].Value)];
        foreach (string file in new[] { "twill.rules.yml", "twill.dashboard.json", "README.md" })
        {
            Metrics(file).Should().BeSubsetOf(answered, $"{file} names them");
        }

        Metrics("README.md").Should().BeEquivalentTo(answered, "the table has all");
        answered.Except(Metrics("twill.dashboard.json")).Should().BeEmpty("each is in a panel");
    }

    /// <summary>Those that a file names; of a histogram's series, the histogram.</summary>
    private static IEnumerable<string> Metrics(string file) =>
        Metric()
            .Matches(File.ReadAllText(Path.Combine(Folder, file)))
            .Select(match => match.Value.Replace("_seconds_bucket", "_seconds", StringComparison.Ordinal))
            .Distinct();

    [GeneratedRegex(@"(?m)^ *- alert: (\w+)$")]
    private static partial Regex Alert();

    [GeneratedRegex(@"(?m)^ *alertname: (\w+)$")]
    private static partial Regex Tested();

    [GeneratedRegex(@"(?m)^# TYPE (twill_\w+) ")]
    private static partial Regex Type();

    [GeneratedRegex(@"\btwill_[a-z_]+[a-z]\b")]
    private static partial Regex Metric();
}
