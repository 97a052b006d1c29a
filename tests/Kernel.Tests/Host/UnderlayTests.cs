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

        Underlay underlay = Underlay.Select(route, pattern);

        underlay.Name.Should().Be(name);
        underlay.Address.ToString().Should().Be(address);
        underlay.Mtu.Should().Be(name == "up0" ? 1400 : 1500);
        underlay.Index.Should().Be(_ns.IpJson($"link show dev {name}")[0].GetProperty("ifindex").GetInt32());
    }

    [RequiresRootFact]
    public void The_default_routes_preferred_source_decides_among_the_interfaces_addresses()
    {
        _ns.Ip("address add 10.1.2.77/24 dev up0");
        _ns.Ip("route replace default via 10.1.2.1 dev up0 src 10.1.2.77 metric 5");
        using RouteSocket route = Netns.OpenRouteSocket(_ns);

        Underlay.Select(route, "").Address.ToString().Should().Be("10.1.2.77");
    }

    [RequiresRootTheory]
    [InlineData("eth*", "'eth*' picks no underlay")]
    [InlineData("203.0.113.0/24", "no interface has an address in that prefix")]
    [InlineData("203.0.113.1", "no interface has that address")]
    [InlineData("10.1.2.10/33", "it is no IPv4 prefix")]
    [InlineData("down0", "'down0' picks no underlay")]
    public void A_pattern_that_fits_nothing_is_an_error_that_names_what_there_is(string pattern, string complaint)
    {
        using RouteSocket route = Netns.OpenRouteSocket(_ns);

        Action select = () => Underlay.Select(route, pattern);

        select.Should().Throw<HostException>().WithMessage($"*{complaint}*up0 10.1.2.10/24*");
    }

    [RequiresRootFact]
    public void Without_a_default_route_the_error_says_so()
    {
        _ns.Ip("route delete default");
        using RouteSocket route = Netns.OpenRouteSocket(_ns);

        Action select = () => Underlay.Select(route, "");

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
