using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Capabilities;

/// <summary>Resolver settings: the runtime's for one container, else the IPAM section's, else the plugin's own.</summary>
public sealed class DnsTests(SingleHost single) : IClassFixture<SingleHost>
{
    private const string Configured =
        """{"nameservers":["192.0.2.53"],"domain":"example","search":["a.example","b.example"],"options":["ndots:2"]}""";

    private static int s_containers;

    private LabHost Host => single.Host;

    [RequiresRootTheory]
    [InlineData("0.1.0")]
    [InlineData("0.2.0")]
    [InlineData("0.3.0")]
    [InlineData("0.3.1")]
    [InlineData("0.4.0")]
    [InlineData("1.0.0")]
    [InlineData("1.1.0")]
    public void Those_of_the_configuration_are_in_the_result_of_every_version(string version)
    {
        Dns(config => (config["cniVersion"], config["ipam"]!["dns"]) = (version, JsonNode.Parse(Configured))).Should().Be(Configured);
        Dns(config => (config["cniVersion"], config["dns"]) = (version, JsonNode.Parse(Configured))).Should().Be(Configured);
    }

    [RequiresRootFact]
    public void Those_of_the_ipam_section_go_before_the_plugins_own_and_a_resolv_conf_before_both()
    {
        Host.Write(
            "/run/resolv.conf",
            "# the host's\nnameserver 192.0.2.1\nnameserver 192.0.2.2\nsearch one two\noptions edns0 rotate\nsortlist x\n"
        );
        JsonNode other = JsonNode.Parse("""{"nameservers":["192.0.2.9"]}""")!;

        Dns(config => (config["dns"], config["ipam"]!["dns"]) = (other.DeepClone(), JsonNode.Parse(Configured))).Should().Be(Configured);
        Dns(config =>
                (config["dns"], config["ipam"]!["dns"], config["ipam"]!["resolvConf"]) = (
                    other.DeepClone(),
                    JsonNode.Parse(Configured),
                    "/run/resolv.conf"
                )
            )
            .Should()
            .Be("""{"nameservers":["192.0.2.1","192.0.2.2"],"search":["one","two"],"options":["edns0","rotate"]}""");
    }

    [RequiresRootTheory]
    [InlineData("""{"dns":{"servers":["192.0.2.77"],"searches":["pod.example"],"options":["ndots:5"]}}""")]
    [InlineData("""{"dns":{"Servers":["192.0.2.77"],"Searches":["pod.example"],"Options":["ndots:5"]}}""")]
    public void Those_of_the_runtime_stand_in_the_place_of_all_others(string runtimeConfig) =>
        Dns(config =>
            {
                (config["dns"], config["ipam"]!["dns"]) = (JsonNode.Parse(Configured), JsonNode.Parse(Configured));
                config.WithRuntimeConfig(runtimeConfig);
            })
            .Should()
            .Be("""{"nameservers":["192.0.2.77"],"search":["pod.example"],"options":["ndots:5"]}""");

    [RequiresRootTheory]
    [InlineData("{}")]
    [InlineData("""{"dns":{}}""")]
    [InlineData("""{"dns":{"Servers":null,"Searches":[],"Options":null}}""")]
    public void A_runtime_that_gives_none_changes_nothing(string runtimeConfig) =>
        Dns(config => (config["ipam"]!["dns"], config["runtimeConfig"]) = (JsonNode.Parse(Configured), JsonNode.Parse(runtimeConfig)))
            .Should()
            .Be(Configured);

    [RequiresRootFact]
    public void The_ipam_plugin_tells_other_main_plugins_those_of_the_runtime()
    {
        LabContainer container = New();
        JsonObject config = single.Conf.ForPlugin();
        (config["type"], config["name"], config["ipam"]!["dns"]) = ("bridge", "ref", JsonNode.Parse(Configured));
        config.WithRuntimeConfig("""{"dns":{"servers":["192.0.2.77"]}}""");

        JsonNode result = JsonNode.Parse(Host.Plugin("twill-ipam", container).Add(config.ToJsonString()).OrThrow().Stdout)!;

        result["dns"]!.ToJsonString().Should().Be("""{"nameservers":["192.0.2.77"]}""");
    }

    [RequiresRootTheory]
    [InlineData("""{"dns":{"servers":["first"]}}""", "$.runtimeConfig.dns.servers[0]")]
    [InlineData("""{"dns":[]}""", "$.runtimeConfig.dns")]
    [InlineData("""{"dns":{"searches":"one"}}""", "$.runtimeConfig.dns.searches")]
    public void What_makes_no_sense_is_refused_before_anything_is_made(string runtimeConfig, string path)
    {
        IReadOnlyList<string> before = Leftovers.Of(Host);
        CniAnswer answer = Host.Plugin("twill", New()).Add(single.Conf.ForPlugin().WithRuntimeConfig(runtimeConfig).ToJsonString());
        answer.ErrorCode.Should().Be(7);
        answer.ErrorText.Should().Contain(path);
        Leftovers.Of(Host).Should().BeEquivalentTo(before);
    }

    private string Dns(Action<JsonObject> change)
    {
        LabContainer container = New();
        JsonObject config = single.Conf.ForPlugin();
        change(config);
        CniProcess plugin = Host.Plugin("twill", container);
        JsonNode result = JsonNode.Parse(plugin.Add(config.ToJsonString()).OrThrow().Stdout)!;
        plugin.Del(config.ToJsonString()).OrThrow();
        return result["dns"]!.ToJsonString();
    }

    private LabContainer New() => Host.NewContainer($"dns{Interlocked.Increment(ref s_containers)}");
}
