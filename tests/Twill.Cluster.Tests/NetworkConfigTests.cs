using System.Net;
using System.Text;

namespace Twill.Cluster.Tests;

public sealed class NetworkConfigTests
{
    private static NetworkConfig Parse(string json) => NetworkConfig.Parse(Encoding.UTF8.GetBytes(json), "/twill/t/config");

    [Theory]    // flannel: /24 as long as that makes four subnets, else two bits more than the network; the first subnet is left out
    [InlineData("10.5.0.0/16", 24, "10.5.1.0", "10.5.255.0", 255)]
    [InlineData("10.0.0.0/8", 24, "10.0.1.0", "10.255.255.0", 65_535)]
    [InlineData("10.5.0.0/22", 24, "10.5.1.0", "10.5.3.0", 3)]
    [InlineData("10.5.0.0/23", 25, "10.5.0.128", "10.5.1.128", 3)]
    [InlineData("10.5.0.0/28", 30, "10.5.0.4", "10.5.0.12", 3)]
    public void Defaults_are_flannels(string network, int length, string min, string max, long count)
    {
        NetworkConfig config = Parse($$"""{"Network":"{{network}}"}""");

        config.SubnetLen.Should().Be(length);
        config.SubnetMin.Should().Be(IPAddress.Parse(min));
        config.SubnetMax.Should().Be(IPAddress.Parse(max));
        config.SubnetCount.Should().Be(count);
        config.EnableIPv6.Should().BeFalse();
        config.Backend.Should().Be(new BackendSettings("udp", Port: 8285), "flannel's code takes udp when no backend is named");
    }

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
        NetworkConfig config = Parse($$$"""{"Network":"10.5.0.0/16","Backend":{"Type":"wireguard","ListenPort":7,"PSK":"{{{Key}}}","PersistentKeepaliveInterval":25,"Mode":"separate"}}""");

        config.Backend!.Should().BeEquivalentTo(new { Port = 7, PersistentKeepalive = 25, PresharedKey = new SecretText(Key) });
        config.ToString().Should().NotContain(Key).And.Contain("(secret)");
        Parse(Encoding.UTF8.GetString(config.ToJson())).Should().Be(config);
        NetworkConfig.Create(IPNetwork.Parse("10.5.0.0/16"), backend: BackendSettings.WireGuard(7)).DescribeDifference(config).Should().BeNull();
    }

    [Theory]
    [InlineData("7")]
    [InlineData("\"secret\"")]
    [InlineData("{\"a\":\"secret\"}")]
    public void A_preshared_key_that_is_none_is_refused_without_showing_it(string psk)
    {
        Action parse = () => Parse($$"""{"Network":"10.5.0.0/16","Backend":{"Type":"wireguard","PSK":{{psk}} } }""");

        parse.Should().Throw<ClusterException>().WithMessage("*config.Backend.PSK: expected a key of 32 bytes in base64*").Which.Message.Should().NotContain("secret");
    }

    [Fact]
    public void What_is_written_reads_back_the_same()
    {
        NetworkConfig config = NetworkConfig.Create(IPNetwork.Parse("10.5.0.0/16"), 26, IPAddress.Parse("10.5.0.0"), IPAddress.Parse("10.5.3.192"), BackendSettings.Vxlan(7, 4789, true));

        Parse(Encoding.UTF8.GetString(config.ToJson())).Should().Be(config);
        config.SubnetCount.Should().Be(16);
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
    [InlineData("\"EnableIPv6\":true", "EnableIPv6 is false here and true in etcd")]
    [InlineData("\"Backend\":{\"Type\":\"vxlan\",\"VNI\":2,\"Port\":4789}", "Backend.VNI is 1 here and 2 in etcd")]
    [InlineData("\"Backend\":{\"Type\":\"vxlan\",\"VNI\":1,\"Port\":4789,\"GBP\":true}", "Backend.GBP is false here and true in etcd")]
    [InlineData("\"Backend\":{\"Type\":\"host-gw\"}", "Backend.Type is vxlan here and host-gw in etcd")]
    public void A_difference_names_field_and_both_values(string stored, string difference)
    {
        NetworkConfig wanted = NetworkConfig.Create(
            IPNetwork.Parse("10.5.0.0/16"), 24, IPAddress.Parse("10.5.1.0"), IPAddress.Parse("10.5.255.0"), BackendSettings.Vxlan(1, 4789));
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
    [InlineData("""{"Network":"10.5.0.0/16","SubnetMin":"10.6.0.0"}""", "SubnetMin: expected an address inside 10.5.0.0/16, got '10.6.0.0'")]
    [InlineData("""{"Network":"10.5.0.0/16","SubnetMin":"10.5.0.1"}""", "SubnetMin: expected the first address of a /24")]
    [InlineData("""{"Network":"10.5.0.0/16","SubnetMin":"10.5.9.0","SubnetMax":"10.5.8.0"}""", "above SubnetMax 10.5.8.0")]
    [InlineData("""{"Network":"10.5.0.0/16","EnableIPv4":false}""", "EnableIPv4")]
    [InlineData("""{"Network":"10.5.0.0/16","Backend":"vxlan"}""", "config.Backend: expected an object")]
    [InlineData("""{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan","VNI":16777216}}""", "config.Backend.VNI: expected a number from 0 to 16777215, got 16777216")]
    public void What_cannot_be_used_is_told_with_key_field_and_value(string json, string told)
    {
        Action parse = () => Parse(json);

        ClusterException e = parse.Should().Throw<ClusterException>().Which;
        e.Kind.Should().Be(ClusterErrorKind.ConfigInvalid);
        e.Message.Should().Contain("/twill/t/config").And.Contain(told);
    }

    [Fact]
    public void Only_subnets_of_the_range_and_length_are_leased()
    {
        NetworkConfig config = NetworkConfig.Create(IPNetwork.Parse("10.5.0.0/16"), 24, null, IPAddress.Parse("10.5.9.0"));

        config.Leases(IPNetwork.Parse("10.5.1.0/24")).Should().BeTrue();
        config.Leases(IPNetwork.Parse("10.5.9.0/24")).Should().BeTrue();
        config.Leases(IPNetwork.Parse("10.5.0.0/24")).Should().BeFalse("the first subnet is left out");
        config.Leases(IPNetwork.Parse("10.5.10.0/24")).Should().BeFalse();
        config.Leases(IPNetwork.Parse("10.5.2.0/25")).Should().BeFalse();
        config.Leases(IPNetwork.Parse("10.4.2.0/24")).Should().BeFalse();
    }
}
