using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Capabilities;
using Twill.Testing;
using static Twill.EndToEnd.Tests.Ports.Server;

namespace Twill.EndToEnd.Tests.Ports;

/// <summary>Somebody flushes the kernel's rules, and the published ports with them.</summary>
public sealed class FlushedPortsTests
{
    private const string Records = "/run/twill/twill/ports";

    [RequiresRootFact]
    public void The_agent_puts_back_rules_and_published_ports_that_somebody_flushed()
    {
        using Cluster cluster = Cluster.Start(1);
        LabHost host = cluster.Hosts[0];
        LabContainer container = host.NewContainer("web");
        host.Cnitool(
                "add",
                container,
                """{"portMappings":[{"hostPort":8080,"containerPort":80},{"hostPort":8081,"containerPort":80,"hostIP":"127.0.0.1"}]}"""
            )
            .OrThrow();
        using Server server = On(container, "tcp", 80, "web");
        string before = host.Nft("list table inet twill-twill");

        string[] damages =
        [
            "flush ruleset",
            "delete table inet twill-twill",
            "flush map inet twill-twill ports",
            "flush map inet twill-twill published",
            "flush set inet twill-twill translated",
            "flush chain inet twill-twill prerouting",
            "flush chain inet twill-twill output",
            "flush chain inet twill-twill postrouting",
        ];
        foreach (string damage in damages)
        {
            host.Sh("echo 0 >/proc/sys/net/ipv4/conf/twill0/route_localnet");
            host.Nft(damage);
            Eventually.Pass(() => host.Nft("list table inet twill-twill").Should().Be(before, $"of '{damage}'"));
            Eventually.Pass(() => RouteLocalnet(host).Should().Be("1"));
            Ask(cluster.Lab.Outside, "tcp", host.Address, 8080).Should().StartWith("web ");
            Ask(host, "tcp", "127.0.0.1", 8081).Should().StartWith("web ");
        }

        host.Agent!.Log.Should().Contain("8080/tcp").And.Contain("published again");
        host.Cnitool("del", container, "{}").OrThrow();
        host.Nft("list map inet twill-twill ports").Should().NotContain("elements");
        RouteLocalnet(host).Should().Be("0");
        host.Sh("echo 1 >/proc/sys/net/ipv4/conf/twill0/route_localnet");
        host.Nft("add table inet twill-twill { flags dormant; }");
        Eventually.Pass(() => host.Nft("list table inet twill-twill").Should().NotContain("dormant"));
        Eventually.Pass(() => RouteLocalnet(host).Should().Be("0", "the agent turns off what nothing needs"));
    }

    [RequiresRootTheory]
    [InlineData("flush ruleset")]
    [InlineData("flush table inet twill-twill")]
    public void Without_an_agent_the_next_add_of_any_container_publishes_again(string damage)
    {
        using SingleHost single = new();
        LabContainer web = Add(single, "web", """{"portMappings":[{"hostPort":8080,"containerPort":80}]}""");
        LabContainer gone = Add(single, "gone", """{"portMappings":[{"hostPort":8081,"containerPort":80}]}""");
        LabContainer deleted = Add(single, "deleted", """{"portMappings":[{"hostPort":8082,"containerPort":80}]}""");
        using Server server = On(web, "tcp", 80, "web");
        gone.Vanish();

        single.Host.Nft(damage);
        single.Host.Plugin("twill", deleted).Del(single.Config).OrThrow();
        Ask(single.Lab.Outside, "tcp", single.Host.Address, 8080).Should().BeEmpty("the rules are gone");
        Add(single, "next", "{}");

        Ask(single.Lab.Outside, "tcp", single.Host.Address, 8080).Should().StartWith("web ");
        single.Host.Plugin("twill", web).Check(single.Conf.ForPlugin(web.Result).ToJsonString()).OrThrow();
        single.Host.Nft("list map inet twill-twill ports").Should().NotContain("8082", "that container was deleted");
        if (damage == "flush ruleset")
        {
            single.Host.Nft("list map inet twill-twill ports").Should().NotContain("8081", "that container is gone");
        }
    }

    [RequiresRootFact]
    public void A_record_goes_with_its_container_and_none_is_made_for_a_container_without_ports()
    {
        using SingleHost single = new();
        LabContainer web = Add(single, "web", """{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"udp"}]}""");
        LabContainer plain = Add(single, "plain", "{}");
        RecordsOn(single).Should().Equal(web.HostEnd());
        File.ReadAllText(single.Host.At($"{Records}/{web.HostEnd()}"))
            .Should()
            .Be($"container: web\ninterface: eth0\nudp 0.0.0.0 8080 {web.Address} 80\nend\n");

        single.Host.Plugin("twill", plain).Del(single.Config).OrThrow();
        RecordsOn(single).Should().Equal(web.HostEnd());
        single.Host.Plugin("twill", web).Del(single.Config).OrThrow();
        RecordsOn(single).Should().BeEmpty();
    }

    [RequiresRootFact]
    public void An_add_that_is_refused_a_port_leaves_no_record()
    {
        using SingleHost single = new();
        LabContainer web = Add(single, "web", """{"portMappings":[{"hostPort":8080,"containerPort":80}]}""");
        LabContainer second = single.Host.NewContainer("second");

        string config = single
            .Conf.ForPlugin()
            .WithRuntimeConfig("""{"portMappings":[{"hostPort":8080,"containerPort":80}]}""")
            .ToJsonString();
        single.Host.Plugin("twill", second).Add(config).ErrorCode.Should().Be(105);

        RecordsOn(single).Should().Equal(web.HostEnd());
    }

    [RequiresRootFact]
    public void Half_written_records_are_passed_over_and_removed_by_gc()
    {
        using SingleHost single = new();
        LabContainer web = Add(single, "web", """{"portMappings":[{"hostPort":8080,"containerPort":80}]}""");
        LabContainer torn = Add(single, "torn", """{"portMappings":[{"hostPort":8081,"containerPort":80}]}""");
        string record = $"{Records}/{torn.HostEnd()}";
        single.Host.Write(record, File.ReadAllText(single.Host.At(record))[..^3]);
        single.Host.Write($"{Records}/tw0000000000000.new", "container: k");
        single.Host.Write($"{Records}/tw0000000000001", "");

        single.Host.Nft("flush ruleset");
        Add(single, "next", "{}");

        single.Host.Nft("list map inet twill-twill ports").Should().Contain("8080").And.NotContain("8081");
        JsonObject config = single.Conf.ForPlugin();
        config["cniVersion"] = "1.1.0";
        config["cni.dev/valid-attachments"] = new JsonArray(new JsonObject { ["containerID"] = "web", ["ifname"] = "eth0" });
        single.Host.Plugin("twill").Run("GC", config.ToJsonString()).OrThrow();
        RecordsOn(single).Should().Equal(web.HostEnd());
    }

    [RequiresRootFact]
    public void After_a_flush_del_still_forgets_who_has_been_sending_to_the_port()
    {
        using SingleHost single = new();
        LabContainer dns = Add(single, "dns", """{"portMappings":[{"hostPort":8053,"containerPort":53,"protocol":"udp"}]}""");
        using (On(dns, "udp", 53, "dns"))
        {
            Ask(single.Lab.Outside, "udp", single.Host.Address, 8053).Should().StartWith("dns ");
        }

        single.Host.Run("conntrack", "-L", "-p", "udp").Stdout.Should().Contain("8053");
        single.Host.Nft("flush ruleset");
        single.Host.Plugin("twill", dns).Del(single.Config).OrThrow();

        single.Host.Run("conntrack", "-L", "-p", "udp").Stdout.Should().NotContain("8053");
    }

    private static LabContainer Add(SingleHost single, string name, string runtimeConfig)
    {
        LabContainer container = single.Host.NewContainer(name);
        container.Result = single
            .Host.Plugin("twill", container)
            .Add(single.Conf.ForPlugin().WithRuntimeConfig(runtimeConfig).ToJsonString())
            .OrThrow()
            .Stdout;
        return container;
    }

    private static string RouteLocalnet(LabHost host) => host.Sh("cat /proc/sys/net/ipv4/conf/twill0/route_localnet").Trim();

    private static string[] RecordsOn(SingleHost single) =>
        [.. Directory.GetFiles(single.Host.At(Records)).Select(f => Path.GetFileName(f))];
}
