using System.Text.Json;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Netlink;
using Twill.System;
using Twill.Testing;

namespace Kernel.Tests.Links;

public sealed class NewVethTests
{
    [RequiresRootFact]
    public void One_message_puts_both_ends_where_they_belong_with_everything_set()
    {
        using TestNetns host = TestNetns.Create(),
            pod = TestNetns.Create();
        host.Ip("link add br0 up type bridge");
        int bridge = host.IpJson("link show dev br0")[0].GetProperty("ifindex").GetInt32();
        using NetNs podNs = NetNs.Open(pod.Path);
        using RouteSocket route = Netns.OpenRouteSocket(host);

        route.Execute(
            new NewVeth("tw0", "eth0")
            {
                Index = 500,
                Master = bridge,
                Up = true,
                Mtu = 1450,
                Mac = MacAddress.Parse("02:00:00:00:00:01"),
                PeerNetns = podNs.Handle,
                PeerIndex = 600,
                PeerMac = MacAddress.Parse("02:00:00:00:00:02"),
            }
        );

        JsonElement near = host.IpJson("link show dev tw0")[0];
        near.GetProperty("ifindex").GetInt32().Should().Be(500);
        near.GetProperty("master").GetString().Should().Be("br0");
        near.GetProperty("flags").EnumerateArray().Select(f => f.GetString()).Should().Contain("UP");
        near.GetProperty("mtu").GetInt32().Should().Be(1450);
        near.GetProperty("address").GetString().Should().Be("02:00:00:00:00:01");
        near.GetProperty("linkinfo").GetProperty("info_kind").GetString().Should().Be("veth");
        JsonElement far = pod.IpJson("link show dev eth0")[0];
        far.GetProperty("ifindex").GetInt32().Should().Be(600);
        far.GetProperty("mtu").GetInt32().Should().Be(1450);
        far.GetProperty("address").GetString().Should().Be("02:00:00:00:00:02");
        far.GetProperty("link_index").GetInt32().Should().Be(500);
        host.HasLink("eth0").Should().BeFalse();
    }

    [RequiresRootFact]
    public void A_name_that_exists_is_refused_and_leaves_no_second_pair()
    {
        using TestNetns ns = TestNetns.Create();
        using RouteSocket route = Netns.OpenRouteSocket(ns);
        route.Execute(new NewVeth("tw0", "tw1"));

        Action again = () => route.Execute(new NewVeth("tw0", "tw2"));

        again
            .Should()
            .Throw<NetlinkException>()
            .WithMessage("new link tw0 (veth): File exists (errno 17)*")
            .Which.Errno.Should()
            .Be(Errno.EEXIST);
        ns.HasLink("tw2").Should().BeFalse();
    }
}
