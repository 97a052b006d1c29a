using System.Text.Json.Nodes;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Capabilities;

/// <summary>The capabilities `mac` and `ips`, `args.cni` and CNI_ARGS: what is asked for is given, reported and checked, or
/// refused.</summary>
public sealed class AddressesAskedForTests(SingleHost single) : IClassFixture<SingleHost>
{
    private static int s_containers;

    private LabHost Host => single.Host;

    [RequiresRootFact]
    public void Through_cnitool_the_capabilities_decide_hardware_and_IP_address()
    {
        LabContainer container = New();
        const string Capabilities = """{"mac":"c2:11:22:33:44:55","ips":["10.244.0.77/24"]}""";
        container.Result = Host.Cnitool(
                "add",
                container,
                Capabilities,
                "IgnoreUnknown=1;K8S_POD_NAME=a;IP=10.244.0.9;MAC=02:00:00:00:00:09"
            )
            .OrThrow()
            .Stdout;

        ExpectAddresses(container, "c2:11:22:33:44:55", "10.244.0.77");
        container.CanPing(Lab.OutsideAddress).Should().BeTrue();
        Host.Cnitool("check", container, Capabilities).OrThrow();
        Host.Cnitool("del", container, Capabilities).OrThrow();
        Leftovers.Records(Host).Should().NotContain("10.244.0.77");
    }

    [RequiresRootFact]
    public void What_podman_sends_for_ip_and_mac_address_is_given()
    {
        LabContainer container = New();
        container.Result = Host.Cnitool("add", container, "{}", "IgnoreUnknown=1;IP=10.244.0.78;MAC=02:00:00:00:00:78;K8S_POD_NAME=web")
            .OrThrow()
            .Stdout;

        ExpectAddresses(container, "02:00:00:00:00:78", "10.244.0.78");
    }

    [RequiresRootFact]
    public void What_podman_sends_for_a_reload_gives_the_same_addresses_again()
    {
        LabContainer container = New();
        const string Once = """{"ips":["10.244.0.79"],"mac":"02:00:00:00:00:79"}""",
            Again = """{"ips":["10.244.0.79","10.244.0.79"],"mac":"02:00:00:00:00:79"}""";
        Host.Cnitool("add", container, Once).OrThrow();
        Host.Cnitool("del", container, Once).OrThrow();
        container.Result = Host.Cnitool("add", container, Again).OrThrow().Stdout;

        ExpectAddresses(container, "02:00:00:00:00:79", "10.244.0.79");
    }

    [RequiresRootFact]
    public void Args_of_the_configuration_go_before_CNI_ARGS()
    {
        LabContainer container = New();
        JsonObject config = single.Conf.ForPlugin();
        config["args"] = JsonNode.Parse("""{"cni":{"ips":["10.244.0.80"],"mac":"02:00:00:00:00:80","labels":[]}}""");
        CniProcess plugin = Host.Plugin("twill", container) with { Args = "IP=10.244.0.9;MAC=02:00:00:00:00:09" };
        container.Result = plugin.Add(config.ToJsonString()).OrThrow().Stdout;

        ExpectAddresses(container, "02:00:00:00:00:80", "10.244.0.80");
    }

    [RequiresRootFact]
    public void A_check_finds_another_hardware_address_than_the_one_asked_for()
    {
        LabContainer container = New();
        const string Wanted = """{"mac":"02:00:00:00:00:81"}""";
        container.Result = Host.Cnitool("add", container, Wanted).OrThrow().Stdout;
        container.Ip("link set eth0 address 02:00:00:00:00:82");

        CmdResult check = Host.Cnitool("check", container, Wanted);

        check.ExitCode.Should().NotBe(0);
        (check.Stdout + check.Stderr).Should().Contain("02:00:00:00:00:82").And.Contain("02:00:00:00:00:81");
    }

    [RequiresRootTheory]
    [InlineData("""{"mac":"01:00:5e:00:00:01"}""", "", 7, "$.runtimeConfig.mac")]
    [InlineData("""{"mac":"00:00:00:00:00:00"}""", "", 7, "$.runtimeConfig.mac")]
    [InlineData("""{"ips":["10.9.9.9"]}""", "", 7, "10.9.9.9")]
    [InlineData("""{"ips":["10.244.0.5","10.244.0.6"]}""", "", 2, "$.runtimeConfig.ips[1]")]
    [InlineData("{}", "MAC=ff:ff:ff:ff:ff:ff", 4, "CNI_ARGS: MAC")]
    [InlineData("{}", "IP=10.244.0", 4, "CNI_ARGS: IP")]
    [InlineData("{}", "K8S_POD_NAME=a", 4, "K8S_POD_NAME=a")]
    public void What_cannot_be_given_is_refused_and_leaves_nothing(string runtimeConfig, string args, int code, string text)
    {
        LabContainer container = New();
        IReadOnlyList<string> before = Leftovers.Of(Host);
        CniProcess plugin = Host.Plugin("twill", container) with { Args = args };

        CniAnswer answer = plugin.Add(single.Conf.ForPlugin().WithRuntimeConfig(runtimeConfig).ToJsonString());

        answer.ErrorCode.Should().Be(code);
        answer.ErrorText.Should().Contain(text);
        Leftovers.Of(Host).Should().BeEquivalentTo(before);
    }

    private LabContainer New() => Host.NewContainer($"asked{Interlocked.Increment(ref s_containers)}");

    private static void ExpectAddresses(LabContainer container, string mac, string ip)
    {
        container.Address.Should().Be(ip);
        JsonNode.Parse(container.Result)!["interfaces"]!.AsArray().Single(i => i!["sandbox"] is not null)!["mac"]!
            .GetValue<string>()
            .Should()
            .Be(mac);
        container.IpJson("link show dev eth0")[0].GetProperty("address").GetString().Should().Be(mac);
        container
            .IpJson("address show dev eth0")[0]
            .GetProperty("addr_info")
            .EnumerateArray()
            .Select(a => a.GetProperty("local").GetString())
            .Should()
            .Contain(ip);
    }
}
