using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Twill.Linux;
using Twill.Linux.Netlink;
using Twill.Linux.Nexthops;
using Twill.Linux.Routes;
using Twill.System;
using Twill.Testing;

namespace Kernel.Tests.Routes;

public sealed class RouteTests
{
    private static readonly IPNetwork s_net = IPNetwork.Parse("10.1.0.0/16");

    // br0 with 10.0.0.1/24, up.
    private static TestNetns WithBridge()
    {
        TestNetns ns = TestNetns.Create();
        ns.Ip("link add br0 up type bridge");
        ns.Ip("addr add 10.0.0.1/24 dev br0");
        ns.Ip("addr add fd00::1/64 dev br0 nodad");
        return ns;
    }

    private static JsonElement[] Show(TestNetns ns, string args) => [.. ns.IpJson($"route show {args}").EnumerateArray()];

    [RequiresRootFact]
    public void An_overlay_route_is_onlink_through_the_base_of_its_own_subnet_and_marked()
    {
        using TestNetns ns = WithBridge();
        using RouteSocket route = Netns.OpenRouteSocket(ns);
        IPAddress subnet = IPAddress.Parse("10.244.9.0");

        route.Execute(
            new NewRoute(new IPNetwork(subnet, 24))
            {
                Gateway = subnet,
                Index = ns.IndexOf("br0"),
                Onlink = true,
                Protocol = 116,
            }
        );

        JsonElement shown = Show(ns, "10.244.9.0/24").Single();
        shown.GetProperty("gateway").GetString().Should().Be("10.244.9.0");
        shown.GetProperty("dev").GetString().Should().Be("br0");
        shown.GetProperty("protocol").GetString().Should().Be("116");
        shown.GetProperty("flags").EnumerateArray().Select(f => f.GetString()).Should().Contain("onlink");
    }

    [RequiresRootFact]
    public void A_route_leads_by_a_nexthop_object_and_is_deleted_by_its_number_alone()
    {
        using TestNetns ns = WithBridge();
        using RouteSocket route = Netns.OpenRouteSocket(ns);
        IPAddress subnet = IPAddress.Parse("10.244.9.0");
        IPNetwork destination = new(subnet, 24);
        ns.Ip("link add vx0 up type vxlan id 7 dstport 4789");
        int index = ns.IndexOf("vx0");

        RouteBatch batch = route.NewBatch();
        batch.Add(new NewNexthop(0x7400_0005, subnet, index) { Onlink = true, Protocol = 116 });
        batch.Add(new NewRoute(destination) { Mode = RouteMode.Prepend, NexthopId = 0x7400_0005, Protocol = 116 });
        batch.Send();

        JsonElement nexthop = ns.IpJson("nexthop show").EnumerateArray().Single();
        nexthop.GetProperty("id").GetUInt32().Should().Be(0x7400_0005);
        nexthop.GetProperty("gateway").GetString().Should().Be("10.244.9.0");
        nexthop.GetProperty("protocol").GetString().Should().Be("116");
        Show(ns, "10.244.9.0/24").Single().GetProperty("nhid").GetUInt32().Should().Be(0x7400_0005);
        route.TryListNexthops(out List<NexthopObject>? listed).Should().BeTrue();
        listed.Should().ContainSingle().Which.Should().Match<NexthopObject>(n => n.Onlink && n.Index == index && n.Protocol == 116);
        route
            .TryExecute(new DeleteRoute(destination) { Gateway = subnet, Index = index, Protocol = 116 }, Errno.ESRCH)
            .Should()
            .BeFalse("by gateway and link no such route is found");
        route.Execute(new DeleteRoute(destination) { NexthopId = 0x7400_0005, Protocol = 116 });
        route.Execute(new DeleteNexthop(0x7400_0005));
        route.TryExecute(new DeleteNexthop(0x7400_0005), Errno.ENOENT).Should().BeFalse();
        Show(ns, "10.244.9.0/24").Should().BeEmpty();
    }

    [RequiresRootFact]
    public void A_route_has_the_metric_source_mtu_and_table_it_was_asked_for()
    {
        using TestNetns ns = WithBridge();
        using RouteSocket route = Netns.OpenRouteSocket(ns);

        route.Execute(
            new NewRoute(s_net)
            {
                Gateway = IPAddress.Parse("10.0.0.2"),
                Metric = 7,
                Table = 300,
                Source = IPAddress.Parse("10.0.0.1"),
                Mtu = 1400,
                AdvMss = 1360,
            }
        );

        JsonElement shown = Show(ns, "table 300").Single();
        shown.GetProperty("dst").GetString().Should().Be("10.1.0.0/16");
        shown.GetProperty("dev").GetString().Should().Be("br0", "the gateway's link was left to the kernel");
        shown.GetProperty("metric").GetInt32().Should().Be(7);
        shown.GetProperty("prefsrc").GetString().Should().Be("10.0.0.1");
        shown.GetProperty("metrics")[0].GetProperty("mtu").GetInt32().Should().Be(1400);
        shown.GetProperty("metrics")[0].GetProperty("advmss").GetInt32().Should().Be(1360);
        Show(ns, "10.1.0.0/16").Should().BeEmpty("the main table was not asked for");
    }

    [RequiresRootFact]
    public void Adding_twice_is_refused_replacing_and_appending_are_not()
    {
        using TestNetns ns = WithBridge();
        using RouteSocket route = Netns.OpenRouteSocket(ns);
        NewRoute via2 = new(s_net) { Gateway = IPAddress.Parse("10.0.0.2") };
        NewRoute via3 = via2 with { Gateway = IPAddress.Parse("10.0.0.3") };
        route.Execute(via2);

        Action again = () => route.Execute(via3);
        again.Should().Throw<NetlinkException>().WithMessage("new route 10.1.0.0/16 via 10.0.0.3: File exists*");
        route.Execute(via3 with { Mode = RouteMode.Replace });
        Show(ns, "10.1.0.0/16").Select(r => r.GetProperty("gateway").GetString()).Should().Equal("10.0.0.3");
        route.Execute(via2 with { Mode = RouteMode.Append });
        Show(ns, "10.1.0.0/16").Select(r => r.GetProperty("gateway").GetString()).Should().Equal("10.0.0.3", "10.0.0.2");
    }

    [RequiresRootFact]
    public void Default_link_IPv6_mixed_and_blackhole_routes_are_what_ip_shows()
    {
        using TestNetns ns = WithBridge();
        using RouteSocket route = Netns.OpenRouteSocket(ns);
        int index = ns.IndexOf("br0");

        route.Execute(new NewRoute(IPNetwork.Parse("0.0.0.0/0")) { Gateway = IPAddress.Parse("10.0.0.2") });
        route.Execute(new NewRoute(s_net) { Index = index });
        route.Execute(
            new NewRoute(IPNetwork.Parse("fd01::/48"))
            {
                Gateway = IPAddress.Parse("fd00::2"),
                Index = index,
                Protocol = 116,
            }
        );
        route.Execute(new NewRoute(IPNetwork.Parse("::/0")) { Gateway = IPAddress.Parse("fd00::2") });
        route.Execute(new NewRoute(IPNetwork.Parse("10.3.0.0/16")) { Gateway = IPAddress.Parse("fd00::2"), Index = index });
        route.Execute(new NewRoute(IPNetwork.Parse("10.4.0.0/16")) { RouteType = RouteType.Blackhole });

        Show(ns, "default").Single().GetProperty("gateway").GetString().Should().Be("10.0.0.2");
        Show(ns, "10.1.0.0/16").Single().GetProperty("scope").GetString().Should().Be("link");
        ns.IpJson("-6 route show fd01::/48")[0].GetProperty("gateway").GetString().Should().Be("fd00::2");
        ns.IpJson("-6 route show default")[0].GetProperty("gateway").GetString().Should().Be("fd00::2");
        Show(ns, "10.3.0.0/16").Single().GetProperty("via").GetProperty("host").GetString().Should().Be("fd00::2");
        Show(ns, "10.4.0.0/16").Single().GetProperty("type").GetString().Should().Be("blackhole");
    }

    [RequiresRootFact]
    public void A_delete_takes_only_a_route_that_has_all_that_is_given()
    {
        using TestNetns ns = WithBridge();
        ns.Ip("route add 10.1.0.0/16 via 10.0.0.2 proto 116");
        ns.Ip("route add 10.1.0.0/16 via 10.0.0.3 metric 9");
        using RouteSocket route = Netns.OpenRouteSocket(ns);

        route.TryExecute(new DeleteRoute(s_net) { Protocol = 117 }, Errno.ESRCH).Should().BeFalse();
        route.TryExecute(new DeleteRoute(s_net) { Gateway = IPAddress.Parse("10.0.0.9") }, Errno.ESRCH).Should().BeFalse();
        Show(ns, "10.1.0.0/16").Should().HaveCount(2);
        route.Execute(new DeleteRoute(s_net) { Protocol = 116 });
        Show(ns, "10.1.0.0/16").Single().GetProperty("metric").GetInt32().Should().Be(9);
        route.Execute(
            new DeleteRoute(s_net)
            {
                Metric = 9,
                Index = ns.IndexOf("br0"),
                RouteType = RouteType.Unicast,
            }
        );
        Show(ns, "10.1.0.0/16").Should().BeEmpty();
    }

    [RequiresRootFact]
    public void An_unreachable_gateway_is_refused_in_the_kernels_words()
    {
        using TestNetns ns = WithBridge();
        using RouteSocket route = Netns.OpenRouteSocket(ns);

        Action add = () => route.Execute(new NewRoute(s_net) { Gateway = IPAddress.Parse("10.99.0.1") });

        add.Should()
            .Throw<NetlinkException>()
            .WithMessage("new route 10.1.0.0/16 via 10.99.0.1: Network is unreachable (errno 101) - Nexthop has invalid gateway*");
    }

    [RequiresRootFact]
    public void Lists_hold_what_was_asked_for()
    {
        using TestNetns ns = WithBridge();
        ns.Ip("route add 10.1.0.0/16 via 10.0.0.2 proto 116");
        ns.Ip("route add 10.2.0.0/16 via 10.0.0.2 proto 116 table 300");
        ns.Ip("route add fd01::/48 via fd00::2 proto 116");
        ns.Ip("route add 10.3.0.0/16 dev lo proto 116");
        using RouteSocket route = Netns.OpenRouteSocket(ns);
        int index = ns.IndexOf("br0");

        string[] List(ListRoutes filter) => [.. route.ListRoutes(filter).Select(r => r.Destination.ToString())];

        List(new() { Protocol = 116 }).Should().BeEquivalentTo("10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16", "fd01::/48");
        List(new() { Protocol = 116, Family = AddressFamily.InterNetworkV6 }).Should().Equal("fd01::/48");
        List(
                new()
                {
                    Protocol = 116,
                    Index = index,
                    Table = RouteTable.Main,
                    Family = AddressFamily.InterNetwork,
                }
            )
            .Should()
            .Equal("10.1.0.0/16");
        List(new() { Table = 300 }).Should().Equal("10.2.0.0/16");
        List(new() { Table = 4711 }).Should().BeEmpty("a table that nobody used is empty, not an error");
        route.ListRoutes().Should().Contain(r => r.Table == RouteTable.Local && r.RouteType == RouteType.Local);
    }

    [RequiresRootFact]
    public void The_way_of_a_packet_tells_gateway_link_and_source()
    {
        using TestNetns ns = WithBridge();
        ns.Ip("route add default via 10.0.0.2");
        using RouteSocket route = Netns.OpenRouteSocket(ns);

        route.TryGetRoute(IPAddress.Parse("192.0.2.1"), out Route? way).Should().BeTrue();
        route.TryGetRoute(IPAddress.Parse("2001:db8::1"), out _).Should().BeFalse("there is no IPv6 route");

        way!.Gateway.Should().Be(IPAddress.Parse("10.0.0.2"));
        way.Index.Should().Be(ns.IndexOf("br0"));
        way.Source.Should().Be(IPAddress.Parse("10.0.0.1"));
        ns.Ip("-6 route add default via fe80::2 dev br0");
        route.TryGetRoute(IPAddress.Parse("2001:db8::1"), out way).Should().BeTrue();
        (way!.Gateway, way.Index).Should().Be((IPAddress.Parse("fe80::2"), ns.IndexOf("br0")));
    }
}
