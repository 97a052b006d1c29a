using System.Text.Json;
using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Capabilities;
using Twill.EndToEnd.Tests.Cli;
using Twill.EndToEnd.Tests.Ports;
using Twill.Testing;
using static Twill.EndToEnd.Tests.Ports.Server;

namespace Twill.EndToEnd.Tests.Growth;

/// <summary>A container for which the bridge has no port can what one on the bridge can.</summary>
public sealed class BeyondTheBridgeTests(FullBridge full) : IClassFixture<FullBridge>
{
    private static int s_containers;

    private LabHost Host => full.Host;

    [RequiresRootFact]
    public void It_reaches_everybody_and_everybody_reaches_it()
    {
        LabContainer a = New(),
            b = New();
        full.IsRouted(a).Should().BeTrue();
        full.IsRouted(full.OnBridge).Should().BeFalse();

        string gateway = a.IpJson("route show default")[0].GetProperty("gateway").GetString()!;
        (NetnsShell From, string To)[] ways =
        [
            (a, full.OnBridge.Address),
            (full.OnBridge, a.Address),
            (a, b.Address),
            (b, a.Address),
            (a, gateway),
            (Host, a.Address),
            (a, Host.Address),
            (a, Lab.OutsideAddress),
        ];
        foreach ((NetnsShell from, string to) in ways)
        {
            from.CanPing(to).Should().BeTrue($"{Name(from)} reaches {to}");
        }

        Host.Cnitool("check", "twill", a).OrThrow();
    }

    [RequiresRootFact]
    public void Inside_it_looks_like_one_on_the_bridge()
    {
        LabContainer container = New();

        Inside(container).Should().Be(Inside(full.OnBridge));
        JsonObject made = JsonNode.Parse(container.Result)!.AsObject(),
            there = JsonNode.Parse(full.OnBridge.Result)!.AsObject();
        made["interfaces"]![0]!.ToJsonString().Should().Be(there["interfaces"]![0]!.ToJsonString());
        made["routes"]!.ToJsonString().Should().Be(there["routes"]!.ToJsonString());
    }

    [RequiresRootTheory]
    [InlineData("tcp")]
    [InlineData("udp")]
    public void Its_published_ports_are_reached_from_everywhere(string protocol)
    {
        int port = protocol == "tcp" ? 8080 : 8090;
        string args = $$"""{"portMappings":[{"hostPort":{{port}},"containerPort":80,"protocol":"{{protocol}}"}]}""";
        LabContainer container = full.AddRouted($"web{protocol}", args),
            neighbour = New();
        using Server server = On(container, protocol, 80, "web");

        Ask(full.Lab.Outside, protocol, Host.Address, port).Should().Be($"web {Lab.GatewayAddress}", "the asker's own address is seen");
        Ask(Host, protocol, Host.Address, port).Should().StartWith("web ");
        Ask(Host, protocol, "127.0.0.1", port).Should().StartWith("web ");
        Ask(full.OnBridge, protocol, Host.Address, port).Should().StartWith("web ");
        Ask(neighbour, protocol, Host.Address, port).Should().StartWith("web ");
        Ask(container, protocol, Host.Address, port).Should().StartWith("web ", "of itself");
        Host.Cnitool("check", container, args).OrThrow();
        Host.Cnitool("del", container, args).OrThrow();
    }

    [RequiresRootFact]
    public void What_listens_on_the_hosts_loopback_stays_out_of_its_reach()
    {
        LabContainer container = full.AddRouted("prying", """{"portMappings":[{"hostPort":8095,"containerPort":80}]}""");
        using Server server = On(Host, "tcp", 7000, "host");
        Ask(Host, "tcp", "127.0.0.1", 7000).Should().StartWith("host ");

        container.Sh(
            "echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet; ip route add 127.0.0.1 via 10.244.0.1 table 99; "
                + "ip rule add pref 5 to 127.0.0.1 table 99; ip rule add pref 9 table local; ip rule del pref 0"
        );
        Ask(container, "tcp", "127.0.0.1", 7000).Should().BeEmpty();

        Host.Sh("nft list chain inet twill-twill loopback >/run/chain; nft flush chain inet twill-twill loopback");
        Ask(container, "tcp", "127.0.0.1", 7000).Should().StartWith("host ", "nothing but that chain is in the way");
        Host.Sh("nft -f /run/chain");
        Host.Cnitool("del", "twill", container).OrThrow();
    }

    [RequiresRootFact]
    public void Its_limits_hold()
    {
        const string Limits =
            """{"bandwidth":{"ingressRate":20000000,"ingressBurst":1000000,"egressRate":20000000,"egressBurst":1000000}}""";
        LabContainer container = full.AddRouted("limited", Limits);

        Throughput.ShouldBeLimitedTo(20, full.OnBridge, container, container.Address);
        Throughput.ShouldBeLimitedTo(20, container, full.OnBridge, full.OnBridge.Address);
        Host.Cnitool("check", container, Limits).OrThrow();
        Host.Cnitool("del", container, Limits).OrThrow();
        Host.HasLink(container.Ifb()).Should().BeFalse();
    }

    [RequiresRootTheory]
    [InlineData("ip address flush dev $END", "lacks the address")]
    [InlineData(
        "ip address add 10.99.0.1 peer 10.99.0.2/32 dev $END; ip address del $GATEWAY peer $ADDRESS/32 dev $END",
        "lacks the address"
    )]
    [InlineData("echo 0 >/proc/sys/net/ipv4/conf/$END/proxy_arp", "proxy_arp is not 1")]
    [InlineData("ip link set $END down", "is down")]
    [InlineData("ip link set $END group 0", "is not a port of bridge twill0")]
    public void Check_and_doctor_name_what_it_lacks(string damage, string told)
    {
        LabContainer container = New();
        JsonElement ip = JsonDocument.Parse(container.Result).RootElement.GetProperty("ips")[0];
        Host.Complaints().Should().NotContain(c => c.Text.Contains(container.HostEnd()));

        Host.Sh($"END={container.HostEnd()} ADDRESS={container.Address} GATEWAY={ip.GetProperty("gateway").GetString()}; {damage}");

        CniAnswer check = (Host.Plugin("twill", container) with { ContainerId = IdOf(container) }).Check(
            full.Conf.ForPlugin(container.Result).ToJsonString()
        );
        (check.ExitCode == 0 ? "" : check.ErrorText).Should().Contain(told);
        if (!damage.Contains("10.99", StringComparison.Ordinal)) // another address than its own: what it should be, only ADD's result says
        {
            Host.Complaints().Should().Contain(c => c.Check == "bridge" && c.Text.Contains(container.HostEnd()));
        }

        Host.Cnitool("del", "twill", container).OrThrow();
    }

    [RequiresRootFact]
    public void A_second_add_is_refused_and_harms_nothing()
    {
        LabContainer container = New();
        string before = Host.Sh(
            $"ip -4 -j address show dev {container.HostEnd()}; cat /proc/sys/net/ipv4/conf/{container.HostEnd()}/proxy_arp"
        );

        CniAnswer again = (Host.Plugin("twill", container) with { ContainerId = IdOf(container) }).Add(full.Config);

        again.ErrorCode.Should().Be(104);
        Host.Sh($"ip -4 -j address show dev {container.HostEnd()}; cat /proc/sys/net/ipv4/conf/{container.HostEnd()}/proxy_arp")
            .Should()
            .Be(before);
        full.OnBridge.CanPing(container.Address).Should().BeTrue();
    }

    [RequiresRootFact]
    public void Whoever_knew_the_address_on_the_bridge_finds_it_past_it_at_once()
    {
        LabContainer former = New();
        string address = former.Address,
            mac = former.IpJson("link show dev eth0")[0].GetProperty("address").GetString()!;
        Host.Cnitool("del", "twill", former).OrThrow();
        full.OnBridge.Ip($"neigh replace {address} lladdr {mac} dev eth0 nud reachable"); // as if it had been on the bridge a moment ago

        LabContainer container = full.AddRouted($"again{Interlocked.Increment(ref s_containers)}", $$"""{"ips":["{{address}}/24"]}""");

        container.Address.Should().Be(address);
        full.OnBridge.CanPing(address).Should().BeTrue();
    }

    [RequiresRootFact]
    public void An_address_that_was_past_the_ports_works_on_the_bridge()
    {
        LabContainer former = New(),
            other = New();
        full.OnBridge.CanPing(former.Address).Should().BeTrue();
        other.CanPing(former.Address).Should().BeTrue();
        Host.Cnitool("del", "twill", former).OrThrow();
        Host.Sh("ip link set filler1 nomaster; echo 0 >/proc/sys/net/ipv4/conf/twill0/proxy_arp"); // as on a bridge that was never full
        try
        {
            LabContainer container = full.AddRouted(
                $"back{Interlocked.Increment(ref s_containers)}",
                $$"""{"ips":["{{former.Address}}/24"]}"""
            );
            full.IsRouted(container).Should().BeFalse();
            Host.Sh("echo 1 >/proc/sys/net/ipv4/conf/twill0/proxy_arp");
            full.OnBridge.CanPing(container.Address).Should().BeTrue();
            other.CanPing(container.Address).Should().BeTrue();
            Host.Cnitool("check", "twill", container).OrThrow();
            Host.Cnitool("del", "twill", container).OrThrow();
        }
        finally
        {
            Host.Sh("echo 1 >/proc/sys/net/ipv4/conf/twill0/proxy_arp; ip link set filler1 master twill0");
        }
    }

    [RequiresRootFact]
    public void Gc_frees_those_that_are_not_listed_and_nobody_else()
    {
        LabContainer kept = New(),
            gone = New();
        JsonObject config = full.Conf.ForPlugin();
        config["cniVersion"] = "1.1.0";
        config["cni.dev/valid-attachments"] = new JsonArray([.. Valid(gone)]);

        Host.Plugin("twill").Run("GC", config.ToJsonString()).OrThrow();

        Host.HasLink(gone.HostEnd()).Should().BeFalse();
        Leftovers.Records(Host).Should().Contain(kept.Address).And.NotContain(gone.Address);
        full.OnBridge.CanPing(kept.Address).Should().BeTrue();
    }

    [RequiresRootFact]
    public void An_add_that_fails_leaves_nothing()
    {
        IReadOnlyList<string> before = Leftovers.Of(Host);
        LabContainer container = Host.NewContainer($"failed{Interlocked.Increment(ref s_containers)}");
        JsonObject config = full.Conf.ForPlugin();
        config["ipam"]!["routes"] = new JsonArray(new JsonObject { ["dst"] = "10.9.0.0/16", ["gw"] = "172.16.0.1" });

        Host.Plugin("twill", container).Add(config.ToJsonString()).ErrorText.Should().Contain("10.9.0.0/16");

        Leftovers.Of(Host).Should().BeEquivalentTo(before);
        Host.Ip("route show").Should().NotContain("linkdown");
    }

    private static string Name(NetnsShell place) => place is LabContainer c ? c.Name : "the host";

    /// <summary>Interface, routes and neighbours as the container sees them, its own address aside.</summary>
    private static string Inside(LabContainer container)
    {
        JsonElement link = container.IpJson("address show dev eth0")[0];
        JsonElement ip = link.GetProperty("addr_info").EnumerateArray().Single(a => a.GetProperty("family").GetString() == "inet");
        string routes = container.Ip("route show table all").Replace($"{container.Address} ", "ADDRESS ");
        return $"mtu {link.GetProperty("mtu")} state {link.GetProperty("operstate")} /{ip.GetProperty("prefixlen")} "
            + $"{string.Join('\n', routes.Split('\n').Where(r => !r.Contains("fe80") && !r.Contains("multicast")))}";
    }

    /// <summary>cnitool's name for a container: of the 20 digits behind `cnitool-`, which the host end's alias shows.</summary>
    private string IdOf(LabContainer container) =>
        Host.IpJson($"link show dev {container.HostEnd()}")[0].GetProperty("ifalias").GetString()!.Split(' ')[2];

    /// <summary>Every attachment of the host but this one's, as a runtime lists them.</summary>
    private IEnumerable<JsonNode> Valid(LabContainer without) =>
        from link in Host.IpJson("link show type veth").EnumerateArray()
        where link.TryGetProperty("ifalias", out _) && link.GetProperty("ifname").GetString() != without.HostEnd()
        select link.GetProperty("ifalias").GetString()!.Split(' ') into alias
        select (JsonNode)new JsonObject { ["containerID"] = alias[2], ["ifname"] = alias[3] };

    private LabContainer New() => full.AddRouted($"beyond{Interlocked.Increment(ref s_containers)}");
}
