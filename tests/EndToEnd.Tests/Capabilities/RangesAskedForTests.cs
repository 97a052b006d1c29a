using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Capabilities;

/// <summary>The capability `ipRanges`: the address comes from the ranges the runtime names, or there is none.</summary>
public sealed class RangesAskedForTests(SingleHost single) : IClassFixture<SingleHost>
{
    private static int s_containers;

    private LabHost Host => single.Host;

    [RequiresRootFact]
    public void Through_cnitool_addresses_come_from_the_ranges_and_the_subnets_gateway_and_length_count()
    {
        const string Ranges =
            """{"ipRanges":[[{"subnet":"10.244.0.0/24","rangeStart":"10.244.0.200","rangeEnd":"10.244.0.201","gateway":"10.244.0.1"},{"subnet":"10.244.0.208/30"}]]}""";
        List<string> addresses = [];
        for (int i = 0; i < 4; i++)
        {
            LabContainer container = New();
            container.Result = Host.Cnitool("add", container, Ranges).OrThrow().Stdout;
            addresses.Add(container.Address);
            JsonNode ip = JsonNode.Parse(container.Result)!["ips"]![0]!;
            ((string)ip["address"]!).Should().EndWith("/24");
            ((string)ip["gateway"]!).Should().Be("10.244.0.1");
            container.CanPing(Lab.OutsideAddress).Should().BeTrue();
            Host.Cnitool("check", container, Ranges).OrThrow();
        }

        addresses.Should().BeEquivalentTo("10.244.0.200", "10.244.0.201", "10.244.0.209", "10.244.0.210");
        CniAnswer full = Ask(Ranges);
        full.ErrorCode.Should().Be(11);
        full.ErrorText.Should().Contain("$.runtimeConfig.ipRanges[0][0]").And.Contain("all 4 addresses");
    }

    [RequiresRootTheory]
    [InlineData("""{"ipRanges":[[{"subnet":"10.9.0.0/24"}]]}""", 7, "$.runtimeConfig.ipRanges[0][0]", "10.244.0.2")]
    [InlineData("""{"ipRanges":[[{"subnet":"10.244.0.0/16"}]]}""", 7, "lies in no subnet of this host", "10.244.255.254")]
    [InlineData("""{"IPRanges":[[{"subnet":"10.244.0.0/24","gateway":"10.244.0.9"}]]}""", 7, "gateway 10.244.0.9", "10.244.0.1")]
    [InlineData(
        """{"ipRanges":[[{"subnet":"10.244.0.0/24","rangeStart":"10.244.0.1","rangeEnd":"10.244.0.1"}]]}""",
        7,
        "no address from 10.244.0.1 to 10.244.0.1",
        "10.244.0.254"
    )]
    [InlineData(
        """{"ipRanges":[[{"subnet":"10.244.0.0/24","rangeStart":"10.245.0.1"}]]}""",
        7,
        "$.runtimeConfig.ipRanges[0][0].rangeStart",
        "10.245.0.1"
    )]
    [InlineData(
        """{"ipRanges":[[{"subnet":"10.244.0.0/24","rangeStart":"10.244.0.9","rangeEnd":"10.244.0.8"}]]}""",
        7,
        "$.runtimeConfig.ipRanges[0][0].rangeEnd",
        "10.244.0.8"
    )]
    [InlineData("""{"ipRanges":[[{"rangeStart":"10.244.0.9"}]]}""", 7, "$.runtimeConfig.ipRanges[0][0].subnet", "nothing")]
    [InlineData("""{"ipRanges":[[]]}""", 7, "$.runtimeConfig.ipRanges[0]", "at least one range")]
    [InlineData("""{"ipRanges":"all"}""", 7, "$.runtimeConfig.ipRanges", "all")]
    [InlineData(
        """{"ipRanges":[[{"subnet":"10.244.0.0/24"}],[{"subnet":"10.244.0.0/24"}]]}""",
        2,
        "$.runtimeConfig.ipRanges[1]",
        "one IPv4 address"
    )]
    [InlineData("""{"ipRanges":[[{"subnet":"fd00::/64"}]]}""", 2, "$.runtimeConfig.ipRanges[0][0].subnet", "fd00::/64")]
    [InlineData(
        """{"ips":["10.244.0.90"],"ipRanges":[[{"subnet":"10.244.0.0/24","rangeStart":"10.244.0.91","rangeEnd":"10.244.0.99"}]]}""",
        7,
        "10.244.0.90",
        "10.244.0.91"
    )]
    public void What_cannot_be_had_is_refused_and_leaves_nothing(string runtimeConfig, int code, string text, string more)
    {
        IReadOnlyList<string> before = Leftovers.Of(Host);

        CniAnswer answer = Ask(runtimeConfig);

        answer.ErrorCode.Should().Be(code, answer.ToString());
        answer.ErrorText.Should().Contain(text).And.Contain(more);
        Leftovers.Of(Host).Should().BeEquivalentTo(before);
    }

    [RequiresRootFact]
    public void Without_any_range_it_is_as_if_none_was_asked_for() => Ask("""{"ipRanges":[]}""").OrThrow();

    [RequiresRootFact]
    public void Of_a_leased_subnet_only_ranges_inside_it_can_be_had()
    {
        using Cluster cluster = Cluster.Start(0);
        LabHost host = cluster.NewHost("host");
        JsonObject conf = SampleConf.Cluster(cluster.Etcd.Endpoint);
        CniAnswer Ask(string subnet) =>
            host.Plugin("twill", host.NewContainer($"c{Interlocked.Increment(ref s_containers)}"))
                .Add(conf.ForPlugin().WithRuntimeConfig($$"""{"ipRanges":[[{"subnet":"{{subnet}}"}]]}""").ToJsonString());

        CniAnswer outside = Ask("10.99.0.0/24");
        string leased = cluster.LeaseOf(host)!;
        outside.ErrorCode.Should().Be(7);
        outside.ErrorText.Should().Contain("10.99.0.1").And.Contain(leased[..leased.LastIndexOf('.')]);
        Leftovers.Of(host).Should().BeEmpty();
        string upper = leased[..leased.LastIndexOf('.')] + ".128/25";

        LabContainer.AddressOf(Ask(upper).OrThrow().Stdout).Should().Be(upper.Replace("128/25", "129"));
    }

    [RequiresRootFact]
    public void Another_ipam_plugin_gets_them_as_they_are()
    {
        LabContainer container = New();
        JsonObject config = single.Conf.ForPlugin();
        config["name"] = "foreign";
        config["bridge"] = "foreign0";
        config["ipam"] = new JsonObject { ["type"] = "host-local", ["dataDir"] = "/run/host-local" };
        config.WithRuntimeConfig(
            """{"ipRanges":[[{"subnet":"10.66.0.0/24","rangeStart":"10.66.0.70","rangeEnd":"10.66.0.70"}],[{"subnet":"10.67.0.0/24"}]]}"""
        );

        container.Result = Host.Plugin("twill", container).Add(config.ToJsonString()).OrThrow().Stdout;

        JsonNode.Parse(container.Result)!["ips"]!
            .AsArray()
            .Select(ip => (string)ip!["address"]!)
            .Should()
            .Equal("10.66.0.70/24", "10.67.0.2/24");
        config["prevResult"] = JsonNode.Parse(container.Result);
        Host.Plugin("twill", container).Check(config.ToJsonString()).OrThrow();
        Host.Plugin("twill", container).Del(config.ToJsonString()).OrThrow();
        Directory.GetFiles(Host.At("/run/host-local/foreign"), "10.*").Should().BeEmpty();
    }

    private LabContainer New() => Host.NewContainer($"range{Interlocked.Increment(ref s_containers)}");

    private CniAnswer Ask(string runtimeConfig) =>
        Host.Plugin("twill", New()).Add(single.Conf.ForPlugin().WithRuntimeConfig(runtimeConfig).ToJsonString());
}
