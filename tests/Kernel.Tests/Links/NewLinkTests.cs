using System.Net;
using System.Text.Json;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Netlink;
using Twill.System;
using Twill.Testing;

namespace Kernel.Tests.Links;

public sealed class NewLinkTests
{
    private static JsonElement Data(JsonElement link) => link.GetProperty("linkinfo").GetProperty("info_data");

    [RequiresRootFact]
    public void A_bridge_keeps_the_address_it_was_made_with_when_ports_come_and_go()
    {
        using TestNetns ns = TestNetns.Create();
        using RouteSocket route = Netns.OpenRouteSocket(ns);

        route.Execute(
            new NewBridge("br0")
            {
                Index = 900,
                Mac = MacAddress.Parse("06:00:00:00:00:01"),
                Up = true,
                MulticastSnooping = false,
            }
        );
        route.Execute(
            new NewVeth("tw0", "tw1")
            {
                Master = 900,
                Up = true,
                Mac = MacAddress.Parse("02:00:00:00:00:01"),
            }
        );
        string with = ns.IpJson("link show dev br0")[0].GetProperty("address").GetString()!;
        route.Execute(new DeleteLink("tw0"));

        JsonElement bridge = ns.IpJson("link show dev br0")[0];
        with.Should().Be("06:00:00:00:00:01");
        bridge.GetProperty("address").GetString().Should().Be("06:00:00:00:00:01");
        bridge.GetProperty("ifindex").GetInt32().Should().Be(900);
        bridge.GetProperty("flags").EnumerateArray().Select(f => f.GetString()).Should().Contain("UP");
        Data(bridge).GetProperty("mcast_snooping").GetInt32().Should().Be(0);
    }

    [RequiresRootFact]
    public void A_bridges_MTU_follows_its_ports_until_it_was_set_afterwards()
    {
        using TestNetns ns = TestNetns.Create();
        using RouteSocket route = Netns.OpenRouteSocket(ns);
        route.Execute(new NewBridge("br0") { Index = 900, Mtu = 1450 });
        int Mtu() => ns.IpJson("link show dev br0")[0].GetProperty("mtu").GetInt32();

        int made = Mtu();
        route.Execute(new NewVeth("tw0", "tw1") { Master = 900, Mtu = 1400 });
        int followed = Mtu();
        route.Execute(new SetLink(900) { Mtu = 1300 });
        route.Execute(new DeleteLink("tw0"));
        int kept = Mtu();

        (made, followed, kept).Should().Be((1450, 1400, 1300));
    }

    [RequiresRootFact]
    public void A_vxlan_device_has_the_parameters_it_was_asked_for_and_no_lower_device()
    {
        using TestNetns ns = TestNetns.Create();
        using RouteSocket route = Netns.OpenRouteSocket(ns);

        route.Execute(
            new NewVxlan("twill.1", 1, 4789)
            {
                Local = IPAddress.Parse("10.0.0.1"),
                Mac = MacAddress.Parse("02:00:00:00:00:01"),
                Mtu = 1450,
                Up = true,
            }
        );

        JsonElement vxlan = ns.IpJson("link show dev twill.1")[0];
        vxlan.GetProperty("address").GetString().Should().Be("02:00:00:00:00:01");
        vxlan.GetProperty("mtu").GetInt32().Should().Be(1450);
        vxlan.GetProperty("flags").EnumerateArray().Select(f => f.GetString()).Should().Contain("UP");
        Data(vxlan).GetProperty("id").GetInt32().Should().Be(1);
        Data(vxlan).GetProperty("port").GetInt32().Should().Be(4789);
        Data(vxlan).GetProperty("local").GetString().Should().Be("10.0.0.1");
        Data(vxlan).GetProperty("learning").GetBoolean().Should().BeFalse();
        Data(vxlan).TryGetProperty("link", out _).Should().BeFalse();
    }

    [RequiresRootFact]
    public void A_vxlan_device_over_IPv6_can_do_without_checksums()
    {
        using TestNetns ns = TestNetns.Create();
        using RouteSocket route = Netns.OpenRouteSocket(ns);

        route.Execute(
            new NewVxlan("vx6", 16777215, 8472)
            {
                Local = IPAddress.Parse("fd00::1"),
                Learning = true,
                UdpChecksum = false,
                Udp6ZeroChecksum = true,
                GroupPolicy = true,
            }
        );

        JsonElement data = Data(ns.IpJson("link show dev vx6")[0]);
        data.GetProperty("id").GetInt32().Should().Be(16777215);
        data.GetProperty("local6").GetString().Should().Be("fd00::1");
        data.GetProperty("learning").GetBoolean().Should().BeTrue();
        data.GetProperty("udp_csum").GetBoolean().Should().BeFalse();
        data.GetProperty("udp_zero_csum6_tx").GetBoolean().Should().BeTrue();
        data.GetProperty("udp_zero_csum6_rx").GetBoolean().Should().BeTrue();
        data.GetProperty("gbp").GetBoolean().Should().BeTrue();
    }

    [RequiresRootFact]
    public void A_second_vxlan_device_with_the_same_VNI_is_refused_in_the_kernels_words()
    {
        using TestNetns ns = TestNetns.Create();
        using RouteSocket route = Netns.OpenRouteSocket(ns);
        route.Execute(new NewVxlan("vx0", 7, 4789));

        Action second = () => route.Execute(new NewVxlan("vx1", 7, 4789));

        second
            .Should()
            .Throw<NetlinkException>()
            .WithMessage("new link vx1 (vxlan): File exists (errno 17) - A VXLAN device with the specified VNI already exists*");
    }

    [RequiresRootFact]
    public void A_name_that_is_too_long_is_refused_in_the_kernels_words()
    {
        using TestNetns ns = TestNetns.Create();
        using RouteSocket route = Netns.OpenRouteSocket(ns);

        Action add = () => route.Execute(new NewBridge("a-name-of-16-byt"));

        NetlinkException e = add.Should().Throw<NetlinkException>().Which;
        e.Errno.Should().Be(Errno.ERANGE);
        e.KernelText.Should().StartWith("Attribute failed policy validation");
    }
}
