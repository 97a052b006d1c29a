using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Netlink;
using Twill.Linux.Routes;
using Twill.System;
using Twill.Testing;

namespace Kernel.Tests.Addresses;

public sealed class AddressTests
{
    private static readonly IPAddress s_address = IPAddress.Parse("10.244.7.1");

    private static TestNetns WithBridge()
    {
        TestNetns ns = TestNetns.Create();
        ns.Ip("link add br0 up type bridge");
        return ns;
    }

    private static IEnumerable<JsonElement> Addresses(TestNetns ns) =>
        ns.IpJson("addr show dev br0")[0]
            .GetProperty("addr_info")
            .EnumerateArray()
            .Where(a => a.GetProperty("scope").GetString() != "link");

    [RequiresRootFact]
    public void An_IPv4_address_has_prefix_broadcast_label_and_scope()
    {
        using TestNetns ns = WithBridge();
        using RouteSocket route = Netns.OpenRouteSocket(ns);

        route.Execute(
            new NewAddress(ns.IndexOf("br0"), s_address, 24)
            {
                Broadcast = IPAddress.Parse("10.244.7.255"),
                Label = "br0:1",
                Scope = RouteScope.Site,
                AddressFlags = AddressFlags.NoPrefixRoute,
            }
        );

        JsonElement address = Addresses(ns).Single();
        address.GetProperty("local").GetString().Should().Be("10.244.7.1");
        address.GetProperty("prefixlen").GetInt32().Should().Be(24);
        address.GetProperty("broadcast").GetString().Should().Be("10.244.7.255");
        address.GetProperty("label").GetString().Should().Be("br0:1");
        address.GetProperty("scope").GetString().Should().Be("site");
        ns.IpJson("route show").EnumerateArray().Should().BeEmpty("no prefix route was wanted");
    }

    [RequiresRootFact]
    public void An_IPv6_address_without_DAD_is_usable_at_once()
    {
        using TestNetns ns = WithBridge();
        using RouteSocket route = Netns.OpenRouteSocket(ns);

        route.Execute(new NewAddress(ns.IndexOf("br0"), IPAddress.Parse("fd00::1"), 64) { AddressFlags = AddressFlags.NoDad });

        JsonElement address = Addresses(ns).Single();
        address.GetProperty("local").GetString().Should().Be("fd00::1");
        address.TryGetProperty("tentative", out _).Should().BeFalse();
        address.GetProperty("nodad").GetBoolean().Should().BeTrue();
    }

    [RequiresRootFact]
    public void Multicast_groups_are_those_that_ip_lists()
    {
        using TestNetns ns = WithBridge();
        ns.Ip("addr add fd00::12:3456/64 dev br0 nodad");
        using RouteSocket route = Netns.OpenRouteSocket(ns);

        Eventually.Pass(() => route.ListMulticastGroups(ns.IndexOf("br0")).Should().Contain(IPAddress.Parse("ff02::1:ff12:3456")));

        string[] words = Cmd.Split(ns.Ip("-6 maddr show dev br0").Replace('\n', ' '));
        IPAddress[] listed = [.. words.Where((_, i) => i > 0 && words[i - 1] == "inet6").Select(IPAddress.Parse)];
        route.ListMulticastGroups(ns.IndexOf("br0")).Should().BeEquivalentTo(listed);
        route.ListMulticastGroups(ns.IndexOf("lo")).Should().NotContain(IPAddress.Parse("ff02::1:ff12:3456"));
    }

    [RequiresRootFact]
    public void A_second_add_is_refused_a_replace_is_not_and_a_delete_leaves_nothing()
    {
        using TestNetns ns = WithBridge();
        using RouteSocket route = Netns.OpenRouteSocket(ns);
        int index = ns.IndexOf("br0");
        route.Execute(new NewAddress(index, s_address, 24));

        Action again = () => route.Execute(new NewAddress(index, s_address, 24));
        again.Should().Throw<NetlinkException>().WithMessage($"new address 10.244.7.1/24 dev #{index}: File exists*");
        route.Execute(new NewAddress(index, s_address, 24) { Replace = true });
        Addresses(ns).Should().ContainSingle();
        route.Execute(new DeleteAddress(index, s_address, 24));
        Addresses(ns).Should().BeEmpty();
        route.TryExecute(new DeleteAddress(index, s_address, 24), Errno.EADDRNOTAVAIL).Should().BeFalse();
    }

    [RequiresRootFact]
    public void Lists_hold_what_was_asked_for()
    {
        using TestNetns ns = WithBridge();
        ns.Ip("addr add 10.244.7.1/24 dev br0");
        ns.Ip("addr add fd00::1/64 dev br0 nodad");
        using RouteSocket route = Netns.OpenRouteSocket(ns);
        int index = ns.IndexOf("br0");

        route.ListAddresses().Select(a => a.ToString()).Should().Contain(["127.0.0.1/8", "10.244.7.1/24", "fd00::1/64"]);
        route
            .ListAddresses(index)
            .Select(a => a.ToString())
            .Should()
            .Contain(["10.244.7.1/24", "fd00::1/64"])
            .And.NotContain("127.0.0.1/8");
        route.ListAddresses(index, AddressFamily.InterNetwork).Select(a => a.ToString()).Should().Equal("10.244.7.1/24");
        route.ListAddresses(index).Should().OnlyContain(a => a.Index == index);
    }
}
