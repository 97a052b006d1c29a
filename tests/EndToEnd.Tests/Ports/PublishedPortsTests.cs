using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Capabilities;
using Twill.EndToEnd.Tests.Cli;
using Twill.Testing;
using static Twill.EndToEnd.Tests.Ports.Server;

namespace Twill.EndToEnd.Tests.Ports;

/// <summary>The capability portMappings through the published plugin: as cnitool sends it, and with everything left out that a DEL may
/// lack.</summary>
public sealed class PublishedPortsTests(SingleHost single) : IClassFixture<SingleHost>
{
    private LabHost Host => single.Host;

    private NetnsShell Outside => single.Lab.Outside;

    [RequiresRootTheory]
    [InlineData("tcp")]
    [InlineData("udp")]
    public void A_port_that_cnitool_asks_for_is_reached_from_everywhere_until_the_container_is_gone(string protocol)
    {
        LabContainer container = Host.NewContainer($"web{protocol}"),
            neighbour = Host.AddContainer($"near{protocol}");
        string args =
            $$"""{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"{{protocol}}"},{"hostPort":8081,"containerPort":80,"protocol":"{{protocol}}","hostIP":"{{Host.Address}}"}]}""";
        container.Result = Host.Cnitool("add", container, args).OrThrow().Stdout;
        using Server server = On(container, protocol, 80, "web");

        Ask(Outside, protocol, Host.Address, 8080).Should().Be($"web {Lab.GatewayAddress}");
        Ask(Outside, protocol, Host.Address, 8081).Should().Be($"web {Lab.GatewayAddress}");
        Ask(Host, protocol, Host.Address, 8080).Should().StartWith("web ");
        Ask(Host, protocol, "127.0.0.1", 8080).Should().StartWith("web ");
        Ask(Host, protocol, "127.0.0.1", 8081).Should().BeEmpty("published at another address");
        Ask(neighbour, protocol, Host.Address, 8080).Should().StartWith("web ");
        Ask(container, protocol, Host.Address, 8081).Should().StartWith("web ");
        Host.Cnitool("check", container, args).OrThrow();

        Host.Cnitool("del", container, args).OrThrow();
        Host.Cnitool("del", "twill", container).OrThrow();
        Published().Should().BeEmpty();
    }

    [RequiresRootFact]
    public void The_bridge_routes_127_0_0_1_only_while_a_port_needs_it()
    {
        LabContainer[] containers = [.. new[] { "elsewhere", "local1", "local2", "killed" }.Select(Host.NewContainer)];
        Host.Plugin("twill", containers[0])
            .Add(Config($$"""[{"hostPort":8160,"containerPort":80,"hostIP":"{{Host.Address}}"}]"""))
            .OrThrow();
        RouteLocalnet().Should().Be("0", "that port is asked for at another address");

        Host.Plugin("twill", containers[1])
            .Add(Config("""[{"hostPort":8160,"containerPort":80,"hostIP":"127.0.0.1"},{"hostPort":8161,"containerPort":80}]"""))
            .OrThrow();
        Host.Plugin("twill", containers[2]).Add(Config("""[{"hostPort":8162,"containerPort":80}]""")).OrThrow();
        Host.Plugin("twill", containers[3]).Add(Config("""[{"hostPort":8163,"containerPort":80}]""")).OrThrow();
        Host.Plugin("twill", containers[1]).Del(single.Config).OrThrow();
        Host.Plugin("twill", containers[2]).Del(single.Config).OrThrow();
        RouteLocalnet().Should().Be("1", "one is left that needs it");

        JsonObject config = single.Conf.ForPlugin();
        config["cniVersion"] = "1.1.0";
        config["cni.dev/valid-attachments"] = new JsonArray(new JsonObject { ["containerID"] = "elsewhere", ["ifname"] = "eth0" });
        (Host.Plugin("twill") with { ContainerId = "" }).Run("GC", config.ToJsonString()).OrThrow();
        RouteLocalnet().Should().Be("0");
        Host.Sh("echo 1 >/proc/sys/net/ipv4/conf/twill0/route_localnet");
        Host.Complaints().Select(complaint => complaint.Text).Should().Contain(text => text.Contains("twill0.route_localnet is 1"));
        Host.Plugin("twill", containers[0]).Del(single.Config).OrThrow();
        RouteLocalnet().Should().Be("0");

        string RouteLocalnet() => Host.Sh("cat /proc/sys/net/ipv4/conf/twill0/route_localnet").Trim();
    }

    [RequiresRootFact]
    public void Where_parameters_of_the_kernel_cannot_be_written_ports_are_published_as_long_as_they_are_right()
    {
        using SingleHost other = new();
        const string Port = """{"portMappings":[{"hostPort":8170,"containerPort":80}]}""";
        string config = other.Conf.ForPlugin().WithRuntimeConfig(Port).ToJsonString(),
            next = config.Replace("8170", "8171", StringComparison.Ordinal);
        LabContainer first = other.Host.NewContainer("first"),
            second = other.Host.NewContainer("second");
        other.Host.Plugin("twill", first).Add(config).OrThrow();
        other.Host.Sh("mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys");

        other.Host.Plugin("twill", second).Add(next).OrThrow();

        using (On(second, "tcp", 80, "web"))
        {
            Ask(other.Host, "tcp", "127.0.0.1", 8171).Should().StartWith("web ");
        }

        other.Host.Plugin("twill", second).Del(next).OrThrow();
        other.Host.Plugin("twill", first).Del(config).OrThrow();
        other.Host.Published("twill").Should().BeEmpty();
    }

    [RequiresRootFact]
    public void Del_needs_neither_the_ports_nor_a_result_nor_the_namespace()
    {
        LabContainer container = Host.NewContainer("bare"),
            other = Host.NewContainer("other");
        Host.Plugin("twill", container)
            .Add(Config("""[{"hostPort":8090,"containerPort":80},{"hostPort":8090,"containerPort":80,"protocol":"UDP"}]"""))
            .OrThrow();
        Host.Plugin("twill", other).Add(Config("""[{"HostPort":8091,"ContainerPort":80,"Protocol":"TCP","HostIP":""}]""")).OrThrow();
        Published().Should().HaveCount(3);

        container.Remove();
        for (int i = 0; i < 2; i++)
        {
            (Host.Plugin("twill", container) with { Netns = "" }).Del(single.Config).OrThrow();
        }

        Published().Should().ContainSingle().Which.Should().Contain("8091");
        Host.Plugin("twill", other).Del(single.Config).OrThrow();
        Published().Should().BeEmpty();
    }

    [RequiresRootFact]
    public void A_port_of_another_container_is_refused_and_nothing_of_the_add_is_left()
    {
        LabContainer first = Host.NewContainer("first"),
            second = Host.NewContainer("second");
        Host.Plugin("twill", first).Add(Config("""[{"hostPort":8100,"containerPort":80}]""")).OrThrow();
        IReadOnlyList<string> before = [.. Leftovers.Of(Host), .. Published()];

        string wanted = Config("""[{"hostPort":8101,"containerPort":80},{"hostPort":8100,"containerPort":80,"hostIP":"127.0.0.1"}]""");
        CniAnswer refused = Host.Plugin("twill", second).Add(wanted);

        refused.ExitCode.Should().Be(1);
        refused.ErrorCode.Should().Be(105);
        refused.ErrorText.Should().Contain("127.0.0.1:8100/tcp").And.Contain("interface eth0 of container first");
        Host.Plugin("twill", second).Del(wanted).OrThrow();
        new[] { Leftovers.Of(Host), Published() }.SelectMany(l => l).Should().BeEquivalentTo(before);
        second.HasLink("eth0").Should().BeFalse();

        using Server server = On(first, "tcp", 80, "first");
        Ask(Outside, "tcp", Host.Address, 8100).Should().StartWith("first ", "the other's DEL took nothing from it");
        Host.Plugin("twill", first).Del(single.Config).OrThrow();
        Host.Plugin("twill", second).Add(wanted).OrThrow();
        Host.Plugin("twill", second).Del(single.Config).OrThrow();
    }

    [RequiresRootFact]
    public void A_port_of_another_network_is_refused_by_its_name()
    {
        LabContainer first = Host.NewContainer("here"),
            second = Host.NewContainer("there");
        Host.Plugin("twill", first).Add(Config("""[{"hostPort":8110,"containerPort":80}]""")).OrThrow();
        JsonObject other = JsonNode.Parse(Config("""[{"hostPort":8110,"containerPort":81}]"""))!.AsObject();
        other["name"] = "second";
        other["bridge"] = "twill1";
        other["ipam"]!["subnet"] = "10.245.0.0/24";

        Host.Plugin("twill", second)
            .Add(other.ToJsonString())
            .ErrorText.Should()
            .Contain("8110/tcp")
            .And.Contain("container here, network twill");

        Host.Plugin("twill", first).Del(single.Config).OrThrow();
        Host.Plugin("twill", second).Add(other.ToJsonString()).OrThrow();
        Host.Plugin("twill", second).Del(other.ToJsonString()).OrThrow();
        Published("second").Should().BeEmpty();
    }

    [RequiresRootFact]
    public void What_makes_no_sense_is_refused_before_anything_is_made()
    {
        LabContainer container = Host.NewContainer("senseless");
        IReadOnlyList<string> before = Leftovers.Of(Host);

        CniAnswer answer = Host.Plugin("twill", container).Add(Config("""[{"hostPort":0,"containerPort":80}]"""));

        answer.ErrorCode.Should().Be(7);
        answer.ErrorText.Should().Contain("$.runtimeConfig.portMappings[0].hostPort").And.Contain("'0'");
        Leftovers.Of(Host).Should().BeEquivalentTo(before);
    }

    [RequiresRootFact]
    public void Check_names_a_port_that_somebody_took_away()
    {
        LabContainer container = Host.NewContainer("checked");
        string ports = """[{"hostPort":8120,"containerPort":80}]""";
        CniProcess plugin = Host.Plugin("twill", container);
        string result = plugin.Add(Config(ports)).OrThrow().Stdout;
        string withPorts = Config(ports, result),
            without = single.Conf.ForPlugin(result).ToJsonString();
        plugin.Check(withPorts).OrThrow();
        plugin.Check(without).OrThrow();

        Host.Nft("delete element inet twill-twill ports { tcp . 8120 }");

        plugin.Check(withPorts).ErrorText.Should().Contain("does not lead host port 8120/tcp");
        plugin.Check(without).ErrorText.Should().Contain("does not lead host port 8120/tcp", "the runtime need not repeat the ports");
        plugin.Del(without).OrThrow();
        Published().Should().BeEmpty();
    }

    [RequiresRootFact]
    public void Gc_frees_the_ports_of_attachments_that_are_not_listed()
    {
        LabContainer lives = Host.NewContainer("lives"),
            gone = Host.NewContainer("gone");
        Host.Plugin("twill", lives).Add(Config("""[{"hostPort":8130,"containerPort":80}]""")).OrThrow();
        Host.Plugin("twill", gone).Add(Config("""[{"hostPort":8131,"containerPort":80},{"hostPort":8132,"containerPort":80}]""")).OrThrow();
        gone.Remove();
        JsonObject config = single.Conf.ForPlugin();
        config["cniVersion"] = "1.1.0";
        config["cni.dev/valid-attachments"] = new JsonArray(new JsonObject { ["containerID"] = "lives", ["ifname"] = "eth0" });

        (Host.Plugin("twill") with { ContainerId = "" }).Run("GC", config.ToJsonString()).OrThrow();

        Published().Should().ContainSingle().Which.Should().Contain("8130");
        Host.Plugin("twill", lives).Del(single.Config).OrThrow();
    }

    [RequiresRootFact]
    public void Ports_stay_when_an_add_with_another_configuration_makes_the_table_anew()
    {
        LabContainer first = Host.NewContainer("stays"),
            second = Host.NewContainer("changes");
        Host.Plugin("twill", first).Add(Config("""[{"hostPort":8140,"containerPort":80}]""")).OrThrow();
        using Server server = On(first, "tcp", 80, "stays");
        JsonObject changed = single.Conf.ForPlugin();
        changed["nonMasqueradeCIDRs"] = new JsonArray("192.0.2.0/24");

        Host.Plugin("twill", second).Add(changed.ToJsonString()).OrThrow();

        Host.Nft("list set inet twill-twill exempt").Should().Contain("192.0.2.0/24");
        Ask(Outside, "tcp", Host.Address, 8140).Should().StartWith("stays ");
        Host.Plugin("twill", second).Del(single.Config).OrThrow();
        Host.Plugin("twill", first).Del(single.Config).OrThrow();
        Published().Should().BeEmpty();
    }

    [RequiresRootFact]
    public void A_udp_client_that_never_stops_follows_the_port_from_container_to_container()
    {
        const int Client = 41000;
        LabContainer first = Host.NewContainer("dns1"),
            second = Host.NewContainer("dns2");
        string ports = Config("""[{"hostPort":8153,"containerPort":53,"protocol":"udp"}]""");
        Ask(Outside, "udp", Host.Address, 8153, Client).Should().BeEmpty("nobody is there");
        Host.Plugin("twill", first).Add(ports).OrThrow();
        using (On(first, "udp", 53, "first"))
        {
            Ask(Outside, "udp", Host.Address, 8153, Client).Should().StartWith("first ");
        }

        Host.Plugin("twill", first).Del(single.Config).OrThrow();
        Host.Run("conntrack", "-L", "-p", "udp").Stdout.Should().NotContain("8153");

        Host.Plugin("twill", second).Add(ports).OrThrow();
        using (On(second, "udp", 53, "second"))
        {
            Ask(Outside, "udp", Host.Address, 8153, Client).Should().StartWith("second ");
        }

        Host.Plugin("twill", second).Del(single.Config).OrThrow();
    }

    [RequiresRootFact]
    public void Containers_that_come_and_go_at_once_with_ports_get_them_all_and_leave_none()
    {
        LabContainer[] containers = [.. Enumerable.Range(0, 16).Select(i => Host.NewContainer($"storm{i}"))];
        Parallel.For(0, containers.Length, i =>
            Host.Plugin("twill", containers[i]).Add(Config($$"""[{"hostPort":{{8200 + i}},"containerPort":80}]""")).OrThrow()
        );
        Published().Should().HaveCount(16);
        Parallel.ForEach(containers, container => Host.Plugin("twill", container).Del(single.Config).OrThrow());
        Published().Should().BeEmpty();
        Host.Nft("list set inet twill-twill translated").Should().NotContain("elements");
    }

    /// <summary>What a runtime sends with these ports.</summary>
    private string Config(string ports, string? result = null)
    {
        JsonObject config = result is null ? single.Conf.ForPlugin() : single.Conf.ForPlugin(result);
        return config.WithRuntimeConfig($$"""{"portMappings":{{ports}}}""").ToJsonString();
    }

    private IReadOnlyList<string> Published(string network = "twill") => Host.Published(network);
}
