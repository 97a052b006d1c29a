using System.Net;
using System.Text.RegularExpressions;

namespace Twill.Agent.Tests;

public sealed class PrometheusTextTests
{
    private static readonly DateTimeOffset s_now = new(2026, 11, 20, 10, 0, 0, TimeSpan.Zero);

    private static readonly AgentMetrics s_pods = new("pods")
    {
        Subnets = [IPNetwork.Parse("10.244.7.0/24"), IPNetwork.Parse("10.244.9.0/24")],
        LeaseSecondsLeft = 59.5,
        EtcdContact = s_now.AddSeconds(-3),
        AddressesUsed = 5,
        PeersWanted = 12,
        PeersProgrammed = 11,
        Rounds = [("host", 2), ("everything", 7)],
        Conditions = [("lease", null), ("kernel", "it says \"no\"")],
        PluginCalls = [new PluginCalls("ADD", [("0", 3), ("11", 1)], [1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 12.5)],
    };

    [Theory]
    [InlineData("twill_build_info{version=\"1.2.3\"} 1")]
    [InlineData("twill_peers_wanted{network=\"pods\"} 12")]
    [InlineData("twill_peers_programmed{network=\"pods\"} 11")]
    [InlineData("twill_subnets{network=\"pods\"} 2")]
    [InlineData("twill_addresses{network=\"pods\"} 506")]
    [InlineData("twill_addresses_used{network=\"pods\"} 5")]
    [InlineData("twill_lease_left_seconds{network=\"pods\"} 59.5")]
    [InlineData("twill_etcd_silence_seconds{network=\"pods\"} 3")]
    [InlineData("twill_rounds_total{network=\"pods\",kind=\"everything\"} 7")]
    [InlineData("twill_condition_failing{network=\"pods\",condition=\"lease\"} 0")]
    [InlineData("twill_condition_failing{network=\"pods\",condition=\"kernel\"} 1")]
    [InlineData("twill_plugin_calls_total{network=\"pods\",verb=\"ADD\",code=\"11\"} 1")]
    [InlineData("twill_plugin_call_seconds_bucket{network=\"pods\",verb=\"ADD\",le=\"0.0025\"} 1")]
    [InlineData("twill_plugin_call_seconds_bucket{network=\"pods\",verb=\"ADD\",le=\"0.01\"} 3")]
    [InlineData("twill_plugin_call_seconds_bucket{network=\"pods\",verb=\"ADD\",le=\"+Inf\"} 4")]
    [InlineData("twill_plugin_call_seconds_sum{network=\"pods\",verb=\"ADD\"} 12.5")]
    [InlineData("twill_plugin_call_seconds_count{network=\"pods\",verb=\"ADD\"} 4")]
    public void A_figure_is_a_line_with_its_network(string line) => Lines(s_pods).Should().Contain(line);

    [Fact]
    public void Of_two_families_the_one_with_fewer_addresses_is_the_room_there_is() =>
        Lines(s_pods with { Subnets = [.. s_pods.Subnets, IPNetwork.Parse("fc00:1:0:7::/64")] })
            .Should()
            .Contain("twill_addresses{network=\"pods\"} 506")
            .And.Contain("twill_subnets{network=\"pods\"} 3");

    [Fact]
    public void What_is_not_known_is_left_out() =>
        Lines(new AgentMetrics("pods")).Should().NotContain(line => line.StartsWith("twill_lease_left_seconds{", StringComparison.Ordinal));

    [Fact]
    public void Every_metric_is_explained_once_and_before_its_values_and_every_line_is_of_the_format()
    {
        string[] lines = Lines(s_pods, s_pods with { Network = "more" });

        lines
            .Should()
            .OnlyContain(line =>
                Regex.IsMatch(line, @"^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z]+=""[^""]*""(,[a-z]+=""[^""]*"")*\})? [0-9.E+-]+)$")
            );
        string[] types = [.. lines.Where(line => line.StartsWith("# TYPE ", StringComparison.Ordinal)).Select(line => line.Split(' ')[2])];
        types.Should().OnlyHaveUniqueItems();
        lines
            .Where(line => line[0] != '#')
            .Select(line => Regex.Replace(line.Split('{', ' ')[0], "_seconds_(bucket|sum|count)$", "_seconds"))
            .Distinct()
            .Should()
            .BeSubsetOf(types);
    }

    private static string[] Lines(params AgentMetrics[] networks) =>
        PrometheusText.Write(networks, "1.2.3", s_now).TrimEnd('\n').Split('\n');
}
