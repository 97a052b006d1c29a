using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Capabilities;
using Twill.EndToEnd.Tests.Ports;
using Twill.Testing;
using static Twill.EndToEnd.Tests.Ports.Server;

namespace Twill.EndToEnd.Tests.IPv6;

/// <summary>The capability portMappings for containers with an address of each family, or of IPv6 alone.</summary>
public sealed class PublishedPortsTests(DualHost dual) : IClassFixture<DualHost>
{
    private LabHost Host => dual.Host;

    private NetnsShell Outside => dual.Lab.Outside;

    [RequiresRootTheory]
    [InlineData("tcp")]
    [InlineData("udp")]
    public void A_port_without_a_host_address_is_published_for_both_families(string protocol)
    {
        LabContainer container = Host.NewContainer($"web{protocol}"),
            neighbour = Host.AddContainer($"near{protocol}");
        string args = $$"""{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"{{protocol}}"}]}""";
        container.Result = Host.Cnitool("add", container, args).OrThrow().Stdout;
        using (Server six = On6(container, protocol, 80, "six"))
        {
            Ask(Outside, protocol, DualHost.Address, 8080).Should().Be($"six {DualHost.GatewayAddress}", "the asker's own address is seen");
            Ask(Host, protocol, DualHost.Address, 8080).Should().StartWith("six ");
            Ask(neighbour, protocol, DualHost.Address, 8080).Should().StartWith("six ");
            Ask(container, protocol, DualHost.Gateway, 8080).Should().StartWith("six ", "of itself");
            Ask(Host, protocol, "::1", 8080).Should().BeEmpty("nothing is published there");
        }

        using (Server four = On(container, protocol, 80, "four"))
        {
            Ask(Outside, protocol, Host.Address, 8080).Should().Be($"four {Lab.GatewayAddress}");
        }

        Host.Cnitool("check", container, args).OrThrow();
        Host.Cnitool("del", container, args).OrThrow();
        Host.Nft("list table inet twill-twill").Should().NotContain("8080");
        Directory.GetFiles(Host.At("/run/twill/twill/ports")).Should().BeEmpty();
    }

    [RequiresRootFact]
    public void The_host_address_decides_the_family()
    {
        LabContainer container = Host.NewContainer("chosen");
        CniProcess plugin = Host.Plugin("twill", container);
        string config = Config(
            $$"""
            [{"hostPort":8081,"containerPort":80,"hostIP":"::"},{"hostPort":8082,"containerPort":80,"hostIP":"0.0.0.0"},
             {"hostPort":8083,"containerPort":80,"hostIP":"{{DualHost.Address}}"}]
            """
        );
        container.Result = plugin.Add(config).OrThrow().Stdout;
        using Server six = On6(container, "tcp", 80, "six");

        Ask(Outside, "tcp", DualHost.Address, 8081).Should().StartWith("six ");
        Ask(Outside, "tcp", DualHost.Address, 8082).Should().BeEmpty();
        Ask(Outside, "tcp", DualHost.Address, 8083).Should().StartWith("six ");
        Ask(Host, "tcp", DualHost.Gateway, 8083).Should().BeEmpty();
        Host.Published().Should().ContainSingle().Which.Should().Contain("8082");
        plugin.Del(config).OrThrow();
        Host.Nft("list table inet twill-twill").Should().NotContain("808");
    }

    [RequiresRootFact]
    public void A_certain_address_of_a_family_that_the_container_does_not_have_is_refused_and_nothing_is_left()
    {
        JsonObject conf = DualHost.Configuration("sixports", "six0", "fd00:66::/64");
        LabContainer container = Host.NewContainer("sixports");
        JsonObject config = conf.ForPlugin()
            .WithRuntimeConfig($$"""{"portMappings":[{"hostPort":8090,"containerPort":80,"hostIP":"{{Host.Address}}"}]}""");

        CniAnswer refused = Host.Plugin("twill", container).Add(config.ToJsonString());

        refused.ErrorCode.Should().Be(7);
        refused.ErrorText.Should().Contain($"host port 8090 cannot be published at {Host.Address}").And.Contain("it has no IPv4 address");
        dual.Taken("sixports").Should().BeEmpty();
        container.HasLink("eth0").Should().BeFalse();

        config.WithRuntimeConfig(
            """{"portMappings":[{"hostPort":8090,"containerPort":80},{"hostPort":8091,"containerPort":80,"hostIP":"0.0.0.0"}]}"""
        );
        Host.Plugin("twill", container).Add(config.ToJsonString()).OrThrow();
        using Server six = On6(container, "tcp", 80, "six");
        Ask(Outside, "tcp", DualHost.Address, 8090).Should().StartWith("six ");
        Ask(Outside, "tcp", DualHost.Address, 8091).Should().BeEmpty("for all IPv4 addresses, of which the container has none");
        Host.Plugin("twill", container).Del(config.ToJsonString()).OrThrow();
    }

    [RequiresRootFact]
    public void A_port_that_another_has_in_one_family_is_refused_in_both()
    {
        LabContainer first = Host.NewContainer("first"),
            second = Host.NewContainer("second");
        Host.Plugin("twill", first).Add(Config("""[{"hostPort":8100,"containerPort":80,"hostIP":"::"}]""")).OrThrow();

        CniAnswer refused = Host.Plugin("twill", second).Add(Config("""[{"hostPort":8100,"containerPort":80}]"""));

        refused.ErrorCode.Should().Be(105);
        refused.ErrorText.Should().Contain("host port [::]:8100/tcp is in use by interface eth0 of container first");
        Host.Published().Should().BeEmpty();
        Host.Plugin("twill", second).Add(Config("""[{"hostPort":8100,"containerPort":80,"hostIP":"0.0.0.0"}]""")).OrThrow();
        Host.Plugin("twill", second).Del(dual.Config).OrThrow();
        Host.Plugin("twill", first).Del(dual.Config).OrThrow();
    }

    [RequiresRootFact]
    public void Ports_of_both_families_are_published_again_by_the_next_add_when_somebody_flushed_the_rules()
    {
        LabContainer first = Host.NewContainer("flushed"),
            next = Host.NewContainer("next");
        Host.Plugin("twill", first).Add(Config("""[{"hostPort":8110,"containerPort":80}]""")).OrThrow();
        using Server six = On6(first, "tcp", 80, "six");
        Host.Nft("flush ruleset");
        Ask(Outside, "tcp", DualHost.Address, 8110).Should().BeEmpty();

        Host.Plugin("twill", next).Add(dual.Config).OrThrow();

        Ask(Outside, "tcp", DualHost.Address, 8110).Should().StartWith("six ");
        Host.Plugin("twill", next).Del(dual.Config).OrThrow();
        Host.Plugin("twill", first).Del(dual.Config).OrThrow();
    }

    private string Config(string ports) => dual.Conf.ForPlugin().WithRuntimeConfig($$"""{"portMappings":{{ports}}}""").ToJsonString();
}
