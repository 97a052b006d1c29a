using System.Net;
using System.Net.Sockets;
using Twill.Linux.Addresses;
using Twill.Linux.Routes;

namespace Twill.Linux.Tests.Addresses;

public sealed class AddressRequestTests
{
    private static readonly IPAddress s_gateway = IPAddress.Parse("10.244.7.1");

    [Fact]
    public void NewAddress_is_what_ip_addr_add_sends() => Captured.Equal("addresses/new-address", new NewAddress(10, s_gateway, 24));

    [Fact]
    public void NewAddress_sends_all_that_is_asked_for() =>
        Captured.Equal(
            "addresses/new-address-all",
            new NewAddress(10, s_gateway, 24)
            {
                Broadcast = IPAddress.Parse("10.244.7.255"),
                Label = "br0:1",
                Scope = RouteScope.Link,
                AddressFlags = AddressFlags.NoPrefixRoute,
            }
        );

    [Fact]
    public void NewAddress_names_who_is_at_the_other_end() =>
        Captured.Equal("addresses/new-address-peer", new NewAddress(10, s_gateway, 32) { Peer = IPAddress.Parse("10.244.7.5") });

    [Fact]
    public void NewAddress_of_IPv6_can_do_without_duplicate_address_detection() =>
        Captured.Equal(
            "addresses/new-address-ipv6",
            new NewAddress(10, IPAddress.Parse("fd00::1"), 64) { AddressFlags = AddressFlags.NoDad }
        );

    [Fact]
    public void NewAddress_replaces_when_told_to() =>
        Captured.Equal("addresses/replace-address", new NewAddress(10, s_gateway, 32) { Replace = true });

    [Fact]
    public void DeleteAddress_is_what_ip_addr_del_sends() =>
        Captured.Equal("addresses/delete-address", new DeleteAddress(10, s_gateway, 24));

    [Fact]
    public void ListAddresses_asks_the_kernel_to_filter() =>
        Captured.Equal("addresses/list-addresses", new ListAddresses { Index = 10, Family = AddressFamily.InterNetwork });

    [Theory, InlineData(-1), InlineData(256)]
    public void A_prefix_length_that_is_none_is_refused(int length)
    {
        Action write = () => Captured.Equal("addresses/new-address", new NewAddress(10, s_gateway, length));

        write.Should().Throw<OverflowException>();
    }
}
