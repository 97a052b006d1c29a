using System.Net;
using Twill.Linux.Netlink;
using Twill.Linux.Nftables;
using Twill.System;
using Twill.Testing;

namespace Kernel.Tests.Nftables;

/// <summary>Sets, maps and what is in them, as nft shows them.</summary>
public sealed class SetTests
{
    private const byte Tcp = 6,
        Udp = 17;

    private static readonly TableId Table = NftTestNetns.Table;
    private static readonly NftType s_endpoint = NftType.Concat(NftType.Ipv4Addr, NftType.InetService);
    private static readonly NftSet s_local = new(Table, "local", NftType.Ipv4Addr) { Interval = true };
    private static readonly NftSet s_plain = new(Table, "plain", NftType.Ipv4Addr);

    private static readonly NftSet s_ports = new(Table, "ports", NftType.Concat(NftType.Ipv4Addr, NftType.InetProto, NftType.InetService))
    {
        Data = s_endpoint,
    };

    private static readonly NftSet s_ranges = new(Table, "ranges", s_endpoint) { Data = NftType.Ipv4Addr, Interval = true };

    // a set -> as `nft list set` shows its head
    private static readonly (NftSet Set, string Type)[] s_kinds =
    [
        (s_plain, "type ipv4_addr"),
        (s_local with { Comment = "leased" }, "type ipv4_addr flags interval comment \"leased\""),
        (new(Table, "six", NftType.Ipv6Addr) { Interval = true }, "type ipv6_addr flags interval"),
        (new(Table, "macs", NftType.EtherAddr), "type ether_addr"),
        (new(Table, "protos", NftType.InetProto), "type inet_proto"),
        (new(Table, "services", NftType.InetService) { Size = 100 }, "type inet_service size 100"),
        (new(Table, "marks", NftType.Mark), "type mark"),
        (new(Table, "names", NftType.IfName), "type ifname"),
        (new(Table, "pairs", NftType.Concat(NftType.IfName, NftType.EtherAddr, NftType.Ipv4Addr)), "type ifname . ether_addr . ipv4_addr"),
        (new(Table, "both", s_endpoint) { Interval = true }, "type ipv4_addr . inet_service flags interval"),
        (s_ports, "type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service"),
        (s_ranges with { Comment = "by port" }, "type ipv4_addr . inet_service : ipv4_addr flags interval comment \"by port\""),
        (new(Table, "verdicts", NftType.InetService) { Data = NftType.Verdict }, "type inet_service : verdict"),
        (new(Table, "bymark", NftType.Mark) { Data = NftType.IfName }, "type mark : ifname"),
    ];

    [RequiresRootFact]
    public void Sets_and_maps_are_of_the_kind_they_say_and_are_listed_so()
    {
        using NftTestNetns ns = new();
        NftBatch batch = ns.Socket.NewBatch().Add(new NewTable(Table));
        foreach ((NftSet set, _) in s_kinds)
        {
            batch.Add(new NewSet(set));
        }

        batch.Send();

        List<NftSet> listed = ns.Socket.ListSets(Table);
        listed.Should().HaveCount(s_kinds.Length);
        foreach ((NftSet set, string type) in s_kinds)
        {
            Shown(ns, set).Should().Be(type);
            ns.Socket.TryGetSet(Table, set.Name, out NftSet? found).Should().BeTrue();
            found!.Handle.Should().NotBe(0);
            (found with { Handle = 0 }).Should().Be(set);
            listed.Should().ContainSingle(s => s.Name == set.Name).Which.Should().Be(found);
        }

        ns.Socket.TryGetSet(Table, "missing", out _).Should().BeFalse();
        ns.Socket.TryGetSet(new TableId(NftFamily.Ip, "missing"), "local", out _).Should().BeFalse();
    }

    [RequiresRootFact]
    public void A_set_of_another_kind_under_the_same_name_is_refused()
    {
        using NftTestNetns ns = With(s_plain);

        ns.Socket.NewBatch().Add(new NewSet(s_plain)).TrySend().Should().BeEmpty();
        ns.Socket.NewBatch()
            .Add(new NewSet(s_plain with { Interval = true }))
            .TrySend()
            .Should()
            .ContainSingle()
            .Which.Errno.Should()
            .Be(Errno.EEXIST);
    }

    [RequiresRootTheory]
    [InlineData("10.244.7.0/24", "10.244.7.0/24")]
    [InlineData("192.0.2.1/32", "192.0.2.1")]
    [InlineData("0.0.0.0/0", "0.0.0.0/0")]
    [InlineData("0.0.0.0/1", "0.0.0.0/1")]
    [InlineData("224.0.0.0/3", "224.0.0.0/3")]
    [InlineData("255.255.255.255/32", "255.255.255.255")]
    [InlineData("10.0.0.0/31", "10.0.0.0/31")]
    public void A_prefix_covers_exactly_its_addresses(string prefix, string shown)
    {
        using NftTestNetns ns = With(s_local);
        SetElement element = SetElement.Of(IPNetwork.Parse(prefix));

        ns.Socket.NewBatch().AddElements(s_local, element).Send();

        Elements(ns, s_local).Should().Be(shown);
        ns.Socket.ListElements(s_local).Should().Equal(element);

        ns.Socket.NewBatch().DeleteElements(s_local, element).Send();

        Elements(ns, s_local).Should().BeEmpty();
        ns.Socket.ListElements(s_local).Should().BeEmpty();
    }

    [RequiresRootFact]
    public void Neighbouring_prefixes_stay_two_elements_and_each_can_be_deleted()
    {
        using NftTestNetns ns = With(s_local);
        SetElement low = SetElement.Of(IPNetwork.Parse("10.244.6.0/24")),
            high = SetElement.Of(IPNetwork.Parse("10.244.7.0/24"));
        SetElement range = SetElement.Range(NftData.Of(IPAddress.Parse("10.244.8.0")), NftData.Of(IPAddress.Parse("10.244.8.9")));

        ns.Socket.NewBatch().AddElements(s_local, range, high, low).Send();

        Elements(ns, s_local).Should().Be("10.244.6.0/24, 10.244.7.0/24, 10.244.8.0-10.244.8.9");
        ns.Socket.ListElements(s_local).Should().Equal(low, high, range);

        ns.Socket.NewBatch().DeleteElements(s_local, high).Send();

        Elements(ns, s_local).Should().Be("10.244.6.0/24, 10.244.8.0-10.244.8.9");
        ns.Socket.ListElements(s_local).Should().Equal(low, range);
    }

    [RequiresRootFact]
    public void A_prefix_added_twice_is_one_and_one_inside_another_is_refused()
    {
        using NftTestNetns ns = With(s_local);
        SetElement wide = SetElement.Of(IPNetwork.Parse("10.244.0.0/16")),
            inside = SetElement.Of(IPNetwork.Parse("10.244.7.0/24"));
        ns.Socket.NewBatch().AddElements(s_local, wide).Send();

        ns.Socket.NewBatch().AddElements(s_local, wide).TrySend().Should().BeEmpty();
        ns.Socket.NewBatch().AddElements(s_local, inside).TrySend().Should().ContainSingle().Which.Errno.Should().Be(Errno.EEXIST);

        Elements(ns, s_local).Should().Be("10.244.0.0/16");
    }

    [RequiresRootFact]
    public void What_nft_puts_into_an_interval_set_is_listed_as_the_ranges_it_shows()
    {
        using NftTestNetns ns = new();
        ns.Namespace.Sh(
            $$"""
            nft 'add table {{Table}}; add set {{Table}} local { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.0.2.7, 224.0.0.0/3 }; };
                 add map {{Table}} colours { type ipv4_addr : mark; flags interval; elements = { 10.0.0.0/9 : 1, 10.128.0.0/9 : 2 }; }'
            """
        );

        ns.Socket.ListElements(s_local)
            .Should()
            .Equal(
                SetElement.Of(IPNetwork.Parse("10.0.0.0/8")),
                SetElement.Of(IPNetwork.Parse("192.0.2.7/32")),
                SetElement.Of(IPNetwork.Parse("224.0.0.0/3"))
            );
        ns.Socket.TryGetSet(Table, "colours", out NftSet? colours).Should().BeTrue();
        ns.Socket.ListElements(colours!)
            .Should()
            .Equal(
                SetElement.Of(IPNetwork.Parse("10.0.0.0/9")).To(NftData.OfHost(1)),
                SetElement.Of(IPNetwork.Parse("10.128.0.0/9")).To(NftData.OfHost(2))
            );
    }

    [RequiresRootFact]
    public void IPv6_prefixes_are_shown_and_listed()
    {
        NftSet six = new(Table, "six", NftType.Ipv6Addr) { Interval = true };
        using NftTestNetns ns = With(six);
        SetElement[] elements = [SetElement.Of(IPNetwork.Parse("2001:db8::/32")), SetElement.Of(IPNetwork.Parse("ff00::/8"))];

        ns.Socket.NewBatch().AddElements(six, elements).Send();

        Elements(ns, six).Should().Be("2001:db8::/32, ff00::/8");
        ns.Socket.ListElements(six).Should().Equal(elements);
    }

    [RequiresRootFact]
    public void Port_mappings_are_shown_with_their_comments_and_change_only_when_asked()
    {
        using NftTestNetns ns = With(s_ports);
        SetElement web = Mapping(Tcp, 8080, "10.244.7.5", 80) with { Comment = "pod web" },
            dns = Mapping(Udp, 53, "10.244.7.6", 5353);

        ns.Socket.NewBatch().AddElements(s_ports, web, dns).Send();

        Elements(ns, s_ports)
            .Split(", ")
            .Should()
            .BeEquivalentTo("192.0.2.1 . tcp . 8080 comment \"pod web\" : 10.244.7.5 . 80", "192.0.2.1 . udp . 53 : 10.244.7.6 . 5353");
        ns.Socket.ListElements(s_ports).Should().BeEquivalentTo([web, dns]);

        ns.Socket.NewBatch().AddElements(s_ports, dns).TrySend().Should().BeEmpty("the same mapping again changes nothing");
        NftFailure taken = ns
            .Socket.NewBatch()
            .AddElements(s_ports, Mapping(Udp, 53, "10.244.7.9", 53))
            .TrySend()
            .Should()
            .ContainSingle()
            .Which;
        taken.Errno.Should().BeOneOf([Errno.EEXIST, Errno.EBUSY], "the port is taken by another container (EBUSY: older kernels)");
        taken.Message.Should().StartWith("new element inet twill-a ports");

        ns.Socket.NewBatch().DeleteElements(s_ports, web).Send();

        Elements(ns, s_ports).Should().Be("192.0.2.1 . udp . 53 : 10.244.7.6 . 5353");
    }

    [RequiresRootFact]
    public void A_mapping_is_moved_in_one_transaction()
    {
        using NftTestNetns ns = With(s_ports);
        SetElement old = Mapping(Tcp, 8080, "10.244.7.5", 80),
            moved = Mapping(Tcp, 8080, "10.244.7.6", 80);
        ns.Socket.NewBatch().AddElements(s_ports, old).Send();

        ns.Socket.NewBatch().DeleteElements(s_ports, old).AddElements(s_ports, moved).Send();

        Elements(ns, s_ports).Should().Be("192.0.2.1 . tcp . 8080 : 10.244.7.6 . 80");
    }

    [RequiresRootFact]
    public void Ranges_of_concatenated_keys_and_verdicts_are_shown_and_listed()
    {
        NftSet verdicts = new(Table, "verdicts", NftType.InetService) { Data = NftType.Verdict };
        using NftTestNetns ns = With(s_ranges, verdicts);
        SetElement range = SetElement
            .Range(
                NftData.Concat(NftData.Of(IPAddress.Parse("10.1.0.0")), NftData.OfPort(80)),
                NftData.Concat(NftData.Of(IPAddress.Parse("10.1.255.255")), NftData.OfPort(90))
            )
            .To(NftData.Of(IPAddress.Parse("10.0.0.9")));
        SetElement one = SetElement
            .Of(NftData.Of(IPAddress.Parse("10.2.0.1")), NftData.OfPort(80))
            .To(NftData.Of(IPAddress.Parse("10.0.0.8")));
        SetElement[] decisions =
        [
            SetElement.Of(NftData.OfPort(80)).To(Verdict.Accept),
            SetElement.Of(NftData.OfPort(81)).To(Verdict.Jump("helper")),
            SetElement.Of(NftData.OfPort(82)).To(Verdict.Drop),
        ];

        ns.Socket.NewBatch().Add(new NewChain(Table, "helper")).AddElements(s_ranges, range, one).AddElements(verdicts, decisions).Send();

        Elements(ns, s_ranges).Split(", ").Should().BeEquivalentTo("10.1.0.0/16 . 80-90 : 10.0.0.9", "10.2.0.1 . 80 : 10.0.0.8");
        Elements(ns, verdicts).Split(", ").Should().BeEquivalentTo("80 : accept", "81 : jump helper", "82 : drop");
        ns.Socket.ListElements(s_ranges).Should().BeEquivalentTo([range, one]);
        ns.Socket.ListElements(verdicts).Should().BeEquivalentTo(decisions);
    }

    [RequiresRootFact]
    public void Destroyed_elements_need_not_be_there_and_deleted_ones_must()
    {
        using NftTestNetns ns = With(s_ports, s_plain);
        SetElement here = Mapping(Tcp, 80, "10.244.7.5", 80),
            gone = Mapping(Tcp, 81, "10.244.7.5", 81);
        ns.Socket.NewBatch().AddElements(s_ports, here).Send();

        FluentActions
            .Invoking(() => ns.Socket.NewBatch().DeleteElements(s_ports, here, gone).Send())
            .Should()
            .Throw<NetlinkException>()
            .Which.Errno.Should()
            .Be(Errno.ENOENT);
        Elements(ns, s_ports).Should().NotBeEmpty("the refused batch deleted nothing");

        ns.Socket.DestroyElements(s_ports, gone, here);
        ns.Socket.DestroyElements(s_ports, gone, here);
        ns.Socket.DestroyElements(s_ports with { Name = "missing" }, here);
        ns.Socket.DestroyElements(s_ports);

        Elements(ns, s_ports).Should().BeEmpty();
    }

    [RequiresRootFact]
    public void A_flushed_set_is_empty_and_a_deleted_set_is_gone_unless_a_rule_uses_it()
    {
        using NftTestNetns ns = With(s_local, s_plain);
        ns.Socket.NewBatch()
            .AddElements(s_plain, SetElement.Of(IPAddress.Parse("10.0.0.1")))
            .Add(new NewChain(Table, "helper"))
            .Add(new NewRule(Table, "helper", Rule.For(Table).SaddrIn(s_local)))
            .Send();

        ns.Socket.NewBatch().Add(new FlushSet(Table, "plain")).Send();
        Elements(ns, s_plain).Should().BeEmpty();

        ns.Socket.NewBatch().Add(new DeleteSet(Table, "local")).TrySend().Should().ContainSingle().Which.Errno.Should().Be(Errno.EBUSY);
        ns.Socket.NewBatch().Add(new DeleteSet(Table, "plain")).Send();
        ns.Objects("set").Should().ContainSingle().Which["name"]!.GetValue<string>().Should().Be("local");
    }

    [RequiresRootFact]
    public void Elements_of_a_missing_set_are_an_error_that_names_it()
    {
        using NftTestNetns ns = With(s_local);

        FluentActions
            .Invoking(() => ns.Socket.ListElements(s_plain))
            .Should()
            .Throw<NetlinkException>()
            .WithMessage("list elements inet twill-a plain: *")
            .Which.Errno.Should()
            .Be(Errno.ENOENT);
    }

    private static NftTestNetns With(params NftSet[] sets)
    {
        NftTestNetns ns = new();
        NftBatch batch = ns.Socket.NewBatch().Add(new NewTable(Table));
        foreach (NftSet set in sets)
        {
            batch.Add(new NewSet(set));
        }

        batch.Send();
        return ns;
    }

    private static SetElement Mapping(byte protocol, ushort port, string container, ushort containerPort) =>
        SetElement
            .Of(NftData.Of(IPAddress.Parse("192.0.2.1")), NftData.Of(protocol), NftData.OfPort(port))
            .To(NftData.Of(IPAddress.Parse(container)), NftData.OfPort(containerPort));

    // What `nft list set` shows between the braces, in one line.
    private static string Shown(NftTestNetns ns, NftSet set)
    {
        string text = ns.Namespace.Nft($"list {(set.IsMap ? "map" : "set")} {Table} {set.Name}");
        string[] words = text[(text.IndexOf($" {set.Name} {{", StringComparison.Ordinal) + set.Name.Length + 3)..]
            .Split([' ', '\n', '\t', '}'], StringSplitOptions.RemoveEmptyEntries);
        return string.Join(' ', words);
    }

    private static string Elements(NftTestNetns ns, NftSet set)
    {
        string shown = Shown(ns, set);
        int start = shown.IndexOf("elements = {", StringComparison.Ordinal);
        return start < 0 ? "" : shown[(start + "elements = {".Length)..].Trim();
    }
}
