using System.Net;
using System.Text.Json;
using Twill.Cni;
using Twill.Host;
using Twill.Host.Backends;
using Twill.Linux;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.Testing;

namespace Kernel.Tests.Host;

public sealed class UnderlayTests : IDisposable
{
    private readonly TestNetns _ns = TestNetnsWithTwoUplinks();

    [RequiresRootTheory]
    [InlineData("", "up0", "10.1.2.10")]
    [InlineData("up1", "up1", "198.51.100.10")]
    [InlineData("*1", "up1", "198.51.100.10")]
    [InlineData("up?", "up0", "10.1.2.10")]
    [InlineData("198.51.100.0/24", "up1", "198.51.100.10")]
    [InlineData("198.51.100.10/24", "up1", "198.51.100.10")]
    [InlineData("198.51.100.11", "up1", "198.51.100.11")]
    public void Is_chosen_by_default_route_name_glob_prefix_or_address(string pattern, string name, string address)
    {
        using RouteSocket route = Netns.OpenRouteSocket(_ns);

        Underlay underlay = Underlay.Select(route, pattern, dual: false);

        underlay.Name.Should().Be(name);
        underlay.IPv4!.ToString().Should().Be(address);
        underlay.Mtu.Should().Be(name == "up0" ? 1400 : 1500);
        underlay.Index.Should().Be(_ns.IpJson($"link show dev {name}")[0].GetProperty("ifindex").GetInt32());
    }

    [RequiresRootFact]
    public void The_default_routes_preferred_source_decides_among_the_interfaces_addresses()
    {
        _ns.Ip("address add 10.1.2.77/24 dev up0");
        _ns.Ip("route replace default via 10.1.2.1 dev up0 src 10.1.2.77 metric 5");
        using RouteSocket route = Netns.OpenRouteSocket(_ns);

        Underlay.Select(route, "", dual: false).IPv4!.ToString().Should().Be("10.1.2.77");
    }

    /// <summary>A virtual address of a load balancer, which is put before the host's own.</summary>
    [RequiresRootFact]
    public void The_source_that_the_kernel_uses_is_taken_and_what_is_published_stays_while_it_is_there()
    {
        _ns.Ip("address flush dev up0");
        _ns.Ip("address add 10.9.9.9/32 dev up0");
        _ns.Ip("address add 10.1.2.10/24 dev up0");
        _ns.Ip("route add default via 10.1.2.1 dev up0 metric 10");
        using RouteSocket route = Netns.OpenRouteSocket(_ns);
        Underlay.Select(route, Conf(""), published: null).IPv4!.ToString().Should().Be("10.1.2.10");
        Underlay.Select(route, Conf("up0"), Published("10.1.2.10")).IPv4!.ToString().Should().Be("10.1.2.10");

        _ns.Ip("address flush dev up0");
        _ns.Ip("address add 10.1.2.99/24 dev up0");
        _ns.Ip("address add 10.1.2.10/24 dev up0");
        _ns.Ip("route add default via 10.1.2.1 dev up0 metric 10");
        Underlay.Select(route, Conf(""), Published("10.1.2.10")).IPv4!.ToString().Should().Be("10.1.2.10");
        Underlay.Select(route, Conf("*"), Published("198.51.100.11")).IPv4!.ToString().Should().Be("198.51.100.11");
        Underlay.Select(route, Conf(""), Published("10.1.2.77")).IPv4!.ToString().Should().Be("10.1.2.99", "that one is gone");
    }

    [RequiresRootTheory]
    [InlineData("route replace default metric 10 nexthop via 10.1.2.1 dev up0 nexthop via 198.51.100.1 dev up1")]
    [InlineData("nexthop add id 7 via 10.1.2.1 dev up0", "route replace default metric 10 nhid 7")]
    [InlineData(
        "nexthop add id 7 via 10.1.2.1 dev up0",
        "nexthop add id 8 via 198.51.100.1 dev up1",
        "nexthop add id 9 group 7/8",
        "route replace default metric 10 nhid 9"
    )]
    public void A_default_route_of_several_ways_or_of_a_nexthop_object_is_one(params string[] commands)
    {
        _ns.IpBatch(commands);

        using RouteSocket route = Netns.OpenRouteSocket(_ns);
        Underlay.Select(route, "", dual: false).Should().Match<Underlay>(u => u.Name == "up0" && $"{u.IPv4}" == "10.1.2.10");
    }

    [RequiresRootFact]
    public void An_address_of_the_loopback_device_is_published_where_the_default_route_says_so_or_the_configuration()
    {
        _ns.Ip("link set lo up");
        _ns.Ip("address add 203.0.113.7/32 dev lo");
        _ns.Ip("address flush dev up0");
        _ns.Ip("route add 10.1.2.1 dev up0");
        _ns.Ip("route add default via 10.1.2.1 dev up0 src 203.0.113.7");
        using RouteSocket route = Netns.OpenRouteSocket(_ns);

        foreach (string pattern in (string[])["", "203.0.113.7"])
        {
            Underlay.Select(route, pattern, dual: false).Should().Match<Underlay>(u => u.Name == "up0" && $"{u.IPv4}" == "203.0.113.7");
        }
    }

    [RequiresRootTheory]
    [InlineData("10.0.0.0/8")]
    [InlineData("twill0")]
    [InlineData("10.244.1.1")]
    [InlineData("twill.1")]
    public void Twills_own_bridge_and_overlay_device_are_no_underlay_and_are_not_offered(string pattern)
    {
        _ns.Ip("address flush dev up0");
        _ns.Ip("link add twill0 up type bridge");
        _ns.Ip("address add 10.244.1.1/24 dev twill0");
        _ns.Ip("link add twill.1 up type vxlan id 1 dstport 4789");
        _ns.Ip("address add 10.244.1.0/32 dev twill.1");
        using RouteSocket route = Netns.OpenRouteSocket(_ns);

        Action select = () => Underlay.Select(route, Conf(pattern), published: null);

        string told = select.Should().Throw<HostException>().Which.Message;
        told.Should().Contain("is twill's own");
        told.Split("there are ")[1].Should().Be("up1 198.51.100.10/24, up1 198.51.100.11/24");
    }

    [RequiresRootTheory]
    [InlineData("", true, "up0", "10.1.2.10", "fd00:2::10")]
    [InlineData("", false, "up0", "10.1.2.10", null)]
    [InlineData("up1", true, "up1", "198.51.100.10", null)]
    [InlineData("fd00:2::/64", true, "up0", "10.1.2.10", "fd00:2::10")]
    [InlineData("fd00:2::11", true, "up0", "10.1.2.10", "fd00:2::11")]
    [InlineData("fd00:2::11", false, "up0", null, "fd00:2::11")]
    [InlineData("six*", true, "six0", null, "fd00:6::6")]
    [InlineData("six*", false, "six0", null, "fd00:6::6")]
    [InlineData("*0", true, "up0", "10.1.2.10", "fd00:2::10")]
    public void In_a_network_of_both_families_the_interfaces_lasting_IPv6_address_comes_with_it(
        string pattern,
        bool dual,
        string name,
        string? v4,
        string? v6
    )
    {
        AddIPv6();
        using RouteSocket route = Netns.OpenRouteSocket(_ns);

        Underlay underlay = Underlay.Select(route, pattern, dual);

        underlay.Name.Should().Be(name);
        underlay.IPv4?.ToString().Should().Be(v4);
        underlay.IPv6?.ToString().Should().Be(v6);
        underlay.Addresses.Select(a => $"{a}").Should().Equal(new[] { v4, v6 }.OfType<string>());
    }

    [RequiresRootTheory]
    [InlineData(true, "six0", "fd00:6::6")]
    [InlineData(false, "up0", null)]
    public void Where_IPv4_has_no_default_route_IPv6s_decides_but_not_in_a_network_without_it_while_there_are_IPv4_addresses(
        bool dual,
        string name,
        string? v6
    )
    {
        AddIPv6();
        _ns.Ip("route delete default");
        using RouteSocket route = Netns.OpenRouteSocket(_ns);

        Func<Underlay> select = () => Underlay.Select(route, "", dual);

        if (dual)
        {
            select().Should().Match<Underlay>(u => u.Name == name && $"{u.IPv6}" == v6 && u.IPv4 == null);
        }
        else
        {
            select.Should().Throw<HostException>().WithMessage("*no IPv4 default route*");
        }
    }

    [RequiresRootFact]
    public void A_host_without_any_IPv4_address_is_reached_by_IPv6_in_a_network_without_it_too()
    {
        AddIPv6();
        _ns.Ip("address flush dev up0");
        _ns.Ip("address flush dev up1");
        _ns.Ip("-6 address add fd00:2::10/64 dev up0 nodad");
        using RouteSocket route = Netns.OpenRouteSocket(_ns);

        Underlay
            .Select(route, "", dual: false)
            .Should()
            .Match<Underlay>(u => u.Name == "six0" && $"{u.IPv6}" == "fd00:6::6" && u.IPv4 == null);
    }

    [RequiresRootTheory]
    [InlineData("eth*", "'eth*' picks no underlay")]
    [InlineData("203.0.113.0/24", "no interface has an address in that prefix")]
    [InlineData("203.0.113.1", "no interface has that address")]
    [InlineData("10.1.2.10/33", "it is no prefix like")]
    [InlineData("down0", "'down0' picks no underlay")]
    public void A_pattern_that_fits_nothing_is_an_error_that_names_what_there_is(string pattern, string complaint)
    {
        using RouteSocket route = Netns.OpenRouteSocket(_ns);

        Action select = () => Underlay.Select(route, pattern, dual: false);

        select.Should().Throw<HostException>().WithMessage($"*{complaint}*up0 10.1.2.10/24*");
    }

    [RequiresRootFact]
    public void Without_a_default_route_the_error_says_so()
    {
        _ns.Ip("route delete default");
        using RouteSocket route = Netns.OpenRouteSocket(_ns);

        Action select = () => Underlay.Select(route, "", dual: false);

        select.Should().Throw<HostException>().WithMessage("*no IPv4 default route*up0 10.1.2.10/24*up1 198.51.100.10/24*");
    }

    [RequiresRootFact]
    public void The_mtu_to_the_outside_is_that_of_the_way_there_or_1500()
    {
        using RouteSocket route = Netns.OpenRouteSocket(_ns);
        Underlay.MtuToOutside(route).Should().Be(1400);

        _ns.Ip("route delete default");
        Underlay.MtuToOutside(route).Should().Be(1500);
    }

    public void Dispose() => _ns.Dispose();

    private static TwillConf Conf(string pattern)
    {
        string text = """
            {"name":"n","type":"twill","backend":{"type":"vxlan","interface":"PATTERN"},
             "ipam":{"type":"twill-ipam","network":"10.244.0.0/16","etcd":{"endpoints":["http://192.0.2.5:2379"]}}}
            """;
        using JsonDocument document = JsonDocument.Parse(text.Replace("PATTERN", pattern));
        return TwillConf.Parse(new ConfigReader(document.RootElement), BackendTable.All);
    }

    private static NodeFile Published(string address) =>
        NodeFile.Of(Conf(""), IPAddress.Parse(address), null, "up0", 1450, new NodeKeys(_ => "02:00:00:00:00:01", () => ""));

    /// <summary>On up0 two addresses, one that lasts for a while only and one that is deprecated; one alone on six0, where the default
    /// route of IPv6 is.</summary>
    private void AddIPv6()
    {
        _ns.Ip("link add six0 up type bridge");
        _ns.Ip("address add fd00:6::6/64 dev six0 nodad");
        _ns.Ip("-6 route add default via fd00:6::1 dev six0");
        _ns.Ip("address add fd00:2::10/64 dev up0 nodad");
        _ns.Ip("address add fd00:2::11/64 dev up0 nodad");
        _ns.Ip("address add fd00:2::2/64 dev up0 nodad valid_lft 3600 preferred_lft 3600");
        _ns.Ip("address add fd00:2::1/64 dev up0 nodad preferred_lft 0");
    }

    private static TestNetns TestNetnsWithTwoUplinks()
    {
        TestNetns ns = TestNetns.Create();
        ns.IpBatch(
            "link add up0 mtu 1400 up type bridge",
            "address add 10.1.2.10/24 dev up0",
            "link add up1 up type bridge",
            "address add 198.51.100.10/24 dev up1",
            "address add 198.51.100.11/24 dev up1",
            "link add down0 type bridge",
            "route add default via 10.1.2.1 dev up0 metric 10"
        );
        return ns;
    }
}
