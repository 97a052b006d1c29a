using System.Net;
using Twill.Linux.Routes;

namespace Twill.Linux.Tests.Routes;

public sealed class RouteTests
{
    private static readonly List<Route> s_all = Decoded.All(Captured.Reply("routes"), Route.Decode);

    private static Route The(string destination) =>
        s_all.Should().ContainSingle(r => r.Destination == IPNetwork.Parse(destination) && r.RouteType != RouteType.Local).Subject;

    [Fact]
    public void A_route_tells_gateway_metric_source_and_metrics()
    {
        Route route = The("10.1.0.0/16");

        route.Gateway.Should().Be(IPAddress.Parse("10.0.0.2"));
        route.Index.Should().Be(10);
        route.Metric.Should().Be(7);
        route.Source.Should().Be(IPAddress.Parse("10.0.0.1"));
        route.Mtu.Should().Be(1400);
        route.AdvMss.Should().Be(1360);
        route.Protocol.Should().Be(116);
        route.Table.Should().Be(RouteTable.Main);
        route.Scope.Should().Be(RouteScope.Universe);
        route.RouteType.Should().Be(RouteType.Unicast);
        route.Onlink.Should().BeFalse();
    }

    [Fact]
    public void An_onlink_route_says_so()
    {
        Route route = The("10.244.9.0/24");

        route.Onlink.Should().BeTrue();
        route.Gateway.Should().Be(IPAddress.Parse("10.244.9.0"));
    }

    [Fact]
    public void A_route_with_several_ways_tells_them_all()
    {
        Route route = The("0.0.0.0/0");

        route.Gateway.Should().BeNull();
        route.Index.Should().Be(0);
        route
            .NextHops.Select(h => (h.Index, h.Gateway, h.Weight))
            .Should()
            .Equal((10, IPAddress.Parse("10.0.0.3"), 2), (10, IPAddress.Parse("10.0.0.4"), 1));
        route.GoesThrough(10).Should().BeTrue();
        route.GoesThrough(11).Should().BeFalse();
    }

    [Fact]
    public void An_IPv4_route_tells_its_IPv6_gateway() => The("10.3.0.0/16").Gateway.Should().Be(IPAddress.Parse("fe80::1"));

    [Fact]
    public void A_blackhole_has_no_link_and_its_table_may_have_a_large_number()
    {
        Route route = The("10.4.0.0/16");

        route.RouteType.Should().Be(RouteType.Blackhole);
        route.Index.Should().Be(0);
        route.Table.Should().Be(300);
    }

    [Fact]
    public void The_kernels_own_routes_are_in_the_local_table() =>
        s_all.Should().Contain(r => r.Table == RouteTable.Local && r.RouteType == RouteType.Local && r.Protocol == 2);

    [Fact]
    public void An_IPv6_route_tells_gateway_and_protocol()
    {
        Route route = Decoded.All(Captured.Reply("routes-ipv6"), Route.Decode).Single(r => r.Destination == IPNetwork.Parse("fd01::/48"));

        route.Gateway.Should().Be(IPAddress.Parse("fd00::2"));
        route.Protocol.Should().Be(116);
        route.Metric.Should().Be(1024);
    }

    [Theory]
    [InlineData("routes-nhid", "10.244.9.0", 10)]
    [InlineData("routes-nhid-alone", null, 0)] // net.ipv4.nexthop_compat_mode=0
    public void A_route_tells_the_nexthop_object_that_it_names(string reply, string? gateway, int index)
    {
        Route route = Decoded.All(Captured.Reply(reply), Route.Decode).Should().ContainSingle().Subject;

        route.NexthopId.Should().Be(0x7400_0005);
        route.Gateway?.ToString().Should().Be(gateway);
        route.Index.Should().Be(index);
    }

    [Theory]
    [InlineData(300u, (byte)0, 0, 1)]
    [InlineData(0u, (byte)116, 0, 2)]
    [InlineData(0u, (byte)116, 11, 0)]
    [InlineData(254u, (byte)116, 10, 2)]
    public void A_filter_leaves_out_what_was_not_asked_for(uint table, byte protocol, int index, int expected)
    {
        ListRoutes filter = new()
        {
            Table = table,
            Protocol = protocol,
            Index = index,
        };

        s_all.Count(filter.Matches).Should().Be(expected);
    }
}
