using System.Net;

namespace Twill.Cluster.Tests;

public sealed class SubnetKeyTests
{
    [Theory]
    [InlineData("10.5.52.0-24", "10.5.52.0/24", null)]
    [InlineData("10.5.52.0-24&fc00:1:2::-64", "10.5.52.0/24", "fc00:1:2::/64")]
    [InlineData("0.0.0.0-0&fc00::-48", "0.0.0.0/0", "fc00::/48")]
    [InlineData("10.5.52.16-30&fc00::1:0:0:5efe:0-112", "10.5.52.16/30", "fc00:0:0:1:0:0:5efe:0/112")]
    public void A_key_is_read_and_spelt_as_flannel_does(string text, string subnet, string? subnetV6)
    {
        SubnetKey.TryParse(text, out SubnetKey key).Should().BeTrue();

        key.Subnet.Should().Be(IPNetwork.Parse(subnet));
        key.SubnetV6.Should().Be(subnetV6 is null ? null : IPNetwork.Parse(subnetV6));
        key.ToString().Should().Be(text);
    }

    [Theory]
    [InlineData("")]
    [InlineData("10.5.52.0")]
    [InlineData("10.5.52-24")]
    [InlineData("10.5.52.0-33")]
    [InlineData("10.5.52.256-24")]
    [InlineData("10.5.52.0--24")]
    [InlineData("0x0a.5.52.0-24")]
    [InlineData("10.5.52.0-24&")]
    [InlineData("10.5.52.0-24&10.6.0.0-16")]
    [InlineData("10.5.52.0-24&fc00::-129")]
    [InlineData("fc00::-64")]
    [InlineData("x10.5.52.0-24")]
    [InlineData("10.5.52.0-24/more")]
    public void Other_texts_are_no_keys(string text) => SubnetKey.TryParse(text, out _).Should().BeFalse();

    [Theory]
    [InlineData("10.5.52.7-24")]
    [InlineData("010.5.52.0-24")]
    [InlineData("10.5.52.0-24&fc00:1:2::7-64")]
    [InlineData("10.5.52.0-24&FC00:1:2::-64")]
    [InlineData("10.5.52.0-24&fc00:1:2:0::-64")]
    public void A_subnet_has_one_key(string otherwise) => SubnetKey.TryParse(otherwise, out _).Should().BeFalse();

    [Fact]
    public void Leases_in_a_flat_list_are_told_apart_again()
    {
        List<SubnetKey> leases =
        [
            SharedEtcd.Lease("10.1.0.0/24", "fc00:1::/64"),
            SharedEtcd.Lease("10.2.0.0/24"),
            SharedEtcd.Lease("10.3.0.0/24", "fc00:3::/64"),
        ];

        SubnetKey
            .Prefixes(leases)
            .Select(p => p.ToString())
            .Should()
            .Equal("10.1.0.0/24", "fc00:1::/64", "10.2.0.0/24", "10.3.0.0/24", "fc00:3::/64");
        SubnetKey.Pairs(SubnetKey.Prefixes(leases)).Should().Equal(leases);
        SubnetKey.Pairs([IPNetwork.Parse("fc00:1::/64")]).Should().BeEmpty("there is no lease of IPv6 alone");
    }

    [Theory]
    [InlineData("10.1.0.0/24", "fc00:1::/64", true)]
    [InlineData("10.2.0.0/24", "fc00:1::/65", true)]
    [InlineData("10.1.0.128/25", "fc00:2::/64", true)]
    [InlineData("10.1.0.0/16", null, true)]
    [InlineData("10.2.0.0/24", "fc00:2::/64", false)]
    [InlineData("10.2.0.0/24", null, false)]
    public void Leases_overlap_in_either_family(string subnet, string? subnetV6, bool overlap)
    {
        SharedEtcd.Lease("10.1.0.0/24", "fc00:1::/64").Overlaps(SharedEtcd.Lease(subnet, subnetV6)).Should().Be(overlap);
        SharedEtcd.Lease(subnet, subnetV6).Overlaps(SharedEtcd.Lease("10.1.0.0/24", "fc00:1::/64")).Should().Be(overlap);
    }

    [Theory] // what Go's net.IP.String prints for these sixteen bytes
    [InlineData("fc00:0001:0002:0000:0000:0000:0000:0000", "fc00:1:2::")]
    [InlineData("2001:0db8:0000:0001:0001:0001:0001:0001", "2001:db8:0:1:1:1:1:1")]
    [InlineData("2001:0000:0000:0001:0000:0000:0000:0001", "2001:0:0:1::1")]
    [InlineData("2001:0db8:0000:0000:0001:0000:0000:0001", "2001:db8::1:0:0:1")]
    [InlineData("fe80:0000:0000:0000:0000:5efe:0a00:0001", "fe80::5efe:a00:1")]
    [InlineData("0000:0000:0000:0000:0000:0000:0102:0304", "::102:304")]
    [InlineData("0000:0000:0000:0000:0000:0000:0000:0000", "::")]
    [InlineData("0000:0000:0000:0000:0000:ffff:0102:0304", "1.2.3.4")]
    [InlineData("0001:0000:0000:0000:0000:0000:0000:0000", "1::")]
    public void IPv6_is_spelt_as_go_does(string address, string spelt) => FlannelText.Of(IPAddress.Parse(address)).Should().Be(spelt);
}
