using System.Net;
using System.Text;

namespace Twill.Cluster.Tests;

public sealed class NetworkConfigTests
{
    private static NetworkConfig Parse(string json) => NetworkConfig.Parse(Encoding.UTF8.GetBytes(json), "/twill/t/config");

    [Theory] // flannel: /24 as long as that makes four subnets, else two bits more than the network; the first subnet is left out
    [InlineData("10.5.0.0/16", 24, "10.5.1.0", "10.5.255.0", 255)]
    [InlineData("10.0.0.0/8", 24, "10.0.1.0", "10.255.255.0", 65_535)]
    [InlineData("10.5.0.0/22", 24, "10.5.1.0", "10.5.3.0", 3)]
    [InlineData("10.5.0.0/23", 25, "10.5.0.128", "10.5.1.128", 3)]
    [InlineData("10.5.0.0/28", 30, "10.5.0.4", "10.5.0.12", 3)]
    public void Defaults_are_flannels(string network, int length, string min, string max, int count)
    {
        NetworkConfig config = Parse($$"""{"Network":"{{network}}"}""");

        config.IPv4.SubnetLen.Should().Be(length);
        config.IPv4.SubnetMin.Should().Be(IPAddress.Parse(min));
        config.IPv4.SubnetMax.Should().Be(IPAddress.Parse(max));
        ((int)config.IPv4.Count).Should().Be(count);
        config.IPv6.Should().BeNull();
        config.Backend.Should().Be(new BackendSettings("udp", Port: 8285), "flannel's code takes udp when no backend is named");
    }

    [Theory] // the same for IPv6: /64 as long as that makes four subnets, else two bits more than the network
    [InlineData("fc00:1::/48", 64, "fc00:1:0:1::", "fc00:1:0:ffff::", 65_535)]
    [InlineData("fc00:1::/62", 64, "fc00:1:0:1::", "fc00:1:0:3::", 3)]
    [InlineData("fc00:1::/63", 65, "fc00:1:0:0:8000::", "fc00:1:0:1:8000::", 3)]
    [InlineData("fc00:1::/124", 126, "fc00:1::4", "fc00:1::c", 3)]
    [InlineData("fc00::/16", 64, "fc00:0:0:1::", "fc00:ffff:ffff:ffff::", 0xffff_ffff_ffff)]
    public void Defaults_of_IPv6_are_flannels(string network, int length, string min, string max, long count)
    {
        SubnetRange range = Parse(
            $$"""{"Network":"10.5.0.0/16","EnableIPv6":true,"ipv6network":"{{network}}","IPv6SubnetLen":0,"IPv6SubnetMin":""}"""
        ).IPv6!;

        range.SubnetLen.Should().Be(length);
        range.SubnetMin.Should().Be(IPAddress.Parse(min));
        range.SubnetMax.Should().Be(IPAddress.Parse(max));
        ((long)range.Count).Should().Be(count);
    }

    [Fact]
    public void IPv6_that_is_not_enabled_counts_for_nothing() =>
        Parse("""{"Network":"10.5.0.0/16","EnableIPv6":false,"IPv6Network":"nonsense"}""").IPv6.Should().BeNull();

    [Theory]
    [InlineData("""{"Type":"vxlan"}""", "vxlan", 1, 8472)]
    [InlineData("""{"type":"vxlan","vni":300,"port":4789,"directrouting":true}""", "vxlan", 300, 4789)]
    [InlineData("""{"Type":"vxlan","Port":0}""", "vxlan", 1, 8472)]
    [InlineData("""{"Type":"wireguard"}""", "wireguard", 0, 51820)]
    [InlineData("""{"Type":"host-gw","Extra":{}}""", "host-gw", 0, 0)]
    public void Backends_are_read_with_flannels_defaults(string backend, string type, int vni, int port)
    {
        BackendSettings read = Parse($$"""{"Network":"10.5.0.0/16","Backend":{{backend}}}""").Backend!;

        (read.Type, read.Vni, read.Port).Should().Be((type, vni, port));
        read.DirectRouting.Should().Be(backend.Contains("directrouting"));
    }

    [Fact]
    public void What_flannel_says_of_WireGuard_is_read_and_the_preshared_key_shown_nowhere()
    {
        const string Key = "Iz7fpYyEhHcS6RFXJTOQfcRnccKvAizqB2a0ItRPMeU=";
        NetworkConfig config = Parse(
            $$$"""{"Network":"10.5.0.0/16","Backend":{"Type":"wireguard","ListenPort":7,"PSK":"{{{Key}}}","PersistentKeepaliveInterval":25,"Mode":"separate"}}"""
        );

        config
            .Backend!.Should()
            .BeEquivalentTo(
                new
                {
                    Port = 7,
                    PersistentKeepalive = 25,
                    PresharedKey = new SecretText(Key),
                }
            );
        config.ToString().Should().NotContain(Key).And.Contain("(secret)");
        Parse(Encoding.UTF8.GetString(config.ToJson())).Should().Be(config);
        NetworkConfig
            .Create(IPNetwork.Parse("10.5.0.0/16"), backend: BackendSettings.WireGuard(7))
            .DescribeDifference(config)
            .Should()
            .BeNull();
    }

    [Theory]
    [InlineData("7")]
    [InlineData("\"secret\"")]
    [InlineData("{\"a\":\"secret\"}")]
    public void A_preshared_key_that_is_none_is_refused_without_showing_it(string psk)
    {
        Action parse = () => Parse($$"""{"Network":"10.5.0.0/16","Backend":{"Type":"wireguard","PSK":{{psk}} } }""");

        parse
            .Should()
            .Throw<ClusterException>()
            .WithMessage("*config.Backend.PSK: expected a key of 32 bytes in base64*")
            .Which.Message.Should()
            .NotContain("secret");
    }

    [Fact]
    public void What_is_written_reads_back_the_same()
    {
        NetworkConfig config = NetworkConfig.Create(
            IPNetwork.Parse("10.5.0.0/16"),
            26,
            IPAddress.Parse("10.5.0.0"),
            IPAddress.Parse("10.5.3.192"),
            BackendSettings.Vxlan(7, 4789, true)
        );

        Parse(Encoding.UTF8.GetString(config.ToJson())).Should().Be(config);
        ((int)config.IPv4.Count).Should().Be(16);
    }

    [Fact]
    public void A_node_that_only_leases_contradicts_no_backend()
    {
        NetworkConfig wanted = NetworkConfig.Create(IPNetwork.Parse("10.5.0.0/16"), 24);

        wanted.DescribeDifference(Parse("""{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan"}}""")).Should().BeNull();
        Encoding.UTF8.GetString(wanted.ToJson()).Should().EndWith("\"Backend\":{\"Type\":\"alloc\"}}");
    }

    [Theory]
    [InlineData("\"SubnetMin\":\"10.5.9.0\"", "SubnetMin is 10.5.1.0 here and 10.5.9.0 in etcd")]
    [InlineData("\"SubnetMax\":\"10.5.9.0\"", "SubnetMax is 10.5.255.0 here and 10.5.9.0 in etcd")]
    [InlineData("\"EnableIPv6\":true,\"IPv6Network\":\"fc00:1::/48\"", "EnableIPv6 is false here and true in etcd")]
    [InlineData("\"Backend\":{\"Type\":\"vxlan\",\"VNI\":2,\"Port\":4789}", "Backend.VNI is 1 here and 2 in etcd")]
    [InlineData("\"Backend\":{\"Type\":\"vxlan\",\"VNI\":1,\"Port\":4789,\"GBP\":true}", "Backend.GBP is false here and true in etcd")]
    [InlineData("\"Backend\":{\"Type\":\"host-gw\"}", "Backend.Type is vxlan here and host-gw in etcd")]
    public void A_difference_names_field_and_both_values(string stored, string difference)
    {
        NetworkConfig wanted = NetworkConfig.Create(
            IPNetwork.Parse("10.5.0.0/16"),
            24,
            IPAddress.Parse("10.5.1.0"),
            IPAddress.Parse("10.5.255.0"),
            BackendSettings.Vxlan(1, 4789)
        );
        string backend = stored.Contains("Backend") ? "" : ",\"Backend\":{\"Type\":\"vxlan\",\"VNI\":1,\"Port\":4789}";

        wanted.DescribeDifference(Parse($"{{\"Network\":\"10.5.0.0/16\",{stored}{backend}}}")).Should().Be(difference);
    }

    [Theory]
    [InlineData("", "JSON")]
    [InlineData("[]", "config: expected a JSON object, got []")]
    [InlineData("{}", "config.Network: expected an IPv4 prefix")]
    [InlineData("""{"Network":"fc00::/48"}""", "'fc00::/48'")]
    [InlineData("""{"Network":"10.5.0.0/29"}""", "too small")]
    [InlineData("""{"Network":"10.5.0.0/16","SubnetLen":31}""", "expected 18 to 30")]
    [InlineData("""{"Network":"10.5.0.0/16","SubnetLen":17}""", "got 17")]
    [InlineData("""{"Network":"10.5.0.0/16","SubnetLen":"24"}""", "config.SubnetLen: expected a number from 0 to 32, got \"24\"")]
    [InlineData(
        """{"Network":"10.5.0.0/16","SubnetMin":"10.6.0.0"}""",
        "SubnetMin: expected an address inside 10.5.0.0/16, got '10.6.0.0'"
    )]
    [InlineData("""{"Network":"10.5.0.0/16","SubnetMin":"10.5.0.1"}""", "SubnetMin: expected the first address of a /24")]
    [InlineData("""{"Network":"10.5.0.0/16","SubnetMin":"10.5.9.0","SubnetMax":"10.5.8.0"}""", "above SubnetMax 10.5.8.0")]
    [InlineData("""{"Network":"10.5.0.0/16","EnableIPv4":false}""", "EnableIPv4")]
    [InlineData("""{"Network":"10.5.0.0/16","EnableIPv6":true}""", "config.IPv6Network: expected an IPv6 prefix such as fc00:1::/48")]
    [InlineData(
        """{"Network":"10.5.0.0/16","EnableIPv6":true,"IPv6Network":"10.6.0.0/16"}""",
        "config.IPv6Network: expected an IPv6 prefix such as fc00:1::/48, got '10.6.0.0/16'"
    )]
    [InlineData(
        """{"Network":"10.5.0.0/16","EnableIPv6":true,"IPv6Network":"fc00:1::/125"}""",
        "IPv6Network fc00:1::/125 is too small: the longest prefix that still makes four subnets is /124"
    )]
    [InlineData(
        """{"Network":"10.5.0.0/16","EnableIPv6":true,"IPv6Network":"fc00:1::/48","IPv6SubnetLen":127}""",
        "IPv6SubnetLen: expected 50 to 126"
    )]
    [InlineData(
        """{"Network":"10.5.0.0/16","EnableIPv6":true,"IPv6Network":"fc00:1::/48","IPv6SubnetMin":"fc00:2::"}""",
        "IPv6SubnetMin: expected an address inside fc00:1::/48, got 'fc00:2::'"
    )]
    [InlineData(
        """{"Network":"10.5.0.0/16","EnableIPv6":true,"IPv6Network":"fc00:1::/48","IPv6SubnetMax":"fc00:1::1"}""",
        "IPv6SubnetMax: expected the first address of a /64"
    )]
    [InlineData("""{"Network":"10.5.0.0/16","Backend":"vxlan"}""", "config.Backend: expected an object")]
    [InlineData(
        """{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan","VNI":16777216}}""",
        "config.Backend.VNI: expected a number from 0 to 16777215, got 16777216"
    )]
    public void What_cannot_be_used_is_told_with_key_field_and_value(string json, string told)
    {
        Action parse = () => Parse(json);

        ClusterException e = parse.Should().Throw<ClusterException>().Which;
        e.Kind.Should().Be(ClusterErrorKind.ConfigInvalid);
        e.Message.Should().Contain("/twill/t/config").And.Contain(told);
    }

    [Theory]
    [InlineData("\"EnableIPv6\":false", "EnableIPv6 is true here and false in etcd")]
    [InlineData(
        "\"EnableIPv6\":true,\"IPv6Network\":\"fc00:2::/48\"",
        "IPv6Network is fc00:1::/48 here and fc00:2::/48 in etcd; IPv6SubnetMin is fc00:1:0:1:: here and fc00:2:0:1:: in etcd"
    )]
    [InlineData(
        "\"EnableIPv6\":true,\"IPv6Network\":\"fc00:1::/48\",\"IPv6SubnetLen\":80,\"IPv6SubnetMin\":\"fc00:1:0:1::\"",
        "IPv6SubnetLen is 64 here and 80 in etcd"
    )]
    public void A_difference_in_IPv6_names_field_and_both_values(string stored, string difference)
    {
        NetworkConfig wanted = NetworkConfig.Create(
            SubnetRange.Create(IPNetwork.Parse("10.5.0.0/16")),
            SubnetRange.Create(IPNetwork.Parse("fc00:1::/48"), 64, IPAddress.Parse("fc00:1:0:1::"))
        );

        wanted.DescribeDifference(Parse($"{{\"Network\":\"10.5.0.0/16\",{stored}}}")).Should().Be(difference);
    }

    [Fact]
    public void Only_subnets_of_the_range_and_length_are_leased()
    {
        NetworkConfig config = NetworkConfig.Create(IPNetwork.Parse("10.5.0.0/16"), 24, null, IPAddress.Parse("10.5.9.0"));

        config.Leases(SharedEtcd.Lease("10.5.1.0/24")).Should().BeTrue();
        config.Leases(SharedEtcd.Lease("10.5.9.0/24")).Should().BeTrue();
        config.Leases(SharedEtcd.Lease("10.5.0.0/24")).Should().BeFalse("the first subnet is left out");
        config.Leases(SharedEtcd.Lease("10.5.10.0/24")).Should().BeFalse();
        config.Leases(SharedEtcd.Lease("10.5.2.0/25")).Should().BeFalse();
        config.Leases(SharedEtcd.Lease("10.4.2.0/24")).Should().BeFalse();
        config.Leases(SharedEtcd.Lease("10.5.1.0/24", "fc00:1:0:1::/64")).Should().BeFalse("leases of this network have no IPv6 subnet");
    }
}
