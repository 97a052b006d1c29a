using System.Net;
using System.Net.Sockets;
using Twill.Linux.Nftables;
using Twill.Linux.Nftables.Expressions;
using Twill.Testing;
using static Twill.Linux.Tests.Nftables.NftEncoding;

namespace Twill.Linux.Tests.Nftables;

/// <summary>Rules, byte for byte as nft sends them, but for what each golden file says we leave out.</summary>
public sealed class RuleBytesTests
{
    private const byte Tcp = 6;

    private static readonly NftSet s_local = new(Table, "local", NftType.Ipv4Addr) { Interval = true };
    private static readonly NftSet s_exempt = new(Table, "exempt", NftType.Ipv4Addr) { Interval = true };
    private static readonly NftSet s_six = new(Table, "six", NftType.Ipv6Addr) { Interval = true };
    private static readonly NftSet s_names = new(Table, "names", NftType.IfName);
    private static readonly NftSet s_verdicts = new(Table, "vm", NftType.InetService) { Data = NftType.Verdict };

    private static readonly Dictionary<string, (string Chain, Rule Rule)> s_rules = new()
    {
        ["saddr-in-set"] = ("forward", New.SaddrIn(s_local).Accept()),
        ["daddr-in-set-comment"] = ("forward", New.DaddrIn(s_local).Accept().WithComment("to containers")),
        ["ip6-in-set"] = ("forward", New.DaddrIn(s_six).Accept()),
        ["prefix8"] = ("forward", New.Saddr(IPNetwork.Parse("10.0.0.0/8")).Drop()),
        ["prefix9"] = ("forward", New.Saddr(IPNetwork.Parse("10.0.0.0/9")).Drop()),
        ["prefix-ip6"] = ("forward", New.Saddr(IPNetwork.Parse("fd00::/64"), inverted: true).Drop()),
        ["range"] = (
            "forward",
            New.NfProto(AddressFamily.InterNetwork)
                .Add(new Payload(PayloadBase.Network, 16, 4))
                .Add(new RangeMatch(NftData.Of(IPAddress.Parse("10.0.0.1")), NftData.Of(IPAddress.Parse("10.0.0.9")), Inverted: true))
                .Goto("helper")
        ),
        ["counter-jump"] = ("forward", New.Daddr(IPNetwork.Parse("10.0.0.1/32")).Counter().Jump("helper")),
        ["tcp-dport"] = ("forward", New.Dport(Tcp, 80).Return()),
        ["vmap"] = ("forward", New.L4Proto(Tcp).Vmap(s_verdicts, KeyPart.Dport)),
        ["names-mark"] = ("forward", New.IifName("eth0").OifName("tw*", inverted: true).SetMark(0x2000)),
        ["names-in-set"] = ("forward", New.In(s_names, KeyPart.OifName).Accept()),
        ["iif"] = ("forward", New.Iif(1).Accept()),
        ["groups"] = ("forward", New.IifGroup(116).OifGroup(116, inverted: true).Drop()),
        ["pkttype"] = ("forward", New.PktType(1).Drop()),
        ["ct-state"] = ("forward", New.CtState(CtState.Established | CtState.Related).Accept()),
        ["ct-status"] = ("forward", New.CtStatus(CtStatus.Dnat).Accept()),
        ["ct-direction"] = ("forward", New.CtDirection(CtDirection.Original).Accept()),
        ["ct-original-daddr"] = (
            "forward",
            New.Add(new Ct(CtKey.DstIp, CtDirection.Original)).Add(new Cmp(CmpOp.Eq, NftData.Of(IPAddress.Parse("1.2.3.4")))).Accept()
        ),
        ["ct-mark-set"] = ("forward", New.Add(new Immediate(NftData.OfHost(0x10))).Add(new CtSet(CtKey.Mark))),
        ["nfproto"] = ("forward", New.NfProto(AddressFamily.InterNetworkV6).Accept()),
        ["dnat-map"] = ("prerouting", New.DaddrIsLocal().DnatBy(Ports("ports", NftType.Ipv4Addr), KeyPart.L4Proto, KeyPart.Dport)),
        ["dnat-map-daddr"] = (
            "prerouting",
            New.DaddrIsLocal().DnatBy(PortsAt("at", NftType.Ipv4Addr), KeyPart.Daddr, KeyPart.L4Proto, KeyPart.Dport)
        ),
        ["dnat-map6"] = (
            "prerouting",
            New.DaddrIsLocal().DnatBy(PortsAt("ports6", NftType.Ipv6Addr), KeyPart.Daddr, KeyPart.L4Proto, KeyPart.Dport)
        ),
        ["dnat"] = ("prerouting", New.Daddr(IPNetwork.Parse("1.2.3.4/32")).Dnat(IPAddress.Parse("10.0.0.1"))),
        ["dnat-port"] = ("prerouting", New.Dport(Tcp, 80).Dnat(IPAddress.Parse("10.0.0.1"), 8080, flags: (NatFlags)0x2)),
        ["snat"] = ("postrouting", New.Saddr(IPNetwork.Parse("10.0.0.1/32")).Snat(IPAddress.Parse("192.0.2.1"), NatFlags.Persistent)),
        ["masquerade"] = ("postrouting", New.SaddrIn(s_local).DaddrNotIn(s_exempt).Masquerade(NatFlags.FullyRandom)),
        ["masquerade-plain"] = ("postrouting", New.Masquerade()),
    };

    public static TheoryData<string> Names => [.. s_rules.Keys];

    private static Rule New => Rule.For(Table);

    [Theory, MemberData(nameof(Names))]
    public void A_rule_is_what_nft_sends(string name)
    {
        (string chain, Rule rule) = s_rules[name];
        new NewRule(Table, chain, rule.WithSetIds(Table)).ShouldBe(Golden.Load($"nftables/rule-{name}.hex"));
    }

    [Theory, Golden("nftables/rule-mark-masked.hex")]
    public void A_masked_mark_is_what_nft_sends(Golden golden)
    {
        const int Expressions = 4,
            Element = 1,
            Data = 2,
            BitwiseOp = 6;
        new NewRule(Table, "forward", New.Mark(0x100, mask: 0xff00).Accept()).ShouldBe(
            golden.Without(Expressions, Element, Data, BitwiseOp)
        );
    }

    [Theory, Golden("nftables/rule-ip-family.hex")]
    public void A_table_of_family_ip_needs_no_check_of_the_protocol(Golden golden)
    {
        TableId table = new(NftFamily.Ip, "twill-a");
        new NewRule(table, "forward", Rule.For(table).Saddr(IPNetwork.Parse("10.0.0.1/32")).Accept()).ShouldBe(golden);
    }

    [Theory, Golden("nftables/insert-rule.hex")]
    public void An_inserted_rule_is_what_nft_sends(Golden golden) =>
        new InsertRule(Table, "forward", New.Saddr(IPNetwork.Parse("1.2.3.9/32")).Accept()).ShouldBe(golden);

    [Theory, Golden("nftables/rule-after.hex")]
    public void A_rule_behind_another_is_what_nft_sends(Golden golden) =>
        new NewRule(Table, "forward", New.Saddr(IPNetwork.Parse("1.2.3.9/32")).Drop(), After: 2).ShouldBe(golden);

    [Theory, Golden("nftables/replace-rule.hex")]
    public void A_replaced_rule_is_what_nft_sends(Golden golden) =>
        new ReplaceRule(Table, "forward", 2, New.Saddr(IPNetwork.Parse("1.2.3.8/32")).Drop()).ShouldBe(golden);

    [Theory, Golden("nftables/delete-rule.hex")]
    public void A_deleted_rule_is_what_nft_sends(Golden golden) => new DeleteRule(Table, "forward", 2).ShouldBe(golden);

    [Fact]
    public void A_rule_without_a_handle_is_never_deleted_as_the_kernel_would_delete_all() =>
        FluentActions.Invoking(() => Encode(new DeleteRule(Table, "forward", 0))).Should().Throw<ArgumentOutOfRangeException>();

    private static NftSet Ports(string name, NftType address) =>
        new(Table, name, NftType.Concat(NftType.InetProto, NftType.InetService)) { Data = NftType.Concat(address, NftType.InetService) };

    private static NftSet PortsAt(string name, NftType address) =>
        new(Table, name, NftType.Concat(address, NftType.InetProto, NftType.InetService))
        {
            Data = NftType.Concat(address, NftType.InetService),
        };
}
