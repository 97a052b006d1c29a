using System.Net;
using System.Net.Sockets;
using Twill.Linux.Netlink;
using Twill.Linux.Nftables;
using Twill.Linux.Nftables.Expressions;
using Twill.System;
using Twill.Testing;

namespace Kernel.Tests.Nftables;

/// <summary>Rules mean to nft what they were written to mean, and come back as they were sent.</summary>
public sealed class RuleTests
{
    private const byte Tcp = 6,
        Udp = 17;

    private static readonly TableId Table = NftTestNetns.Table;
    private static readonly NftType s_endpoint = NftType.Concat(NftType.Ipv4Addr, NftType.InetService);
    private static readonly NftType s_endpoint6 = NftType.Concat(NftType.Ipv6Addr, NftType.InetService);
    private static readonly NftSet s_local = new(Table, "local", NftType.Ipv4Addr) { Interval = true };
    private static readonly NftSet s_six = new(Table, "six", NftType.Ipv6Addr) { Interval = true };
    private static readonly NftSet s_names = new(Table, "names", NftType.IfName);
    private static readonly NftSet s_marks = new(Table, "marks", NftType.Concat(NftType.Mark, NftType.InetProto));
    private static readonly NftSet s_verdicts = new(Table, "verdicts", NftType.InetService) { Data = NftType.Verdict };
    private static readonly NftSet s_hosts = new(Table, "hosts", NftType.Ipv4Addr) { Data = NftType.Ipv4Addr };
    private static readonly NftSet s_at = new(Table, "at", NftType.Concat(NftType.Ipv4Addr, NftType.InetProto, NftType.InetService))
    {
        Data = s_endpoint,
    };
    private static readonly NftSet s_at6 = new(Table, "at6", NftType.Concat(NftType.Ipv6Addr, NftType.InetProto, NftType.InetService))
    {
        Data = s_endpoint6,
    };

    // chain -> rule -> what nft calls it
    private static readonly (string Chain, Rule Rule, string Text)[] s_cases =
    [
        ("forward", New.Accept(), "accept"),
        ("forward", New.Drop(), "drop"),
        ("forward", New.Return(), "return"),
        ("forward", New.Jump("helper"), "jump helper"),
        ("forward", New.Goto("helper"), "goto helper"),
        ("forward", New.Counter().Accept(), "counter packets 0 bytes 0 accept"),
        ("forward", New.Saddr(Net("10.244.0.0/16")).Accept(), "ip saddr 10.244.0.0/16 accept"),
        ("forward", New.Saddr(Net("10.244.128.0/17")).Accept(), "ip saddr 10.244.128.0/17 accept"),
        ("forward", New.Daddr(Net("192.0.2.1/32"), inverted: true).Drop(), "ip daddr != 192.0.2.1 drop"),
        ("forward", New.Daddr(Net("0.0.0.0/0")).Accept(), "meta nfproto ipv4 accept"),
        ("forward", New.Saddr(Net("fd00::/8")).Daddr(Net("fd00:1::1/128")).Accept(), "ip6 saddr fd00::/8 ip6 daddr fd00:1::1 accept"),
        ("forward", New.Saddr(Net("fd00::/61"), inverted: true).Drop(), "ip6 saddr != fd00::/61 drop"),
        ("forward", New.SaddrIn(s_local).Accept(), "ip saddr @local accept"),
        ("forward", New.DaddrNotIn(s_local).Drop().WithComment("elsewhere"), "ip daddr != @local drop comment \"elsewhere\""),
        ("forward", New.SaddrIn(s_six).DaddrNotIn(s_six).Drop(), "ip6 saddr @six ip6 daddr != @six drop"),
        ("forward", New.In(s_names, KeyPart.IifName).NotIn(s_names, KeyPart.OifName).Accept(), "iifname @names oifname != @names accept"),
        ("forward", New.In(s_marks, KeyPart.Mark, KeyPart.L4Proto).Accept(), "meta mark . meta l4proto @marks accept"),
        ("forward", New.Dport(Tcp, 80).Accept(), "tcp dport 80 accept"),
        ("forward", New.Dport(Udp, 53).Vmap(s_verdicts, KeyPart.Sport), "udp dport 53 udp sport vmap @verdicts"),
        ("forward", New.L4Proto(132).Drop(), "meta l4proto sctp drop"),
        ("forward", New.IifName("eth0").OifName("tw*", inverted: true).Accept(), "iifname \"eth0\" oifname != \"tw*\" accept"),
        ("forward", New.Iif(1, inverted: true).Oif(1).Accept(), "iif != \"lo\" oif \"lo\" accept"),
        ("forward", New.Mark(0x2000).Accept(), "meta mark 0x00002000 accept"),
        ("forward", New.Mark(0x2000, mask: 0xff00).Accept(), "meta mark & 0x0000ff00 == 0x00002000 accept"),
        ("forward", New.SetMark(0x4000), "meta mark set 0x00004000"),
        ("forward", New.SetMark(0x4000, mask: 0xf000), "meta mark set meta mark & 0xffff4fff | 0x00004000"),
        ("forward", New.PktType(1).Drop(), "meta pkttype broadcast drop"),
        ("forward", New.IifGroup(116).OifGroup(116, inverted: true).Drop(), "iifgroup 116 oifgroup != 116 drop"),
        ("forward", New.CtState(CtState.Established | CtState.Related).Accept(), "ct state established,related accept"),
        ("forward", New.CtState(CtState.Invalid).Drop(), "ct state invalid drop"),
        ("forward", New.CtStatus(CtStatus.Dnat).Accept(), "ct status dnat accept"),
        ("forward", New.CtDirection(CtDirection.Reply).Accept(), "ct direction reply accept"),
        ("forward", New.NfProto(AddressFamily.InterNetworkV6).Drop(), "meta nfproto ipv6 drop"),
        (
            "forward",
            New.NfProto(AddressFamily.InterNetwork)
                .Add(new Payload(PayloadBase.Network, 16, 4))
                .Add(new RangeMatch(NftData.Of(Ip("10.0.0.1")), NftData.Of(Ip("10.0.0.9")), Inverted: true))
                .Drop(),
            "ip daddr != 10.0.0.1-10.0.0.9 drop"
        ),
        (
            "forward",
            New.Add(new Ct(CtKey.DstIp, CtDirection.Original)).Add(new Cmp(CmpOp.Eq, NftData.Of(Ip("192.0.2.1")))).Accept(),
            "ct original ip daddr 192.0.2.1 accept"
        ),
        ("forward", New.Add(new Immediate(NftData.OfHost(7))).Add(new CtSet(CtKey.Mark)), "ct mark set 0x00000007"),
        ("postrouting", New.Masquerade(), "masquerade"),
        (
            "postrouting",
            New.SaddrIn(s_local).Masquerade(NatFlags.Random | NatFlags.Persistent),
            "ip saddr @local masquerade random,persistent"
        ),
        ("postrouting", New.SaddrIn(s_local).Masquerade(NatFlags.FullyRandom), "ip saddr @local masquerade fully-random"),
        (
            "postrouting",
            New.Saddr(Net("10.0.0.1/32")).Snat(Ip("192.0.2.1"), NatFlags.Persistent),
            "ip saddr 10.0.0.1 snat ip to 192.0.2.1 persistent"
        ),
        ("postrouting", New.SnatBy(s_hosts, KeyPart.Saddr), "snat ip to ip saddr map @hosts"),
        ("prerouting", New.Daddr(Net("192.0.2.1/32")).Dnat(Ip("10.244.7.5")), "ip daddr 192.0.2.1 dnat ip to 10.244.7.5"),
        ("prerouting", New.Dport(Tcp, 8080).Dnat(Ip("10.244.7.5"), 80), "tcp dport 8080 dnat ip to 10.244.7.5:80"),
        ("prerouting", New.Dport(Tcp, 8080).Dnat(Ip("fd00::5"), 80), "tcp dport 8080 dnat ip6 to [fd00::5]:80"),
        (
            "prerouting",
            New.DaddrIsLocal().DnatBy(s_at, KeyPart.Daddr, KeyPart.L4Proto, KeyPart.Dport),
            "fib daddr type local dnat ip to ip daddr . meta l4proto . th dport map @at"
        ),
        (
            "prerouting",
            New.DaddrIsLocal().DnatBy(s_at6, KeyPart.Daddr, KeyPart.L4Proto, KeyPart.Dport),
            "fib daddr type local dnat ip6 to ip6 daddr . meta l4proto . th dport map @at6"
        ),
    ];

    private static Rule New => Rule.For(Table);

    [RequiresRootFact]
    public void Rules_mean_to_nft_what_they_say_and_come_back_as_they_were_sent()
    {
        using NftTestNetns ns = new();
        NftBatch batch = WithTable(ns);
        foreach ((string chain, Rule rule, _) in s_cases)
        {
            batch.Add(new NewRule(Table, chain, rule));
        }

        batch.Send();

        foreach (string chain in (string[])["forward", "postrouting", "prerouting"])
        {
            ns.Rules(chain).Should().Equal(s_cases.Where(c => c.Chain == chain).Select(c => c.Text));
        }

        foreach (string chain in (string[])["forward", "postrouting", "prerouting"])
        {
            List<NftRule> listed = ns.Socket.ListRules(Table, chain);
            Rule[] sent = [.. s_cases.Where(c => c.Chain == chain).Select(c => c.Rule)];
            listed.Should().HaveCount(sent.Length);
            for (int i = 0; i < sent.Length; i++)
            {
                listed[i].Rule.Expressions.Should().Equal(sent[i].Expressions);
                listed[i].Rule.SameAs(sent[i]).Should().BeTrue();
            }
        }

        ns.Socket.ListRules(Table).Should().HaveCount(s_cases.Length);
    }

    [RequiresRootFact]
    public void Rules_of_others_are_listed_with_what_is_unknown_here_kept()
    {
        using NftTestNetns ns = new();
        ns.Namespace.Sh(
            """
            nft 'add table inet x; add chain inet x c { type filter hook forward priority 0; };
                 add rule inet x c limit rate 5/second log prefix "seen " counter reject;
                 add rule inet x c meta cpu 1 quota over 5 mbytes drop'
            """
        );
        TableId other = new(NftFamily.Inet, "x");

        List<NftRule> rules = ns.Socket.ListRules(other);
        string before = ns.Namespace.Nft("list table inet x");

        rules[0].Rule.Expressions.Select(e => e.Name).Should().Equal("limit", "log", "counter", "reject");
        rules[0].Rule.Expressions[0].Should().BeOfType<UnknownExpression>();
        ns.Socket.NewBatch().Add(new ReplaceRule(other, "c", rules[0].Handle, rules[0].Rule)).Send();
        ns.Namespace.Nft("list table inet x").Should().Be(before, "a rule sent back as it was listed is the same rule");
    }

    [RequiresRootFact]
    public void Rules_go_where_they_are_put()
    {
        using NftTestNetns ns = new();
        WithTable(ns).Add(new NewRule(Table, "forward", New.Mark(1))).Add(new NewRule(Table, "forward", New.Mark(5))).Send();
        ulong one = ns.Socket.ListRules(Table, "forward")[0].Handle,
            five = ns.Socket.ListRules(Table, "forward")[1].Handle;

        ns.Socket.NewBatch()
            .Add(new InsertRule(Table, "forward", New.Mark(0)))
            .Add(new NewRule(Table, "forward", New.Mark(6)))
            .Add(new NewRule(Table, "forward", New.Mark(2), After: one))
            .Add(new InsertRule(Table, "forward", New.Mark(4), Before: five))
            .Send();

        Marks(ns).Should().Equal(0, 1, 2, 4, 5, 6);
    }

    [RequiresRootFact]
    public void A_rule_is_replaced_and_deleted_by_its_handle()
    {
        using NftTestNetns ns = new();
        NftBatch batch = WithTable(ns);
        for (uint i = 0; i < 4; i++)
        {
            batch.Add(new NewRule(Table, "forward", New.Mark(i)));
        }

        batch.Send();
        List<NftRule> rules = ns.Socket.ListRules(Table, "forward");

        ns.Socket.NewBatch()
            .Add(new ReplaceRule(Table, "forward", rules[1].Handle, New.Mark(9)))
            .Add(new DeleteRule(Table, "forward", rules[2].Handle))
            .Send();

        Marks(ns).Should().Equal(0, 9, 3);
        FluentActions
            .Invoking(() => ns.Socket.NewBatch().Add(new DeleteRule(Table, "forward", rules[2].Handle)).Send())
            .Should()
            .Throw<NetlinkException>()
            .Which.Errno.Should()
            .Be(Errno.ENOENT);
    }

    [RequiresRootFact]
    public void A_flushed_chain_has_no_rules_and_others_keep_theirs()
    {
        using NftTestNetns ns = new();
        WithTable(ns)
            .Add(new NewRule(Table, "forward", New.Accept()))
            .Add(new NewRule(Table, "forward", New.Accept()))
            .Add(new NewRule(Table, "helper", New.Return()))
            .Send();

        ns.Socket.NewBatch().Add(new FlushChain(Table, "forward")).Send();

        ns.Rules("forward").Should().BeEmpty();
        ns.Rules("helper").Should().Equal("return");
    }

    [RequiresRootFact]
    public void Counted_packets_come_back_and_do_not_make_another_rule()
    {
        using NftTestNetns ns = new();
        Rule rule = New.Counter().Accept();
        ns.Socket.NewBatch()
            .Add(new NewTable(Table))
            .Add(new NewChain(Table, "output", new BaseChain(ChainType.Filter, NftHook.Output, 0)))
            .Add(new NewRule(Table, "output", rule))
            .Send();

        ns.Namespace.Sh("ping -c 3 -i 0.01 -W 1 127.0.0.1");

        Rule listed = ns.Socket.ListRules(Table, "output").Should().ContainSingle().Which.Rule;
        listed.Expressions[0].Should().BeOfType<Counter>().Which.Packets.Should().BeGreaterThanOrEqualTo(3);
        listed.SameAs(rule).Should().BeTrue();
    }

    [RequiresRootFact]
    public void Rules_of_a_missing_table_or_chain_are_none_or_a_named_error()
    {
        using NftTestNetns ns = new();

        ns.Socket.ListRules(Table).Should().BeEmpty();
        FluentActions
            .Invoking(() => ns.Socket.NewBatch().Add(new NewTable(Table)).Add(new NewRule(Table, "nowhere", New.Accept())).Send())
            .Should()
            .Throw<NetlinkException>()
            .WithMessage("new rule inet twill-a nowhere (message 2 of 2): *");
    }

    private static uint[] Marks(NftTestNetns ns) => [.. ns.Rules("forward").Select(r => Convert.ToUInt32(r["meta mark ".Length..], 16))];

    private static NftBatch WithTable(NftTestNetns ns) =>
        ns
            .Socket.NewBatch()
            .Add(new NewTable(Table))
            .Add(new NewSet(s_local))
            .Add(new NewSet(s_six))
            .Add(new NewSet(s_names))
            .Add(new NewSet(s_marks))
            .Add(new NewSet(s_verdicts))
            .Add(new NewSet(s_hosts))
            .Add(new NewSet(s_at))
            .Add(new NewSet(s_at6))
            .Add(new NewChain(Table, "helper"))
            .Add(new NewChain(Table, "forward", new BaseChain(ChainType.Filter, NftHook.Forward, ChainPriority.Filter)))
            .Add(new NewChain(Table, "prerouting", new BaseChain(ChainType.Nat, NftHook.Prerouting, ChainPriority.Dstnat)))
            .Add(new NewChain(Table, "postrouting", new BaseChain(ChainType.Nat, NftHook.Postrouting, ChainPriority.Srcnat)));

    private static IPNetwork Net(string text) => IPNetwork.Parse(text);

    private static IPAddress Ip(string text) => IPAddress.Parse(text);
}
