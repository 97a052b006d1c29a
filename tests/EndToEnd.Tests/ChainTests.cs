using System.Text.Json;
using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Capabilities;
using Twill.EndToEnd.Tests.Ports;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>Chains of twill and the reference plugins of Debian's containernetworking-plugins, through cnitool: ADD, CHECK and DEL of the
/// whole chain.</summary>
public sealed class ChainTests : IDisposable
{
    private const string Port = """{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}""";

    private readonly SingleHost _single = new();

    private LabHost Host => _single.Host;

    [RequiresRootTheory]
    [InlineData("0.4.0")]
    [InlineData("1.0.0")]
    public void Before_portmap_whose_ports_lead_to_the_container(string version)
    {
        Chain(version, """{"type":"portmap","capabilities":{"portMappings":true},"snat":true}""");
        LabContainer container = Add(Port),
            neighbour = Add("{}");
        using (Server server = Server.On(container, "tcp", 80, "web"))
        {
            Server.Ask(_single.Lab.Outside, "tcp", Host.Address, 8080).Should().StartWith("web ");
            Server.Ask(Host, "tcp", Host.Address, 8080).Should().StartWith("web ");
            Server.Ask(neighbour, "tcp", Host.Address, 8080).Should().StartWith("web ");
        }

        Host.Run("nft", "list", "map", "inet", "twill-twill", "ports").Stdout.Should().NotContain("8080", "that is portmap's here");
        CheckReachesPortmap(container, Port);
        Del(Port, container, neighbour);
        Host.Sh("iptables -t nat -S").Should().NotContain(container.Address);
    }

    [RequiresRootTheory]
    [InlineData("0.4.0")]
    [InlineData("1.0.0")]
    public void Before_tuning_whose_changes_are_no_damage(string version)
    {
        const string Tuning =
            """{"type":"tuning","sysctl":{"net.core.somaxconn":"500"},"mac":"c2:11:22:33:44:66","mtu":1400,"promisc":true}""";
        JsonObject conf = Chain(version, Tuning);
        LabContainer kept = Add("{}");
        kept.CanPing(Lab.OutsideAddress).Should().BeFalse("twill knows another hardware address, and lets it send as that only");
        CmdResult told = Host.Cnitool("check", kept, "{}");
        told.ExitCode.Should().NotBe(0);
        told.Stderr.Should().Contain("antiSpoof");
        Del("{}", kept);

        conf.Plugin()["antiSpoof"] = false;
        Host.Configure(conf);
        LabContainer container = Add("{}");

        JsonElement link = container.IpJson("link show dev eth0")[0];
        link.GetProperty("address").GetString().Should().Be("c2:11:22:33:44:66");
        link.GetProperty("mtu").GetInt32().Should().Be(1400);
        container.CanPing(Lab.OutsideAddress).Should().BeTrue();
        Host.Cnitool("check", container, "{}").OrThrow();
        container.Ip("link set eth0 address c2:11:22:33:44:77");
        Host.Cnitool("check", container, "{}").ExitCode.Should().NotBe(0);
        Del("{}", container);
    }

    [RequiresRootTheory]
    [InlineData("0.4.0")]
    [InlineData("1.0.0")]
    public void Before_firewall_whose_rules_let_the_containers_through(string version)
    {
        Chain(version, """{"type":"firewall","backend":"iptables"}""");
        Host.Sh("iptables -P FORWARD DROP");
        LabContainer container = Add("{}"),
            neighbour = Add("{}");

        container.CanPing(Lab.OutsideAddress).Should().BeTrue();
        container.CanPing(neighbour.Address).Should().BeTrue();
        Host.Cnitool("check", container, "{}").OrThrow();
        Del("{}", container, neighbour);
        Host.Sh("iptables -S").Should().NotContain(container.Address);
    }

    [RequiresRootFact]
    public void Before_all_of_them_at_once()
    {
        const string Limits =
            """{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}],"bandwidth":{"ingressRate":20000000,"ingressBurst":1000000,"egressRate":20000000,"egressBurst":1000000}}""";
        Chain(
            "1.0.0",
            """{"type":"tuning","sysctl":{"net.core.somaxconn":"500"}}""",
            """{"type":"bandwidth","capabilities":{"bandwidth":true}}""",
            """{"type":"firewall"}""",
            """{"type":"portmap","capabilities":{"portMappings":true}}"""
        );
        LabContainer container = Add(Limits);
        using (Server server = Server.On(container, "tcp", 80, "web"))
        {
            Server.Ask(_single.Lab.Outside, "tcp", Host.Address, 8080).Should().StartWith("web ");
        }

        Host.Qdiscs(container.HostEnd()).Should().Contain("tbf");
        container.Sh("cat /proc/sys/net/core/somaxconn").Trim().Should().Be("500");
        CheckReachesPortmap(container, Limits);
        Del(Limits, container);
    }

    [RequiresRootTheory]
    [InlineData("0.3.1")]
    [InlineData("0.4.0")]
    [InlineData("1.0.0")]
    public void Behind_loopback_whose_result_is_passed_on_and_is_none_of_its_checks_business(string version)
    {
        JsonObject conf = Chain(version);
        conf["plugins"]!.AsArray().Insert(0, new JsonObject { ["type"] = "loopback" });
        conf["plugins"]![1]!["capabilities"]!["portMappings"] = true;
        Host.Configure(conf);
        LabContainer container = Host.NewContainer("behind");
        CmdResult add = Host.Cnitool("add", container, Port).OrThrow();

        JsonObject result = JsonNode.Parse(add.Stdout)!.AsObject();
        result["interfaces"]!.AsArray().Select(i => (string)i!["name"]!).Should().StartWith("lo").And.EndWith("eth0").And.HaveCount(4);
        JsonNode own = result["ips"]!.AsArray().Single(ip => ((string)ip!["address"]!).StartsWith("10.244.", StringComparison.Ordinal))!;
        ((string)result["interfaces"]![(int)own["interface"]!]!["name"]!).Should().Be("eth0");
        result["ips"]!.AsArray().Should().Contain(ip => (string)ip!["address"]! == "127.0.0.1/8");
        if (version != "0.3.1")
        {
            Host.Cnitool("check", container, Port).OrThrow();
            container.Ip("address flush dev eth0");
            Host.Cnitool("check", container, Port).ExitCode.Should().NotBe(0);
        }

        Del(Port, container);
    }

    public void Dispose() => _single.Dispose();

    /// <summary>
    /// The CHECK of Debian 12's portmap misses rules for IPv6 that it did not make, where there is an ip6tables: of a chain that ends with
    /// it a CHECK passes everything before, and then fails for that.
    /// </summary>
    private void CheckReachesPortmap(LabContainer container, string capArgs)
    {
        CmdResult check = Host.Cnitool("check", container, capArgs);
        if (check.ExitCode != 0)
        {
            check.Stderr.Should().Contain("could not check ipv6 dnat");
        }
    }

    /// <summary>twill, less what the plugins behind it are asked for, and these.</summary>
    private JsonObject Chain(string version, params string[] behind)
    {
        JsonObject conf = SampleConf.Single();
        conf["cniVersion"] = version;
        foreach (JsonObject plugin in behind.Select(b => JsonNode.Parse(b)!.AsObject()))
        {
            foreach ((string capability, _) in plugin["capabilities"]?.AsObject() ?? [])
            {
                conf.Plugin()["capabilities"]!.AsObject().Remove(capability);
            }

            conf["plugins"]!.AsArray().Add(plugin);
        }

        Host.Configure(conf);
        return conf;
    }

    private LabContainer Add(string capArgs)
    {
        LabContainer container = Host.NewContainer($"chained{Guid.NewGuid():n}"[..12]);
        container.Result = Host.Cnitool("add", container, capArgs).OrThrow().Stdout;
        return container;
    }

    private void Del(string capArgs, params LabContainer[] containers)
    {
        foreach (LabContainer container in containers)
        {
            Host.Cnitool("del", container, capArgs).OrThrow();
        }

        Leftovers.Of(Host).Should().BeEmpty();
    }
}
