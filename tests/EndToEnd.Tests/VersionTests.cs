using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>Every version of the specification: what its results look like, which verbs it has, and results of other versions on their way
/// in.</summary>
public sealed class VersionTests(SingleHost single) : IClassFixture<SingleHost>
{
    private const string Legacy =
        """{"cniVersion":"VERSION","ip4":{"ip":"10.244.0.250/24","gateway":"10.244.0.1","routes":[{"dst":"0.0.0.0/0"}]},"dns":{"domain":"d"}}""";
    private const string Lists =
        """{"cniVersion":"VERSION","ips":[{"version":"4","address":"10.244.0.250/24","gateway":"10.244.0.1"}],"routes":[{"dst":"0.0.0.0/0"}],"dns":{"domain":"d"}}""";

    private static int s_containers;

    private LabHost Host => single.Host;

    public static TheoryData<string> Versions => new("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0");

    [RequiresRootTheory]
    [MemberData(nameof(Versions))]
    public void An_add_answers_with_exactly_what_its_version_has(string version)
    {
        LabContainer container = New();
        JsonObject config = Config(version);
        config["ipam"]!["dns"] = JsonNode.Parse("""{"nameservers":["192.0.2.53"]}""");
        config["ipam"]!["routes"] = JsonNode.Parse(
            """[{"dst":"0.0.0.0/0"},{"dst":"10.9.0.0/16","gw":"10.244.0.1","mtu":1300,"advmss":1200,"priority":7,"table":100,"scope":0}]"""
        );

        JsonObject result = JsonNode.Parse(Host.Plugin("twill", container).Add(config.ToJsonString()).OrThrow().Stdout)!.AsObject();

        JsonNode expected = JsonNode.Parse(Expected(version, container, MacOf(container)))!;
        foreach (JsonNode? link in result["interfaces"]?.AsArray().Take(2) ?? [])
        {
            Host.IpJson($"link show dev {link!["name"]}")[0].GetProperty("address").GetString().Should().Be((string)link["mac"]!);
            link.AsObject().Remove("mac");
            link["name"] = ((string)link["name"]!)[..2];
        }

        JsonNode.DeepEquals(result, expected).Should().BeTrue($"got {result}, expected {expected}");
        container
            .IpJson("route show table 100")[0]
            .GetProperty("metric")
            .GetInt32()
            .Should()
            .Be(7, "what the version cannot say is done all the same");
        Host.Plugin("twill", container).Del(config.ToJsonString()).OrThrow().Stdout.Should().BeEmpty();
    }

    [RequiresRootTheory]
    [MemberData(nameof(Versions))]
    public void The_ipam_plugin_answers_with_exactly_what_its_version_has(string version)
    {
        LabContainer container = New();
        string config = Config(version).ToJsonString();

        JsonNode result = JsonNode.Parse(Host.Plugin("twill-ipam", container).Add(config).OrThrow().Stdout)!;

        string address = IsLegacy(version) ? (string)result["ip4"]!["ip"]! : (string)result["ips"]![0]!["address"]!;
        string expected = IsLegacy(version)
            ? $$$"""{"cniVersion":"{{{version}}}","ip4":{"ip":"{{{address}}}","gateway":"10.244.0.1","routes":[{"dst":"0.0.0.0/0"}]}}"""
            : $$$"""{"cniVersion":"{{{version}}}","ips":[{ {{{SaysFamily(version)}}}"address":"{{{address}}}","gateway":"10.244.0.1"}],"routes":[{"dst":"0.0.0.0/0"}]}""";
        JsonNode.DeepEquals(result, JsonNode.Parse(expected)).Should().BeTrue($"got {result}, expected {expected}");
        Host.Plugin("twill-ipam", container).Del(config).OrThrow();
    }

    [RequiresRootTheory]
    [MemberData(nameof(Versions))]
    public void A_verb_that_the_version_does_not_have_is_code_1_and_says_since_when_it_exists(string version)
    {
        foreach (string program in new[] { "twill", "twill-ipam" })
        {
            foreach ((string verb, string since) in new[] { ("CHECK", "0.4.0"), ("GC", "1.1.0"), ("STATUS", "1.1.0") })
            {
                CniAnswer answer = Host.Plugin(program, New()).Run(verb, Config(version).ToJsonString());
                if (Version.Parse(version) >= Version.Parse(since))
                {
                    (verb == "STATUS" || answer.ErrorCode == 7).Should().BeTrue($"{verb} of {version} is there: {answer}");
                    continue;
                }

                answer.ErrorCode.Should().Be(1, $"{verb} of {version}: {answer}");
                answer.ErrorText.Should().Contain(verb).And.Contain(since).And.Contain(version);
                answer.Json.GetProperty("cniVersion").GetString().Should().Be(version);
            }

            Host.Plugin(program, New())
                .Run("VERSION", Config(version).ToJsonString())
                .OrThrow()
                .Json.GetProperty("cniVersion")
                .GetString()
                .Should()
                .Be(version);
        }
    }

    [RequiresRootTheory]
    [MemberData(nameof(Versions))]
    public void A_delegate_may_answer_in_any_version_and_is_converted(string theirs)
    {
        Host.Write("/opt/cni/bin/simple", $"#!/bin/sh\ncat >/dev/null\n[ $CNI_COMMAND != ADD ] || echo '{Result(theirs)}'\n");
        Host.Sh("chmod 755 /opt/cni/bin/simple");
        foreach (string ours in new[] { "0.2.0", "0.3.1", "1.0.0", "1.1.0" })
        {
            LabContainer container = New();
            JsonObject config = Config(ours);
            config["ipam"] = new JsonObject { ["type"] = "simple" };

            JsonNode result = JsonNode.Parse(Host.Plugin("twill", container).Add(config.ToJsonString()).OrThrow().Stdout)!;

            ((string)result["cniVersion"]!).Should().Be(ours);
            string address = IsLegacy(ours) ? (string)result["ip4"]!["ip"]! : (string)result["ips"]![0]!["address"]!;
            address.Should().Be("10.244.0.250/24");
            ((string)result["dns"]!["domain"]!).Should().Be("d");
            container.IpJson("route show default")[0].GetProperty("gateway").GetString().Should().Be("10.244.0.1");
            Host.Plugin("twill", container).Del(config.ToJsonString()).OrThrow();
        }
    }

    [RequiresRootTheory]
    [MemberData(nameof(Versions))]
    public void A_previous_result_of_any_version_is_accepted_passed_on_by_ADD_and_never_in_the_way_of_DEL(string theirs)
    {
        foreach (string ours in new[] { "0.3.0", "0.4.0", "1.1.0" })
        {
            LabContainer container = New();
            JsonObject config = Config(ours);
            config["prevResult"] = JsonNode.Parse(Result(theirs));

            JsonNode result = JsonNode.Parse(Host.Plugin("twill", container).Add(config.ToJsonString()).OrThrow().Stdout)!;

            result["ips"]!.AsArray().Should().HaveCount(2);
            ((string)result["ips"]![0]!["address"]!).Should().Be("10.244.0.250/24");
            ((string)result["dns"]!["domain"]!).Should().Be("d");
            Host.Plugin("twill", container).Del(config.ToJsonString()).OrThrow();
            config["prevResult"]!["cniVersion"] = "7.7.7";
            Host.Plugin("twill", container).Del(config.ToJsonString()).OrThrow();
        }
    }

    private static string Result(string version) =>
        (
            IsLegacy(version) ? Legacy
            : version.StartsWith('0') ? Lists
            : Lists.Replace("\"version\":\"4\",", "")
        ).Replace("VERSION", version);

    private static string Expected(string version, LabContainer container, string mac)
    {
        string detail = version == "1.1.0" ? ""","mtu":1300,"advmss":1200,"priority":7,"table":100,"scope":0""" : "",
            mtu = version == "1.1.0" ? ""","mtu":1500""" : "";
        string routes = $$"""[{"dst":"0.0.0.0/0"},{"dst":"10.9.0.0/16","gw":"10.244.0.1"{{detail}} }]""",
            dns = """{"nameservers":["192.0.2.53"]}""";
        string address =
            container.IpJson("-4 address show dev eth0")[0].GetProperty("addr_info")[0].GetProperty("local").GetString() + "/24";
        if (IsLegacy(version))
        {
            return $$$"""{"cniVersion":"{{{version}}}","ip4":{"ip":"{{{address}}}","gateway":"10.244.0.1","routes":{{{routes}}} },"dns":{{{dns}}} }""";
        }

        return $$$"""
            {"cniVersion":"{{{version}}}",
             "interfaces":[{"name":"tw"{{{mtu}}} },{"name":"tw"{{{mtu}}} },{"name":"eth0","mac":"{{{mac}}}"{{{mtu}}},"sandbox":"{{{container.NetnsPath}}}"}],
             "ips":[{ {{{SaysFamily(
                version
            )}}}"interface":2,"address":"{{{address}}}","gateway":"10.244.0.1"}],"routes":{{{routes}}},"dns":{{{dns}}} }
            """;
    }

    private static bool IsLegacy(string version) => version is "0.1.0" or "0.2.0";

    private static string SaysFamily(string version) => version.StartsWith('0') ? "\"version\":\"4\"," : "";

    private static string MacOf(LabContainer container) => container.IpJson("link show dev eth0")[0].GetProperty("address").GetString()!;

    private JsonObject Config(string version)
    {
        JsonObject config = single.Conf.ForPlugin();
        config["cniVersion"] = version;
        return config;
    }

    private LabContainer New() => Host.NewContainer($"version{Interlocked.Increment(ref s_containers)}");
}
