using System.Net;
using Twill.Linux.Nftables;
using Twill.Linux.Nftables.Expressions;
using Twill.Network;
using Twill.System;

namespace Twill.Host.AntiSpoof;

/// <summary>
/// The rules of a <see cref="SourceTable"/>. What a container sends passes when it bears the container's own addresses; the last rule drops
/// the rest. Beside its own and allowed addresses a container may use:
/// <list type="bullet">
/// <item>IPv6 link-local addresses: which one an interface has, only its kernel knows (EUI-64, or a stable one by a secret).</item>
/// <item>The unspecified address, for ARP probes, DHCP, duplicate address detection and multicast listener reports.</item>
/// <item>Protocols other than IP and ARP, from its own hardware address. Not VLAN tags that are left when the kernel has taken the first
/// one off: a kernel takes off those of VLAN 0 as well, and what is behind them was never looked at.</item>
/// </list>
/// It may answer neighbour solicitations for its own and link-local addresses, and is no router: its advertisements and redirects are
/// dropped (RFC 6105 calls that RA guard).
/// </summary>
internal static class SourceRules
{
    private const ushort ETH_P_IP = 0x0800,
        ETH_P_ARP = 0x0806,
        ETH_P_8021Q = 0x8100,
        ETH_P_IPV6 = 0x86dd,
        ETH_P_8021AD = 0x88a8;
    private const byte RouterAdvertisement = 134,
        NeighbourAdvertisement = 136,
        Redirect = 137;

    private static readonly IPNetwork s_linkLocal = IPNetwork.Parse("fe80::/10"),
        s_none4 = new(IPAddress.Any, 32),
        s_none6 = new(IPAddress.IPv6Any, 128);

    private static readonly Func<SourceTable, Rule>[] s_bridge =
    [
        OtherInterfaces,
        t => Rule.For(t.Id).In(t.IPv4, KeyPart.IifName, KeyPart.EtherSaddr, KeyPart.Saddr).Accept().WithComment("own IPv4 address"),
        t => ArpOf(t, t.IPv4).Accept().WithComment("ARP, own address"),
        t => ArpOf(t, t.IPv4Ranges).Accept().WithComment("ARP, allowed address"),
        t => ArpProbe(t).Accept().WithComment("ARP probe"),
        t => OfNoHost(t, RouterAdvertisement).WithComment("router advertisement"),
        t => OfNoHost(t, Redirect).WithComment("redirect"),
        t =>
            ForeignTarget(t)
                .NotIn(t.IPv6, KeyPart.IifName, KeyPart.EtherSaddr, KeyPart.NeighbourTarget)
                .NotIn(t.IPv6Ranges, KeyPart.IifName, KeyPart.EtherSaddr, KeyPart.NeighbourTarget)
                .In(t.Ends, KeyPart.IifName)
                .Drop()
                .WithComment("neighbour advertisement for another"),
        t => Rule.For(t.Id).In(t.IPv6, KeyPart.IifName, KeyPart.EtherSaddr, KeyPart.Saddr).Accept().WithComment("own IPv6 address"),
        t => OfOwnMac(t, Rule.For(t.Id).Saddr(s_linkLocal)).Accept().WithComment("link-local address"),
        t => OfOwnMac(t, Rule.For(t.Id).Saddr(s_none6).L4Proto(IPProtocol.Icmpv6)).Accept().WithComment("no IPv6 address yet"),
        t => OfOwnMac(t, DhcpRequest(t)).Accept().WithComment("no IPv4 address yet"),
        t =>
            Rule.For(t.Id)
                .In(t.IPv4Ranges, KeyPart.IifName, KeyPart.EtherSaddr, KeyPart.Saddr)
                .Accept()
                .WithComment("allowed IPv4 address"),
        t =>
            Rule.For(t.Id)
                .In(t.IPv6Ranges, KeyPart.IifName, KeyPart.EtherSaddr, KeyPart.Saddr)
                .Accept()
                .WithComment("allowed IPv6 address"),
        t =>
            OfOwnMac(
                    t,
                    Rule.For(t.Id)
                        .Protocol(ETH_P_IP, inverted: true)
                        .Protocol(ETH_P_ARP, inverted: true)
                        .Protocol(ETH_P_IPV6, inverted: true)
                        .Protocol(ETH_P_8021Q, inverted: true)
                        .Protocol(ETH_P_8021AD, inverted: true)
                )
                .Accept()
                .WithComment("other protocols"),
        Others,
    ];

    private static readonly Func<SourceTable, Rule>[] s_ip =
    [
        OtherInterfaces,
        t => Rule.For(t.Id).In(t.IPv4, KeyPart.IifName, KeyPart.Saddr).Accept().WithComment("own IPv4 address"),
        t => Rule.For(t.Id).In(t.IPv4Ranges, KeyPart.IifName, KeyPart.Saddr).Accept().WithComment("allowed IPv4 address"),
        Others,
    ];

    private static readonly Func<SourceTable, Rule>[] s_ip6 =
    [
        OtherInterfaces,
        t => OfNoHost(t, RouterAdvertisement).WithComment("router advertisement"),
        t => OfNoHost(t, Redirect).WithComment("redirect"),
        t =>
            ForeignTarget(t)
                .NotIn(t.IPv6, KeyPart.IifName, KeyPart.NeighbourTarget)
                .NotIn(t.IPv6Ranges, KeyPart.IifName, KeyPart.NeighbourTarget)
                .In(t.Ends, KeyPart.IifName)
                .Drop()
                .WithComment("neighbour advertisement for another"),
        t => Rule.For(t.Id).In(t.IPv6, KeyPart.IifName, KeyPart.Saddr).Accept().WithComment("own IPv6 address"),
        t => Rule.For(t.Id).Saddr(s_linkLocal).Accept().WithComment("link-local address"),
        t => Rule.For(t.Id).Saddr(s_none6).L4Proto(IPProtocol.Icmpv6).Accept().WithComment("no IPv6 address yet"),
        t => Rule.For(t.Id).In(t.IPv6Ranges, KeyPart.IifName, KeyPart.Saddr).Accept().WithComment("allowed IPv6 address"),
        Others,
    ];

    /// <summary>The rules of a table, in order; made one by one: to count them none is.</summary>
    internal static IReadOnlyList<Func<SourceTable, Rule>> Of(SourceTable table) =>
        table.Id.Family switch
        {
            NftFamily.Bridge => s_bridge,
            NftFamily.Ip => s_ip,
            _ => s_ip6,
        };

    private static Rule OtherInterfaces(SourceTable t) =>
        Rule.For(t.Id).IifName($"{DeviceNames.VethPrefix}*", inverted: true).Accept().WithComment("no host end");

    private static Rule Others(SourceTable t) => Rule.For(t.Id).In(t.Ends, KeyPart.IifName).Drop().WithComment("as another");

    private static Rule OfOwnMac(SourceTable t, Rule packets) => packets.In(t.Macs, KeyPart.IifName, KeyPart.EtherSaddr);

    /// <summary>From port 68 to port 67 (RFC 2131).</summary>
    private static Rule DhcpRequest(SourceTable t) => Rule.For(t.Id).Saddr(s_none4).Sport(IPProtocol.Udp, 68).Dport(IPProtocol.Udp, 67);

    private static Rule OfNoHost(SourceTable t, byte type) => Rule.For(t.Id).Icmpv6Type(type).In(t.Ends, KeyPart.IifName).Drop();

    /// <summary>`meta protocol arp arp htype 1 arp ptype ip arp hlen 6 arp plen 4`: the only form in which the fields behind are where they
    /// are looked for.</summary>
    /// <param name="t">The table.</param>
    /// <param name="operation">Bytes of the field behind, in network byte order, when it has to have a value: nft compares neighbouring
    /// fields at once, and so does a rule that it is to list as it would make it.</param>
    private static Rule Arp(SourceTable t, params ReadOnlySpan<byte> operation)
    {
        byte[] start = [0, 1, ETH_P_IP >> 8, ETH_P_IP & 0xff, 6, 4, .. operation];
        return Rule.For(t.Id)
            .Protocol(ETH_P_ARP)
            .Add(new Payload(PayloadBase.Network, 0, (uint)start.Length))
            .Add(new Cmp(CmpOp.Eq, new NftData(start)));
    }

    /// <summary>Frame and ARP packet name the container's own hardware address as the sender's.</summary>
    private static Rule OwnArp(SourceTable t, Rule packets) => OfOwnMac(t, packets).In(t.Macs, KeyPart.IifName, KeyPart.ArpSenderMac);

    private static Rule ArpOf(SourceTable t, NftSet addresses) =>
        OwnArp(t, Arp(t)).In(addresses, KeyPart.IifName, KeyPart.EtherSaddr, KeyPart.ArpSenderAddress);

    /// <summary>`arp operation request arp saddr ip 0.0.0.0` (RFC 5227): it says nothing about anybody.</summary>
    private static Rule ArpProbe(SourceTable t) =>
        OwnArp(t, Arp(t, 0, 1))
            .Add(new Payload(PayloadBase.Network, 14, 4))
            .Add(new Cmp(CmpOp.Eq, NftData.Of(IPAddress.Any)));

    /// <summary>A neighbour advertisement whose target is not link-local: of fe80::/10 the first ten bits are compared.</summary>
    private static Rule ForeignTarget(SourceTable t) =>
        Rule.For(t.Id)
            .Icmpv6Type(NeighbourAdvertisement)
            .Add(new Payload(PayloadBase.Transport, 8, 2))
            .Add(Bitwise.And(new NftData([0xff, 0xc0])))
            .Add(new Cmp(CmpOp.Neq, new NftData([0xfe, 0x80])));
}
