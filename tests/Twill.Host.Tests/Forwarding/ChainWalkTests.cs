using System.Net;
using System.Net.Sockets;
using System.Text;
using Twill.Host.Forwarding;
using Twill.Linux.Nftables;
using Twill.Linux.Nftables.Expressions;
using Twill.System;

namespace Twill.Host.Tests.Forwarding;

/// <summary>Chains as Docker, ufw, firewalld and people write them, and what becomes of containers' packets there.</summary>
public sealed class ChainWalkTests
{
    private static readonly TableId s_ip = new(NftFamily.Ip, "filter"),
        s_inet = new(NftFamily.Inet, "admin");
    private static readonly IPNetwork s_network = IPNetwork.Parse("10.244.0.0/16");
    private static readonly ProbePacket s_out = new("out", new InterfaceRef("twill0", 5), new InterfaceRef("eth0", 2), s_network, null);
    private static readonly ProbePacket s_in = new(
        "in",
        new InterfaceRef("twill.1", 6),
        new InterfaceRef("twill0", 5),
        s_network,
        s_network
    );

    [Fact]
    public void A_policy_decides_where_no_rule_does()
    {
        Walk(ChainPolicy.Accept, s_out).Should().Be(MatchResult.Yes);
        Walk(ChainPolicy.Drop, s_out).Should().Be(MatchResult.No);
    }

    [Fact]
    public void The_rules_that_doctor_recommends_help()
    {
        Rule from = Rule.For(s_inet).Saddr(s_network).Accept(),
            to = Rule.For(s_inet).Daddr(s_network).Accept();
        Walk(ChainPolicy.Drop, s_out, from, to).Should().Be(MatchResult.Yes);
        Walk(ChainPolicy.Drop, s_in, to).Should().Be(MatchResult.Yes);
        Walk(ChainPolicy.Drop, s_out, to).Should().Be(MatchResult.Perhaps, "the outside may be one of our own addresses or not");
    }

    [Theory]
    [InlineData("10.0.0.0/8", "Yes")]
    [InlineData("10.244.0.0/17", "Perhaps")]
    [InlineData("10.245.0.0/16", "No")]
    [InlineData("10.240.0.0/12", "Yes")]
    public void A_prefix_concerns_all_some_or_none_of_the_containers(string prefix, string passes) =>
        Walk(ChainPolicy.Drop, s_out, Rule.For(s_ip).Saddr(IPNetwork.Parse(prefix)).Accept()).ToString().Should().Be(passes);

    [Fact]
    public void Interfaces_are_told_apart_by_name_wildcard_and_index()
    {
        Walk(ChainPolicy.Drop, s_out, Rule.For(s_ip).IifName("twill0").Accept()).Should().Be(MatchResult.Yes);
        Walk(ChainPolicy.Drop, s_out, Rule.For(s_ip).IifName("twill*").Accept()).Should().Be(MatchResult.Yes);
        Walk(ChainPolicy.Drop, s_out, Rule.For(s_ip).IifName("docker0").Accept()).Should().Be(MatchResult.No);
        Walk(ChainPolicy.Drop, s_out, Rule.For(s_ip).IifName("docker0", inverted: true).Accept()).Should().Be(MatchResult.Yes);
        Walk(ChainPolicy.Drop, s_out, Rule.For(s_ip).Oif(2).Accept()).Should().Be(MatchResult.Yes);
        Walk(ChainPolicy.Drop, s_out, Rule.For(s_ip).Oif(3).Accept()).Should().Be(MatchResult.No);
    }

    [Fact]
    public void Established_connections_help_answers_only()
    {
        Rule established = Rule.For(s_inet).CtState(CtState.Established | CtState.Related).Accept();
        Walk(ChainPolicy.Drop, s_out, established).Should().Be(MatchResult.No);
        Walk(ChainPolicy.Drop, s_out with { IsAnswer = true }, established).Should().Be(MatchResult.Yes);
        Walk(ChainPolicy.Drop, s_out, Rule.For(s_inet).CtState(CtState.New).Accept()).Should().Be(MatchResult.Yes);
    }

    [Fact]
    public void A_drop_before_an_accept_wins_and_one_after_it_does_not()
    {
        Rule drop = Rule.For(s_ip).Saddr(s_network).Drop(),
            accept = Rule.For(s_ip).Accept();
        Walk(ChainPolicy.Accept, s_out, drop, accept).Should().Be(MatchResult.No);
        Walk(ChainPolicy.Drop, s_out, accept, drop).Should().Be(MatchResult.Yes);
    }

    [Fact]
    public void A_reject_at_the_end_is_a_drop()
    {
        Walk(ChainPolicy.Accept, s_out, Rule.For(s_inet).Add(new UnknownExpression("reject", ""))).Should().Be(MatchResult.No);
        Rule target = Rule.For(s_ip).Add(Extension("target", "REJECT"));
        Walk(ChainPolicy.Accept, s_out, target).Should().Be(MatchResult.No);
    }

    [Fact]
    public void Other_families_do_not_count() =>
        Walk(ChainPolicy.Drop, s_out, Rule.For(s_inet).NfProto(AddressFamily.InterNetworkV6).Accept()).Should().Be(MatchResult.No);

    [Fact]
    public void A_rule_that_nobody_understands_makes_it_uncertain()
    {
        Rule strange = Rule.For(s_ip).Add(Extension("match", "recent")).Accept();
        Walk(ChainPolicy.Drop, s_out, strange).Should().Be(MatchResult.Perhaps);
        Walk(ChainPolicy.Accept, s_out, strange).Should().Be(MatchResult.Yes);
    }

    [Fact]
    public void Dockers_chains_drop_what_is_not_Dockers_and_DOCKER_USER_helps()
    {
        Dictionary<string, List<Rule>> docker = new()
        {
            ["FORWARD"] =
            [
                Rule.For(s_ip).Counter().Jump("DOCKER-USER"),
                Rule.For(s_ip).Counter().Jump("DOCKER-ISOLATION-STAGE-1"),
                Rule.For(s_ip).OifName("docker0").Add(Extension("match", "conntrack")).Accept(),
                Rule.For(s_ip).OifName("docker0").Jump("DOCKER"),
                Rule.For(s_ip).IifName("docker0").OifName("docker0", inverted: true).Accept(),
            ],
            ["DOCKER-USER"] = [Rule.For(s_ip).Counter().Return()],
            ["DOCKER-ISOLATION-STAGE-1"] = [Rule.For(s_ip).IifName("docker0").Jump("DOCKER-ISOLATION-STAGE-2"), Rule.For(s_ip).Return()],
            ["DOCKER-ISOLATION-STAGE-2"] = [Rule.For(s_ip).OifName("docker0").Drop(), Rule.For(s_ip).Return()],
            ["DOCKER"] = [],
        };
        ChainWalk walk = new(chain => Placed(chain, docker[chain]), _ => null);
        walk.Take("FORWARD", ChainPolicy.Drop, s_out).Passes.Should().Be(MatchResult.No);
        walk.Take("FORWARD", ChainPolicy.Drop, s_in).Passes.Should().Be(MatchResult.No);

        docker["DOCKER-USER"].Insert(0, Rule.For(s_ip).Saddr(s_network).Counter().Accept());
        walk.Take("FORWARD", ChainPolicy.Drop, s_out).Passes.Should().Be(MatchResult.Yes);
    }

    [Fact]
    public void Chains_that_jump_in_a_circle_end() =>
        new ChainWalk(chain => Placed(chain, [Rule.For(s_ip).Jump("again")]), _ => null)
            .Take("again", ChainPolicy.Drop, s_out)
            .Passes.Should()
            .Be(MatchResult.No);

    [Fact]
    public void What_decided_is_told_with_its_place_in_the_base_chain()
    {
        Dictionary<string, List<Rule>> chains = new()
        {
            ["forward"] = [Rule.For(s_ip).IifName("docker0").Drop(), Rule.For(s_ip).Counter().Jump("mine"), Rule.For(s_ip).Accept()],
            ["mine"] = [Rule.For(s_ip).Saddr(s_network).Accept(), Rule.For(s_ip).Counter().Drop()],
        };
        ChainWalk walk = new(chain => Placed(chain, chains[chain]), _ => null);

        ChainVerdict dropped = walk.Take("forward", ChainPolicy.Accept, s_out with { Source = IPNetwork.Parse("10.9.0.0/16") });
        (dropped.Passes, dropped.Top, dropped.At!.Handle, dropped.By!.Chain, dropped.By.Handle, dropped.IsForEverything)
            .Should()
            .Be((MatchResult.No, 1, 2ul, "mine", 2ul, true));

        chains["mine"][1] = Rule.For(s_ip).OifName("eth0").Drop();
        walk = new(chain => Placed(chain, chains[chain]), _ => null);
        walk.Take("forward", ChainPolicy.Accept, s_out with { Source = IPNetwork.Parse("10.9.0.0/16") })
            .IsForEverything.Should()
            .BeFalse("somebody meant just these");

        chains["forward"] = [];
        walk.Take("forward", ChainPolicy.Drop, s_out)
            .Should()
            .Be(new ChainVerdict(MatchResult.No, null, int.MaxValue, null, IsForEverything: true));
    }

    [Theory]
    [InlineData("out", "Yes", "10.0.0.0/8")]
    [InlineData("out", "Perhaps", "10.244.0.0/17")]
    [InlineData("out", "No", "192.168.0.0/16")]
    public void A_set_of_addresses_concerns_all_some_or_none_of_the_containers(string which, string passes, string element)
    {
        NftSet allowed = new(s_inet, "allowed", NftType.Ipv4Addr) { Interval = true };
        Rule rule = Rule.For(s_inet).SaddrIn(allowed).Accept();
        ChainWalk walk = new(
            chain => Placed(chain, [rule]),
            _ => [SetElement.Of(IPNetwork.Parse(element)), SetElement.Of(IPNetwork.Parse("203.0.113.0/24"))]
        );

        walk.Take("forward", ChainPolicy.Drop, which == "out" ? s_out : s_in).Passes.ToString().Should().Be(passes);
        new ChainWalk(chain => Placed(chain, [rule]), _ => null)
            .Take("forward", ChainPolicy.Drop, s_out)
            .Passes.Should()
            .Be(MatchResult.Perhaps, "a set that cannot be read");
    }

    [Fact]
    public void Verdict_maps_are_followed()
    {
        NftSet state = new(s_inet, "s", NftType.Mark) { Data = NftType.Verdict },
            names = new(s_inet, "n", NftType.IfName) { Data = NftType.Verdict };
        Rule byState = Rule.For(s_inet).Add(new Ct(CtKey.State)).Add(new Lookup("s", Dreg: NftRegister.Verdict)),
            byName = Rule.For(s_inet).Vmap(names, KeyPart.IifName);
        SetElement[] states = [new SetElement(NftData.OfHost(2)).To(Verdict.Accept), new SetElement(NftData.OfHost(1)).To(Verdict.Drop)];
        SetElement[] interfaces = [new SetElement(NftData.OfInterface("twill0")).To(Verdict.Jump("ours"))];
        ChainWalk walk = new(
            chain => Placed(chain, chain == "ours" ? [Rule.For(s_inet).Accept()] : [byState, byName]),
            set => set == "s" ? states : interfaces
        );

        walk.Take("forward", ChainPolicy.Drop, s_in).Passes.Should().Be(MatchResult.No);
        walk.Take("forward", ChainPolicy.Drop, s_in with { IsAnswer = true }).Passes.Should().Be(MatchResult.Yes);
        walk.Take("forward", ChainPolicy.Drop, s_out).Passes.Should().Be(MatchResult.Yes);
    }

    [Fact]
    public void Accepts_for_one_protocol_or_port_let_nobody_else_through()
    {
        Rule ssh = Rule.For(s_inet).Dport(6, 22).Accept(),
            ping = Rule.For(s_inet).L4Proto(1).Accept(),
            published = Rule.For(s_inet).CtStatus(CtStatus.Dnat).Accept();
        Walk(ChainPolicy.Drop, s_out, ssh, ping, published).Should().Be(MatchResult.No);
        Walk(ChainPolicy.Drop, s_out, Rule.For(s_inet).L4Proto(6).Accept()).Should().Be(MatchResult.Perhaps);
        Walk(ChainPolicy.Accept, s_out, Rule.For(s_inet).Dport(6, 25).Drop()).Should().Be(MatchResult.Yes);
    }

    [Theory]
    [InlineData("udp 4789", "Yes")]
    [InlineData("udp 53", "No")]
    [InlineData("tcp 4789", "No")]
    [InlineData("udp 4000-5000", "Yes")]
    [InlineData("udp 5000-6000", "No")]
    [InlineData("udp in {53, 4700-4800}", "Yes")]
    [InlineData("udp in {53, 80}", "No")]
    [InlineData("not udp 4789", "No")]
    [InlineData("any udp", "Yes")]
    [InlineData("any of icmp, udp", "Yes")]
    [InlineData("any of icmp, tcp", "No")]
    public void The_tunnels_port_is_followed_through_rules_for_ports_and_protocols(string accepted, string passes)
    {
        NftSet ports = new(s_inet, "ports", NftType.InetService) { Interval = true };
        Rule any = Rule.For(s_inet).L4Proto(17),
            port = Rule.For(s_inet).L4Proto(17).Add(new Payload(PayloadBase.Transport, 2, 2));
        SetElement[] elements = accepted switch
        {
            "udp in {53, 4700-4800}" => [Port(53, 53), Port(4700, 4800)],
            "udp in {53, 80}" => [Port(53, 53), Port(80, 80)],
            "any of icmp, udp" => [Protocol(1), Protocol(17)],
            _ => [Protocol(1), Protocol(6)],
        };
        Rule rule = accepted switch
        {
            "udp 4789" => Rule.For(s_inet).Dport(17, 4789),
            "udp 53" => Rule.For(s_inet).Dport(17, 53),
            "tcp 4789" => Rule.For(s_inet).Dport(6, 4789),
            "udp 4000-5000" => port.Add(new Cmp(CmpOp.Gte, NftData.OfPort(4000))).Add(new Cmp(CmpOp.Lte, NftData.OfPort(5000))),
            "udp 5000-6000" => port.Add(new RangeMatch(NftData.OfPort(5000), NftData.OfPort(6000))),
            "not udp 4789" => port.Add(new Cmp(CmpOp.Neq, NftData.OfPort(4789))),
            "any udp" => any,
            _ when accepted.StartsWith("udp in", StringComparison.Ordinal) => port.Add(new Lookup("ports")),
            _ => Rule.For(s_inet).Add(new Meta(MetaKey.L4Proto)).Add(new Lookup("ports")),
        };
        ProbePacket tunnel = s_in with { Transport = new ProbeTransport(IPProtocol.Udp, 4789) };

        new ChainWalk(chain => Placed(chain, [rule.Accept()]), _ => elements)
            .Take("input", ChainPolicy.Drop, tunnel)
            .Passes.ToString()
            .Should()
            .Be(passes);

        static SetElement Port(ushort first, ushort last) => new(NftData.OfPort(first)) { KeyEnd = NftData.OfPort(last) };
        static SetElement Protocol(byte number) => new(new NftData([number]));
    }

    private static MatchResult Walk(ChainPolicy policy, ProbePacket packet, params Rule[] rules) =>
        new ChainWalk(chain => Placed(chain, rules), _ => null).Take("forward", policy, packet).Passes;

    /// <summary>Rules as they are in a chain, numbered from 1.</summary>
    private static List<NftRule> Placed(string chain, IEnumerable<Rule> rules) =>
        [.. rules.Select((rule, i) => new NftRule(s_ip, chain, (ulong)i + 1, rule))];

    /// <summary>An extension of iptables by its name, as the kernel lists it.</summary>
    private static UnknownExpression Extension(string kind, string name)
    {
        byte[] text = [.. Encoding.ASCII.GetBytes(name), 0];
        return new UnknownExpression(kind, Convert.ToHexString([.. BitConverter.GetBytes((ushort)(4 + text.Length)), 1, 0, .. text]));
    }
}
