using System.Net;
using Twill.Linux.Links;

namespace Twill.Linux.Tests.Links;

public sealed class LinkTests
{
    private static Link One(string reply) => Decoded.All(Captured.Reply(reply), Link.Decode).Should().ContainSingle().Subject;

    [Fact]
    public void A_veth_on_a_bridge_tells_its_peer_its_namespace_and_its_port_parameters()
    {
        Link link = One("veth-on-bridge");

        link.Index.Should().Be(77);
        link.Name.Should().Be("tw0");
        link.Kind.Should().Be("veth");
        link.Mac.Should().Be(MacAddress.Parse("02:00:00:00:00:01"));
        link.Mtu.Should().Be(1450);
        link.IsUp.Should().BeTrue();
        link.HasCarrier.Should().BeFalse("its other end is down");
        link.IsLoopback.Should().BeFalse();
        link.MasterIndex.Should().Be(10);
        link.LinkIndex.Should().Be(88);
        link.LinkNetnsId.Should().Be(0);
        link.Alias.Should().Be("pod-7");
        link.BridgePort.Should()
            .BeEquivalentTo(
                new
                {
                    Number = (ushort)1,
                    Hairpin = true,
                    Learning = false,
                    Flood = true,
                    MulticastFlood = true,
                    NeighbourSuppression = false,
                    Isolated = false,
                }
            );
        link.Bridge.Should().BeNull();
        link.Vxlan.Should().BeNull();
    }

    [Fact]
    public void A_bridge_tells_its_parameters()
    {
        Link link = One("bridge");

        link.Kind.Should().Be("bridge");
        link.Bridge.Should().BeEquivalentTo(new { VlanFiltering = false, MulticastSnooping = false });
        link.BridgePort.Should().BeNull();
        link.MasterIndex.Should().Be(0);
        link.LinkIndex.Should().Be(0);
        link.LinkNetnsId.Should().BeNull();
        link.Alias.Should().BeNull();
        link.IsUp.Should().BeFalse();
        link.ProxyArp.Should().BeFalse();
        link.IPv6.Should().Be(new LinkIPv6(AcceptRA: 1, Autoconf: true, IsDisabled: false));
        One("bridge-proxy-arp").ProxyArp.Should().BeTrue();
    }

    [Fact]
    public void A_vxlan_device_tells_its_parameters()
    {
        Link link = One("vxlan");

        link.Index.Should().Be(11);
        link.Mtu.Should().Be(1450);
        link.Vxlan.Should()
            .BeEquivalentTo(
                new
                {
                    Vni = 1u,
                    Port = (ushort)4789,
                    Local = IPAddress.Parse("10.0.0.1"),
                    LowerIndex = 0,
                    Learning = false,
                    UdpChecksum = true,
                    Udp6ZeroChecksumSent = false,
                    Udp6ZeroChecksumTaken = false,
                    GroupPolicy = false,
                    External = false,
                }
            );
    }

    [Fact]
    public void A_vxlan_device_over_IPv6_tells_its_lower_device()
    {
        VxlanDetails vxlan = One("vxlan-lower-ipv6").Vxlan!;

        vxlan.Vni.Should().Be(9);
        vxlan.Port.Should().Be(8472);
        vxlan.Local.Should().Be(IPAddress.Parse("fd00::1"));
        vxlan.LowerIndex.Should().Be(14);
        vxlan.Learning.Should().BeTrue();
        vxlan.Udp6ZeroChecksumSent.Should().BeFalse();
        vxlan.Udp6ZeroChecksumTaken.Should().BeTrue();
        vxlan.GroupPolicy.Should().BeTrue();
    }

    [Fact]
    public void Links_of_all_kinds_come_in_one_list()
    {
        List<Link> links = Decoded.All(Captured.Reply("links"), Link.Decode);

        links.Where(l => l.Kind is not null || l.IsLoopback).Select(l => l.Name).Distinct().Should().Contain(["lo", "br0", "tw0", "tw1"]);
        links.First(l => l.Name == "lo").Kind.Should().BeNull();
        links.First(l => l.Name == "tw1").LinkIndex.Should().Be(12);
    }

    [Fact]
    public void Messages_about_other_things_are_no_links() => Decoded.All(Captured.Reply("routes"), Link.Decode).Should().BeEmpty();
}
