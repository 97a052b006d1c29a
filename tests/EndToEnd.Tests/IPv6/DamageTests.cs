using System.Globalization;
using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Capabilities;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.IPv6;

/// <summary>CHECK on an attachment with IPv6 of which somebody damaged a single thing: it says which. Limits hold for IPv6 as
/// well.</summary>
public sealed class DamageTests(DualHost dual) : IClassFixture<DualHost>
{
    private const string Ports =
        """{"portMappings":[{"hostPort":PORT,"containerPort":80},{"hostPort":PORT,"containerPort":53,"protocol":"udp","hostIP":"fd50::11"}]}""";

    private static int s_containers;

    private LabHost Host => dual.Host;

    [RequiresRootTheory]
    [InlineData("ip -6 address flush dev twill0 scope global", "gateway fd00:244::1/64 is missing on bridge twill0")]
    [InlineData("echo 0 >/proc/sys/net/ipv6/conf/all/forwarding", "the host does not forward IPv6: net.ipv6.conf.all.forwarding is not 1")]
    [InlineData("echo 2 >/proc/sys/net/ipv6/conf/twill0/accept_ra", "net.ipv6.conf.twill0.accept_ra is not 0")]
    [InlineData("nft flush set inet twill-twill local6", "set local6 of nftables table inet twill-twill lacks fd00:244::/64")]
    [InlineData("nft flush set inet twill-twill exempt6", "set exempt6 of nftables table inet twill-twill lacks")]
    [InlineData(
        "nft delete element inet twill-twill ports6 { tcp . $PORT }",
        "map ports6 of nftables table inet twill-twill does not lead host port [::]:$PORT/tcp"
    )]
    [InlineData(
        "nft delete element inet twill-twill ports6_at { fd50::11 . udp . $PORT }",
        "map ports6_at of nftables table inet twill-twill does not lead host port [fd50::11]:$PORT/udp"
    )]
    [InlineData(
        "nft delete element inet twill-twill translated6 { tcp . $PORT . $SIX . 80 }",
        "set translated6 of nftables table inet twill-twill lacks host port [::]:$PORT/tcp"
    )]
    [InlineData("nft flush map inet twill-twill published6", "is not published")]
    [InlineData(
        "ip6tables -P FORWARD DROP",
        "iptables lacks the accept for containers: FORWARD (policy drop) would drop packets from containers to the outside over IPv6"
    )]
    [InlineData("ip netns exec $NAME ip -6 address flush dev eth0 scope global", "address $SIX/64 is missing on interface eth0")]
    [InlineData(
        "ip netns exec $NAME ip -6 address flush dev eth0; ip netns exec $NAME ip address add $SIX/128 dev eth0 nodad",
        "address $SIX/64 is missing on interface eth0"
    )]
    [InlineData(
        "ip netns exec $NAME sh -c 'echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6'",
        "address $SIX/64 is missing on interface eth0"
    )]
    [InlineData("ip netns exec $NAME ip -6 route del default", "route ::/0 via fd00:244::1 is missing on interface eth0")]
    [InlineData(
        "ip netns exec $NAME ip -6 route replace default via fd00:244::99",
        "route ::/0 via fd00:244::1 is missing on interface eth0"
    )]
    public void Damage_is_named_and_the_next_add_mends_the_hosts(string damage, string told)
    {
        LabContainer container = Add();
        string Expand(string text) =>
            text.Replace("$PORT", Port(container)).Replace("$SIX", DualHost.SixOf(container)).Replace("$NAME", container.Name);

        Host.Sh(Expand(damage));

        CniAnswer answer = Check(container);
        answer.ErrorCode.Should().Be(103, answer.ToString());
        answer.ErrorText.Should().Contain(Expand(told));
        Host.Run("nft", "delete", "table", "inet", "twill-twill"); // an ADD counts rules, not what is in the sets
        Host.Plugin("twill", container).Del(dual.Config).OrThrow();
        LabContainer next = Add();
        Host.Plugin("twill", next).Del(dual.Config).OrThrow();
        Host.Run("ip6tables", "-P", "FORWARD", "ACCEPT");
    }

    [RequiresRootFact]
    public void What_it_receives_and_sends_over_ipv6_is_limited_as_well()
    {
        const string Limits =
            """{"bandwidth":{"ingressRate":20000000,"ingressBurst":1000000,"egressRate":20000000,"egressBurst":1000000}}""";
        LabContainer container = Host.NewContainer("limited"),
            free = Host.AddContainer("free");
        container.Result = Host.Cnitool("add", container, Limits).OrThrow().Stdout;

        Throughput.Measure(free, container, DualHost.SixOf(container)).Should().BeInRange(10, 30, "Mbit/s, of 20");
        Throughput.Measure(container, free, DualHost.SixOf(free)).Should().BeInRange(10, 30, "Mbit/s, of 20");
        Host.Cnitool("del", container, Limits).OrThrow();
    }

    private static string Port(LabContainer container) =>
        $"{9000 + int.Parse(container.Name["damaged".Length..], CultureInfo.InvariantCulture)}";

    private LabContainer Add()
    {
        LabContainer container = Host.NewContainer($"damaged{Interlocked.Increment(ref s_containers)}");
        container.Result = Host.Plugin("twill", container).Add(Config(container, null)).OrThrow().Stdout;
        Check(container).OrThrow();
        return container;
    }

    private CniAnswer Check(LabContainer container) => Host.Plugin("twill", container).Check(Config(container, container.Result));

    private string Config(LabContainer container, string? result)
    {
        JsonObject config = result is null ? dual.Conf.ForPlugin() : dual.Conf.ForPlugin(result);
        return config.WithRuntimeConfig(Ports.Replace("PORT", Port(container))).ToJsonString();
    }
}
