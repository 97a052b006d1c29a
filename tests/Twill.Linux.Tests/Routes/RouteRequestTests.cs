using System.Net;
using System.Net.Sockets;
using Twill.Linux.Routes;

namespace Twill.Linux.Tests.Routes;

public sealed class RouteRequestTests
{
    private static readonly IPNetwork s_net = IPNetwork.Parse("10.1.0.0/16");

    [Fact]
    public void NewRoute_onlink_is_what_ip_route_replace_sends() =>
        Captured.Equal(
            "routes/replace-route-onlink",
            new NewRoute(IPNetwork.Parse("10.244.9.0/24"))
            {
                Mode = RouteMode.Replace,
                Gateway = IPAddress.Parse("10.244.9.0"),
                Index = 10,
                Onlink = true,
                Protocol = 116,
            }
        );

    [Fact]
    public void NewRoute_sends_all_that_is_asked_for() =>
        Captured.Equal(
            "routes/new-route-all",
            new NewRoute(s_net)
            {
                Gateway = IPAddress.Parse("10.0.0.2"),
                Metric = 7,
                Table = 300,
                Source = IPAddress.Parse("10.0.0.1"),
                Index = 10,
                Mtu = 1400,
                AdvMss = 1360,
            }
        );

    [Fact]
    public void NewRoute_to_everywhere_has_no_destination() =>
        Captured.Equal("routes/new-route-default", new NewRoute(IPNetwork.Parse("0.0.0.0/0")) { Gateway = IPAddress.Parse("10.0.0.2") });

    [Fact]
    public void NewRoute_without_a_gateway_has_scope_link() =>
        Captured.Equal("routes/new-route-link", new NewRoute(s_net) { Index = 10, Table = 100 });

    [Fact]
    public void NewRoute_of_IPv4_goes_via_an_IPv6_gateway_by_RTA_VIA() =>
        Captured.Equal("routes/new-route-via-ipv6", new NewRoute(s_net) { Gateway = IPAddress.Parse("fe80::1"), Index = 10 });

    [Fact]
    public void NewRoute_of_IPv6_is_what_ip_route_add_sends() =>
        Captured.Equal(
            "routes/new-route-ipv6",
            new NewRoute(IPNetwork.Parse("fd01::/48"))
            {
                Gateway = IPAddress.Parse("fe80::1"),
                Index = 10,
                Protocol = 116,
            }
        );

    [Fact]
    public void NewRoute_to_nowhere_needs_no_link() =>
        Captured.Equal("routes/new-route-blackhole", new NewRoute(s_net) { RouteType = RouteType.Blackhole });

    [Fact]
    public void NewRoute_prepends_when_told_to() =>
        Captured.Equal(
            "routes/prepend-route",
            new NewRoute(IPNetwork.Parse("10.244.9.0/24"))
            {
                Mode = RouteMode.Prepend,
                Gateway = IPAddress.Parse("10.244.9.0"),
                Index = 10,
                Onlink = true,
                Protocol = 116,
            }
        );

    [Fact]
    public void NewRoute_that_names_a_nexthop_object_says_nothing_of_gateway_and_link() =>
        Captured.Equal(
            "routes/prepend-route-nhid",
            new NewRoute(IPNetwork.Parse("10.244.9.0/24"))
            {
                Mode = RouteMode.Prepend,
                NexthopId = 0x7400_0005,
                Protocol = 116,
            }
        );

    [Fact]
    public void DeleteRoute_names_the_nexthop_object() =>
        Captured.Equal(
            "routes/delete-route-nhid",
            new DeleteRoute(IPNetwork.Parse("10.244.9.0/24")) { NexthopId = 0x7400_0005, Protocol = 116 }
        );

    [Fact]
    public void NewRoute_appends_when_told_to() =>
        Captured.Equal("routes/append-route", new NewRoute(s_net) { Mode = RouteMode.Append, Index = 10 });

    [Fact]
    public void DeleteRoute_sends_all_that_the_route_must_have() =>
        Captured.Equal(
            "routes/delete-route",
            new DeleteRoute(s_net)
            {
                Protocol = 116,
                Metric = 7,
                Table = 300,
                Index = 10,
            }
        );

    [Fact]
    public void ListRoutes_asks_the_kernel_to_filter() =>
        Captured.Equal(
            "routes/list-routes",
            new ListRoutes
            {
                Family = AddressFamily.InterNetwork,
                Table = 300,
                Protocol = 116,
                Index = 10,
            }
        );

    [Fact]
    public void GetRoute_is_what_ip_route_get_sends() => Captured.Equal("routes/get-route", new GetRoute(IPAddress.Parse("127.0.0.9")));

    [Fact]
    public void GetRoute_of_a_packet_is_what_ip_route_get_sends() =>
        Captured.Equal(
            "routes/get-route-of-packet",
            new GetRoute(IPAddress.Parse("10.244.9.1"))
            {
                Source = IPAddress.Parse("10.0.0.9"),
                Iif = 10,
                UdpPort = 4789,
            }
        );
}
