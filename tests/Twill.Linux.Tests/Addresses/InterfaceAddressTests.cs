using System.Net;
using Twill.Linux.Addresses;
using Twill.Linux.Routes;

namespace Twill.Linux.Tests.Addresses;

public sealed class InterfaceAddressTests
{
    private static readonly List<InterfaceAddress> s_all = Decoded.All(Captured.Reply("addresses"), InterfaceAddress.Decode);

    private static InterfaceAddress The(string address) =>
        s_all.Should().ContainSingle(a => a.Address.Equals(IPAddress.Parse(address))).Subject;

    [Fact]
    public void An_IPv4_address_tells_prefix_broadcast_and_label()
    {
        InterfaceAddress address = The("10.244.7.1");

        address.Index.Should().Be(10);
        address.PrefixLength.Should().Be(24);
        address.Network.Should().Be(IPNetwork.Parse("10.244.7.0/24"));
        address.Broadcast.Should().Be(IPAddress.Parse("10.244.7.255"));
        address.Label.Should().Be("br0:1");
        address.Scope.Should().Be(RouteScope.Universe);
        address.Flags.Should().Be(AddressFlags.Permanent);
        address.Peer.Should().BeNull();
        address.ToString().Should().Be("10.244.7.1/24");
    }

    [Fact]
    public void The_address_of_a_point_to_point_link_is_its_own_not_the_peers()
    {
        InterfaceAddress address = The("10.0.0.1");

        address.Peer.Should().Be(IPAddress.Parse("10.0.0.2"));
        address.PrefixLength.Should().Be(32);
    }

    [Fact]
    public void IPv6_and_loopback_addresses_come_in_the_same_list()
    {
        The("fd00::1").Flags.Should().HaveFlag(AddressFlags.NoDad).And.HaveFlag(AddressFlags.Permanent);
        The("fd00::1").Network.Should().Be(IPNetwork.Parse("fd00::/64"));
        The("127.0.0.1").Scope.Should().Be(RouteScope.Host);
        The("::1").PrefixLength.Should().Be(128);
    }
}
