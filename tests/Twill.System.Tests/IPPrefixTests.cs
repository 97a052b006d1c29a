using System.Net;
using System.Net.Sockets;

namespace Twill.System.Tests;

public sealed class IPPrefixTests
{
    [Theory]
    [InlineData("10.244.7.12", 24, "10.244.7.0/24")]
    [InlineData("10.244.7.12", 0, "0.0.0.0/0")]
    [InlineData("10.244.7.12", 32, "10.244.7.12/32")]
    [InlineData("255.255.255.255", 9, "255.128.0.0/9")]
    [InlineData("fc00:1:0:7::c", 64, "fc00:1:0:7::/64")]
    [InlineData("fc00:1:0:7::c", 0, "::/0")]
    [InlineData("fc00:1:0:7::c", 128, "fc00:1:0:7::c/128")]
    [InlineData("ffff::", 3, "e000::/3")]
    public void The_bits_beyond_a_prefix_are_cleared(string address, int length, string prefix) =>
        IPPrefix.Of(IPAddress.Parse(address), length).Should().Be(IPNetwork.Parse(prefix));

    [Theory]
    [InlineData("10.244.0.0/16", "10.244.7.0/24", true, true)]
    [InlineData("10.244.7.0/24", "10.244.0.0/16", false, true)]
    [InlineData("10.244.7.0/24", "10.244.7.0/24", true, true)]
    [InlineData("10.244.7.0/24", "10.244.8.0/24", false, false)]
    [InlineData("0.0.0.0/0", "fc00::/7", false, false)]
    [InlineData("::/0", "fc00::/7", true, true)]
    [InlineData("fc00:1::/48", "fc00:1:0:7::/64", true, true)]
    [InlineData("fc00:1:0:8::/64", "fc00:1:0:7::/64", false, false)]
    public void One_prefix_covers_or_overlaps_another(string one, string other, bool covers, bool overlaps)
    {
        (IPNetwork a, IPNetwork b) = (IPNetwork.Parse(one), IPNetwork.Parse(other));

        a.Covers(b).Should().Be(covers);
        a.Overlaps(b).Should().Be(overlaps);
        b.Overlaps(a).Should().Be(overlaps);
    }

    [Theory]
    [InlineData("10.244.7.0/24", "10.244.7.0", "10.244.7.255", "10.244.7.1")]
    [InlineData("0.0.0.0/0", "0.0.0.0", "255.255.255.255", "0.0.0.1")]
    [InlineData("10.0.0.4/32", "10.0.0.4", "10.0.0.4", "10.0.0.4")]
    [InlineData("10.0.0.4/31", "10.0.0.4", "10.0.0.5", "10.0.0.4")]
    [InlineData("fc00:1::/64", "fc00:1::", "fc00:1::ffff:ffff:ffff:ffff", "fc00:1::1")]
    [InlineData("::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::1")]
    public void A_prefix_has_a_first_and_a_last_address(string prefix, string first, string last, string host)
    {
        IPNetwork network = IPNetwork.Parse(prefix);
        AddressFamily family = network.BaseAddress.AddressFamily;

        IPPrefix.AddressOf(network.First(), family).Should().Be(IPAddress.Parse(first));
        IPPrefix.AddressOf(network.Last(), family).Should().Be(IPAddress.Parse(last));
        network.FirstHost().Should().Be(IPAddress.Parse(host));
    }

    [Fact]
    public void A_number_counts_addresses()
    {
        IPPrefix.NumberOf(IPAddress.Parse("10.0.1.0")).Should().Be(IPPrefix.NumberOf(IPAddress.Parse("10.0.0.255")) + 1);
        IPPrefix.NumberOf(IPAddress.Parse("1.2.3.4")).Should().Be((UInt128)0x01020304);
        IPPrefix.NumberOf(IPAddress.Parse("::1:0:0:0:0")).Should().Be(UInt128.One << 64);
    }

    [Theory]
    [InlineData("10.244.7.12")]
    [InlineData("0.0.0.0")]
    [InlineData("255.255.255.255")]
    [InlineData("fc00::1")]
    [InlineData("::ffff:10.0.0.1")]
    public void An_address_is_read(string text)
    {
        IPPrefix.TryParseAddress(text, out IPAddress address).Should().BeTrue();
        address.Should().Be(IPAddress.Parse(text));
    }

    [Theory]
    [InlineData("")]
    [InlineData("10.1")]
    [InlineData("010.0.0.1")]
    [InlineData("10.0.0.00")]
    [InlineData("0x7f.0.0.1")]
    [InlineData("10.0.0.256")]
    [InlineData("10.0.0.1.")]
    [InlineData("10.0.0.1.2")]
    [InlineData("10..0.1")]
    [InlineData(" 10.0.0.1")]
    [InlineData("10.0.0.99999999999")]
    [InlineData("fe80::1%eth0")]
    [InlineData("[fe80::1]")]
    [InlineData("fe80::1/64")]
    [InlineData("fe80:::1")]
    public void What_is_no_address_in_the_usual_spelling_is_none(string text) =>
        IPPrefix.TryParseAddress(text, out _).Should().BeFalse();

    [Theory]
    [InlineData("10.244.7.12/24", "10.244.7.12", 24)]
    [InlineData("0.0.0.0/0", "0.0.0.0", 0)]
    [InlineData("fc00::1/128", "fc00::1", 128)]
    public void A_prefix_is_read_with_its_address(string text, string address, int length)
    {
        IPPrefix.TryParse(text, out IPAddress readAddress, out int readLength).Should().BeTrue();
        (readAddress, readLength).Should().Be((IPAddress.Parse(address), length));
    }

    [Theory]
    [InlineData("10.0.0.0")]
    [InlineData("10.0.0.0/")]
    [InlineData("10.0.0.0/33")]
    [InlineData("10.0.0.0/08")]
    [InlineData("10.0.0.0/+8")]
    [InlineData("10.0.0.0/8/8")]
    [InlineData("fc00::/129")]
    [InlineData("fc00::/1000")]
    [InlineData("/8")]
    public void What_is_no_prefix_in_the_usual_spelling_is_none(string text) => IPPrefix.TryParse(text, out _, out _).Should().BeFalse();

    [Fact]
    public void An_address_of_the_other_family_is_none()
    {
        IPPrefix.TryParseAddress("10.0.0.1", AddressFamily.InterNetworkV6, out _).Should().BeFalse();
        IPPrefix.TryParseAddress("fc00::1", AddressFamily.InterNetwork, out _).Should().BeFalse();
        IPPrefix.TryParseAddress("fc00::1", AddressFamily.InterNetworkV6, out _).Should().BeTrue();
    }
}
