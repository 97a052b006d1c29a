using Twill.Host;
using Twill.Linux;
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
        ns.Ip("link add up0 mtu 1400 up type bridge");
        ns.Ip("address add 10.1.2.10/24 dev up0");
        ns.Ip("link add up1 up type bridge");
        ns.Ip("address add 198.51.100.10/24 dev up1");
        ns.Ip("address add 198.51.100.11/24 dev up1");
        ns.Ip("link add down0 type bridge");
        ns.Ip("route add default via 10.1.2.1 dev up0 metric 10");
        return ns;
    }
}
