using System.Text.Json;
using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Capabilities;
using Twill.Testing;

namespace Twill.EndToEnd.Tests;

/// <summary>CHECK on a sound attachment, and on one of which somebody damaged a single thing: it says which.</summary>
public sealed class CheckTests(SingleHost single) : IClassFixture<SingleHost>
{
    private const string Everything =
        """{"portMappings":[{"hostPort":PORT,"containerPort":80},{"hostPort":PORT,"containerPort":53,"protocol":"udp","hostIP":"127.0.0.1"}],"bandwidth":{"ingressRate":20000000,"ingressBurst":1000000,"egressRate":20000000,"egressBurst":1000000}}""";

    private static int s_containers;

    private LabHost Host => single.Host;

    [RequiresRootTheory]
    [InlineData("0.4.0")]
    [InlineData("1.0.0")]
    [InlineData("1.1.0")]
    public void A_sound_attachment_passes(string version)
    {
        LabContainer container = Add(version);
        CniAnswer answer = Check(container, version);
        answer.ExitCode.Should().Be(0, answer.ToString());
        answer.Stdout.Should().BeEmpty();
    }

    [RequiresRootTheory]
    [InlineData("ip link delete $VETH", "interface eth0 is missing in the container")]
    [InlineData("ip link set $VETH down", "host end $VETH is down")]
    [InlineData("ip link set $VETH mtu 1400", "host end $VETH has MTU 1400, not 1500")]
    [InlineData("ip link set $VETH address 06:00:00:00:00:01", "host end $VETH has hardware address 06:00:00:00:00:01, not")]
    [InlineData("ip link set $VETH alias nobody", "host end $VETH has the alias 'nobody'")]
    [InlineData("ip link set $VETH name other0", "host end $VETH is missing")]
    [InlineData("ip link set $VETH nomaster", "host end $VETH is not a port of bridge twill0")]
    [InlineData("ip link add elsewhere type bridge; ip link set $VETH master elsewhere", "host end $VETH is not a port of bridge twill0")]
    [InlineData("bridge link set dev $VETH hairpin off", "hairpin of host end $VETH is off, not on")]
    [InlineData("ip link set twill0 down", "bridge twill0 is down")]
    [InlineData("ip link set twill0 mtu 1400", "bridge twill0 has MTU 1400, less than the 1500 of its containers")]
    [InlineData("ip link set twill0 address 0a:00:00:00:00:01", "bridge twill0 has hardware address 0a:00:00:00:00:01, not")]
    [InlineData("ip address flush dev twill0 scope global", "gateway 10.244.0.1/24 is missing on bridge twill0")]
    [InlineData(
        "ip address flush dev twill0 scope global; ip address add 10.244.0.1/32 dev twill0",
        "gateway 10.244.0.1/24 is missing on bridge twill0"
    )]
    [InlineData("echo 0 > /proc/sys/net/ipv4/ip_forward", "the host does not forward: net.ipv4.ip_forward is not 1")]
    [InlineData("echo 0 > /proc/sys/net/ipv4/conf/twill0/route_localnet", "net.ipv4.conf.twill0.route_localnet is not 1")]
    [InlineData("echo 1 > /proc/sys/net/ipv6/conf/twill0/accept_ra", "net.ipv6.conf.twill0.accept_ra is not 0")]
    [InlineData("echo 0 > /proc/sys/net/ipv6/conf/twill0/disable_ipv6", "net.ipv6.conf.twill0.disable_ipv6 is not 1")]
    [InlineData("nft add table inet twill-twill '{ flags dormant; }'", "nftables table inet twill-twill is dormant")]
    [InlineData("nft delete table inet twill-twill", "nftables table inet twill-twill is missing")]
    [InlineData("nft flush table inet twill-twill", "chain loopback of nftables table inet twill-twill lacks the rule")]
    [InlineData("nft flush chain inet twill-twill forward", "chain forward of nftables table inet twill-twill lacks the rule")]
    [InlineData("nft flush set inet twill-twill local", "set local of nftables table inet twill-twill lacks 10.244.0.0/24")]
    [InlineData(
        "nft delete element inet twill-twill ports { tcp . $PORT }",
        "map ports of nftables table inet twill-twill does not lead host port $PORT/tcp"
    )]
    [InlineData(
        "nft delete element inet twill-twill ports_at { 127.0.0.1 . udp . $PORT }",
        "map ports_at of nftables table inet twill-twill does not lead host port 127.0.0.1:$PORT/udp"
    )]
    [InlineData(
        "nft delete element inet twill-twill translated { tcp . $PORT . $ADDRESS . 80 }",
        "set translated of nftables table inet twill-twill lacks host port $PORT/tcp"
    )]
    [InlineData("nft flush map inet twill-twill published", "is not published")]
    [InlineData("rm /run/twill/twill/ports/$VETH", "the record /run/twill/twill/ports/$VETH")]
    [InlineData("tc qdisc delete dev $VETH root", "$VETH has no token bucket filter")]
    [InlineData("tc qdisc replace dev $VETH root tbf rate 1mbit burst 10000 limit 10000", "1000000 bit/s by $VETH, not 20000000")]
    [InlineData("tc qdisc delete dev $VETH ingress", "host end $VETH does not redirect it to $IFB")]
    [InlineData("tc qdisc delete dev $IFB root", "$IFB has no token bucket filter")]
    [InlineData("ip link set $IFB down", "$IFB, through which all goes that the container sends, is down")]
    [InlineData("ip link delete $IFB", "$IFB is missing")]
    [InlineData("rm /var/lib/cni/twill/twill/$ADDRESS", "/var/lib/cni/twill/twill/$ADDRESS: the record is missing")]
    [InlineData("rm /var/lib/cni/twill/twill/attachments/$NAME:eth0", "container $NAME, interface eth0 has no address")]
    [InlineData("echo torn > /var/lib/cni/twill/twill/$ADDRESS", "/var/lib/cni/twill/twill/$ADDRESS: not an address record")]
    [InlineData("sed -i s/$NAME/somebody/ /var/lib/cni/twill/twill/$ADDRESS", "belongs to container somebody, interface eth0")]
    public void Damage_on_the_host_is_named(string damage, string told)
    {
        LabContainer container = Add("1.1.0");
        try
        {
            Host.Sh($"{Variables(container)}; {damage}");
            Expect(container, damage, told);
        }
        finally
        {
            Host.Run("ip", "link", "set", "twill0", "address", BridgeMac(container));
            Host.Run("ip", "link", "delete", "elsewhere");
            Host.Run("nft", "delete", "table", "inet", "twill-twill"); // an ADD counts rules, not what is in the sets
            Host.Plugin("twill", container).Del(single.Config);
        }
    }

    [RequiresRootTheory]
    [InlineData("ip address flush dev eth0", "address $ADDRESS/24 is missing on interface eth0")]
    [InlineData("ip address flush dev eth0; ip address add 10.244.0.250/24 dev eth0", "address $ADDRESS/24 is missing on interface eth0")]
    [InlineData("ip address flush dev eth0; ip address add $ADDRESS/32 dev eth0", "address $ADDRESS/24 is missing on interface eth0")]
    [InlineData("ip route delete default", "route 0.0.0.0/0 via 10.244.0.1 is missing on interface eth0")]
    [InlineData("ip route replace default via 10.244.0.240", "route 0.0.0.0/0 via 10.244.0.1 is missing on interface eth0")]
    [InlineData("ip route delete 10.9.0.0/16", "route 10.9.0.0/16 via 10.244.0.1 is missing on interface eth0")]
    [InlineData(
        "ip route flush 10.9.0.0/16; ip route add 10.9.0.0/16 via 10.244.0.1 metric 8 mtu 1300 advmss 1200",
        "route 10.9.0.0/16 via 10.244.0.1 is missing on interface eth0"
    )]
    [InlineData(
        "ip route change 10.9.0.0/16 via 10.244.0.1 metric 7 mtu 1280 advmss 1200",
        "route 10.9.0.0/16 via 10.244.0.1 has mtu 1280 and advmss 1200, not 1300 and 1200"
    )]
    [InlineData("ip route flush table 100", "route 10.8.0.0/16 via 10.244.0.1 is missing on interface eth0")]
    [InlineData("ip link set eth0 down", "interface eth0 is down")]
    [InlineData("ip link set eth0 down; ip link set eth0 name other0", "interface eth0 is missing in the container")]
    [InlineData("ip link set eth0 mtu 1400", "interface eth0 has MTU 1400, not 1500")]
    [InlineData("ip link set eth0 address 02:00:00:00:00:01", "interface eth0 has hardware address 02:00:00:00:00:01, not")]
    [InlineData(
        "ip link delete eth0; ip link add eth0 type veth peer name p0; ip link set eth0 up mtu 1500",
        "interface eth0 has hardware address"
    )]
    public void Damage_in_the_container_is_named(string damage, string told)
    {
        LabContainer container = Add("1.1.0");
        container.Sh($"{Variables(container)}; {damage}");
        Expect(container, damage, told);
        Host.Plugin("twill", container).Del(single.Config).OrThrow();
    }

    [RequiresRootFact]
    public void Without_prevResult_or_with_that_of_another_interface_a_check_is_refused()
    {
        LabContainer container = Add("1.0.0");
        Host.Plugin("twill", container).Check(single.Config).ErrorText.Should().Contain("$.prevResult");
        JsonObject config = single.Conf.ForPlugin(container.Result);
        config["prevResult"]!["interfaces"]![2]!["name"] = "eth9";
        Host.Plugin("twill", container).Check(config.ToJsonString()).ErrorText.Should().Contain("prevResult lists no interface eth0");
    }

    [RequiresRootFact]
    public void Before_1_1_0_a_lower_mtu_may_be_a_later_plugins_and_a_higher_one_is_damage()
    {
        LabContainer container = Add("1.0.0");
        container.Ip("link set eth0 mtu 1400");
        Check(container, "1.0.0").OrThrow();
        container.Ip("link set eth0 mtu 1600");
        Check(container, "1.0.0").ErrorText.Should().Contain("interface eth0 has MTU 1600, not 1500");
    }

    private void Expect(LabContainer container, string damage, string told)
    {
        CniAnswer answer = Check(container, "1.1.0");
        answer.ExitCode.Should().Be(1, damage);
        answer.ErrorCode.Should().Be(103, answer.ToString());
        answer.ErrorText.Should().Contain(Expand(container, told));
    }

    /// <summary>A fresh container with everything that can be asked for; its ADD also mends what an earlier test damaged on the
    /// host.</summary>
    private LabContainer Add(string version)
    {
        int number = Interlocked.Increment(ref s_containers);
        LabContainer container = Host.NewContainer($"c{number}");
        container.Result = Host.Plugin("twill", container).Add(Config(container, version, null)).OrThrow().Stdout;
        Check(container, version).OrThrow();
        return container;
    }

    private CniAnswer Check(LabContainer container, string version) =>
        Host.Plugin("twill", container).Check(Config(container, version, container.Result));

    private string Config(LabContainer container, string version, string? result)
    {
        JsonObject config = result is null ? single.Conf.ForPlugin() : single.Conf.ForPlugin(result);
        config["cniVersion"] = version;
        config["ipam"]!["routes"]!
            .AsArray()
            .Add(JsonNode.Parse("""{"dst":"10.9.0.0/16","gw":"10.244.0.1","mtu":1300,"advmss":1200,"priority":7}"""));
        config["ipam"]!["routes"]!.AsArray().Add(JsonNode.Parse("""{"dst":"10.8.0.0/16","gw":"10.244.0.1","table":100}"""));
        return config.WithRuntimeConfig(Everything.Replace("PORT", Port(container))).ToJsonString();
    }

    private static string Port(LabContainer container) => $"{9000 + int.Parse(container.Name[1..])}";

    private static string Variables(LabContainer container) =>
        $"VETH={container.HostEnd()} IFB={container.Ifb()} ADDRESS={container.Address} NAME={container.Name} PORT={Port(container)}";

    private static string Expand(LabContainer container, string text) =>
        text.Replace("$VETH", container.HostEnd())
            .Replace("$IFB", container.Ifb())
            .Replace("$ADDRESS", container.Address)
            .Replace("$NAME", container.Name)
            .Replace("$PORT", Port(container));

    private static string BridgeMac(LabContainer container)
    {
        using JsonDocument result = JsonDocument.Parse(container.Result);
        return result
            .RootElement.GetProperty("interfaces")
            .EnumerateArray()
            .Single(i => i.GetProperty("name").GetString() == "twill0")
            .GetProperty("mac")
            .GetString()!;
    }
}
