using System.Text;
using System.Text.Json;

namespace Twill.Cni.Tests;

public sealed class CniRequestTests
{
    [Fact]
    public void A_request_has_what_the_runtime_said()
    {
        string config = Calls.Config("1.0.0", """, "extra":{"a":[1, 2]}""");

        CniRequest request = Calls.Request(
            CniVerb.Add,
            config,
            ("CNI_PATH", "/a::/b"),
            ("CNI_ARGS", "IgnoreUnknown=true;K8S_POD_NAME=web=1;;X=")
        );

        request.Verb.Should().Be(CniVerb.Add);
        request.Attachment.Should().Be(new CniAttachment("c1", "eth0"));
        request.NetnsPath.Should().Be("/run/netns/c1");
        request.NetworkName.Should().Be("net");
        request.Version.Should().Be(CniVersion.V1_0_0);
        request.PluginPath.Should().Equal("/a", "/b");
        request.Args["K8S_POD_NAME"].Should().Be("web=1");
        request.Args["X"].Should().BeEmpty();
        request.Args["Y"].Should().BeNull();
        request.Args.IgnoreUnknown.Should().BeTrue();
        request.PrevResult.Should().BeNull();
        Encoding.UTF8.GetString(request.ConfigBytes.Span).Should().Be(config);
    }

    [Fact]
    public void Unknown_arguments_are_refused_only_when_the_runtime_does_not_allow_them()
    {
        CniRequest strict = Calls.Request(CniVerb.Add, Calls.Config("1.0.0"), ("CNI_ARGS", "IP=10.0.0.5;COLOUR=red"));
        CniRequest tolerant = Calls.Request(CniVerb.Add, Calls.Config("1.0.0"), ("CNI_ARGS", "COLOUR=red;IgnoreUnknown=1"));

        strict
            .Invoking(r => r.Args.RefuseUnknown("IP", "MAC"))
            .Should()
            .Throw<CniException>()
            .Where(e => e.Code == CniErrorCode.InvalidEnvironment && e.Details.Contains("COLOUR=red") && e.Details.Contains("IP, MAC"));
        tolerant.Invoking(r => r.Args.RefuseUnknown("IP", "MAC")).Should().NotThrow();
    }

    [Fact]
    public void The_previous_result_is_read_in_its_own_version_or_that_of_the_configuration()
    {
        CniRequest own = Calls.Request(
            CniVerb.Check,
            Calls.Config("1.0.0", """, "prevResult":{"cniVersion":"0.2.0","ip4":{"ip":"10.0.0.2/24"}}""")
        );
        CniRequest assumed = Calls.Request(CniVerb.Check, Calls.Config("1.0.0", """, "prevResult":{"ips":[{"address":"10.0.0.3/24"}]}"""));

        own.PrevResult!.Ips.Should().ContainSingle().Which.Cidr.Should().Be("10.0.0.2/24");
        assumed.PrevResult!.Ips.Should().ContainSingle().Which.Cidr.Should().Be("10.0.0.3/24");
    }

    [Theory]
    [InlineData("5", "$.prevResult: expected an object, got '5'")]
    [InlineData("""{"ips":[null]}""", "$.prevResult.ips[0]: expected a value, got null")]
    [InlineData(
        """{"ips":[{"address":"10.0.0.300/24"}]}""",
        "$.prevResult.ips[0].address: expected an IP address with prefix length like 10.1.0.5/16, got '10.0.0.300/24'"
    )]
    [InlineData(
        """{"ips":[{"address":"10.0.0.3/24","interface":1}],"interfaces":[{"name":"eth0"}]}""",
        "$.prevResult.ips[0].interface: expected an index into the 1 interfaces, got '1'"
    )]
    [InlineData("""{"routes":[null]}""", "$.prevResult.routes[0]: expected a value, got null")]
    [InlineData("""{"routes":{}}""", "$.prevResult.routes: expected a list, got an object")]
    [InlineData("""{"cniVersion":"3.0.0"}""", "$.prevResult.cniVersion: expected one of the versions")]
    public void A_previous_result_that_is_wrong_fails_check_but_never_del(string prevResult, string complaint)
    {
        string config = Calls.Config("1.0.0", $", \"prevResult\":{prevResult}");

        JsonElement error = Calls.Refusal(config, Calls.Environment("CHECK"));
        CniRequest del = Calls.Request(CniVerb.Del, config);

        error.Code().Should().Be(7);
        error.Details().Should().StartWith(complaint);
        del.PrevResultComplaints.Should().ContainSingle().Which.Should().StartWith(complaint);
    }

    [Theory]
    [InlineData(""", "cni.dev/valid-attachments":[]""")]
    [InlineData(""", "cni.dev/valid-attachments":null""")] // how libcni, in Go, writes a list that is empty
    [InlineData(""", "cni.dev/attachments":[]""")]
    public void Gc_with_an_empty_list_keeps_nothing(string more)
    {
        Calls.Request(CniVerb.Gc, Calls.Config("1.1.0", more)).ValidAttachments.Should().BeEmpty();
    }

    [Fact]
    public void Gc_takes_its_list_under_either_name_the_specifications_first()
    {
        const string Other = """, "cni.dev/attachments":[{"containerID":"b","ifname":"eth0"}]""";
        Calls.Request(CniVerb.Gc, Calls.Config("1.1.0", Other)).ValidAttachments.Should().Equal(new CniAttachment("b", "eth0"));
        Calls
            .Request(CniVerb.Gc, Calls.Config("1.1.0", Other + """, "cni.dev/valid-attachments":[]"""))
            .ValidAttachments.Should()
            .BeEmpty();
    }

    [Fact]
    public void Gc_without_its_list_is_refused_because_it_would_free_the_living()
    {
        JsonElement error = Calls.Refusal(Calls.Config("1.1.0", ""), Calls.Environment("GC"));

        error.Code().Should().Be(7);
        error.Details().Should().StartWith("$['cni.dev/valid-attachments']: expected the list of valid attachments");
    }

    [Theory]
    [InlineData("""[{"containerID":"a"}]""", "[0].ifname")]
    [InlineData("""[{"ifname":"eth0"}]""", "[0].containerID")]
    [InlineData("""[null]""", "[0]")]
    [InlineData("""[{"containerID":"a","ifname":"eth0"},5]""", "[1]")]
    [InlineData("""[{"containerID":"../a","ifname":"eth0"}]""", "'../a'")]
    [InlineData("""{}""", "a list")]
    public void Gc_with_an_entry_it_cannot_read_frees_nothing(string list, string expected)
    {
        JsonElement error = Calls.Refusal(Calls.Config("1.1.0", $", \"cni.dev/valid-attachments\":{list}"), Calls.Environment("GC"));

        error.Code().Should().Be(7);
        error.Details().Should().Contain("cni.dev/valid-attachments").And.Contain(expected);
    }

    [Fact]
    public void Gc_has_the_attachments_that_live()
    {
        CniRequest request = Calls.Request(
            CniVerb.Gc,
            Calls.Config(
                "1.1.0",
                """, "cni.dev/valid-attachments":[{"containerID":"a","ifname":"eth0"},{"containerID":"a","ifname":"eth1"}]"""
            )
        );

        request.ValidAttachments.Should().Equal(new CniAttachment("a", "eth0"), new CniAttachment("a", "eth1"));
    }

    [Fact]
    public void Capability_arguments_are_found_however_the_runtime_capitalises_them()
    {
        CniRequest request = Calls.Request(
            CniVerb.Add,
            Calls.Config(
                "1.0.0",
                """, "runtimeConfig":{"PortMappings":[{"HostPort":18080,"ContainerPort":80,"Protocol":"tcp","HostIP":""}]}"""
            )
        );

        ConfigReader mapping = request.RuntimeConfig!["portMappings"].Items()[0];

        mapping["hostPort"].Int(0, 1, 65535).Should().Be(18080);
        mapping["hostIP"].OptionalString().Should().BeNull();
    }
}
