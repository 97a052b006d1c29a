using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Twill.Cluster.Tests;

public sealed class LeaseAttributesTests
{
    private static readonly IPAddress s_host = IPAddress.Parse("192.168.64.3");

    public static TheoryData<LeaseAttributes, string> AsFlannelWritesThem =>
        new()
        {
            {
                LeaseAttributes.Vxlan(1, (s_host, "C6:d2:32:6f:8f:44")),
                """{"PublicIP":"192.168.64.3","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"c6:d2:32:6f:8f:44"}}"""
            },
            { LeaseAttributes.HostGw(s_host), """{"PublicIP":"192.168.64.3","PublicIPv6":null,"BackendType":"host-gw"}""" },
            { LeaseAttributes.Alloc(s_host), """{"PublicIP":"192.168.64.3","PublicIPv6":null}""" },
            {
                LeaseAttributes.WireGuard("aB+/cdefghijklmnopqrstuvwxyz0123456789ABCDE=", 51820, s_host),
                """{"PublicIP":"192.168.64.3","PublicIPv6":null,"BackendType":"wireguard","BackendData":{"PublicKey":"aB+/cdefghijklmnopqrstuvwxyz0123456789ABCDE=","Port":51820}}"""
            },
            {
                LeaseAttributes.Vxlan(1, (s_host, "02:00:00:00:00:01"), (IPAddress.Parse("fd00:0::5efe:a00:3"), "02:00:00:00:00:02")),
                """{"PublicIP":"192.168.64.3","PublicIPv6":"fd00::5efe:a00:3","BackendType":"vxlan","""
                    + "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"02:00:00:00:00:01\"},"
                    + "\"BackendV6Data\":{\"VNI\":1,\"VtepMAC\":\"02:00:00:00:00:02\"}}"
            },
            {
                LeaseAttributes.Vxlan(1, (IPAddress.Parse("fd00::3"), "02:00:00:00:00:02")),
                """{"PublicIP":"0.0.0.0","PublicIPv6":"fd00::3","BackendType":"vxlan","BackendV6Data":{"VNI":1,"VtepMAC":"02:00:00:00:00:02"}}"""
            },
            {
                LeaseAttributes.HostGw(s_host, IPAddress.Parse("fd00::3")),
                """{"PublicIP":"192.168.64.3","PublicIPv6":"fd00::3","BackendType":"host-gw"}"""
            },
            {
                LeaseAttributes.WireGuard("a/bc=", 51820, s_host, IPAddress.Parse("fd00::3")),
                """{"PublicIP":"192.168.64.3","PublicIPv6":"fd00::3","BackendType":"wireguard","BackendData":{"PublicKey":"a/bc=","Port":51820},"""
                    + "\"BackendV6Data\":{\"PublicKey\":\"a/bc=\",\"Port\":51820}}"
            },
            { LeaseAttributes.Alloc(IPAddress.Parse("::ffff:192.168.64.3")), """{"PublicIP":"192.168.64.3","PublicIPv6":null}""" },
            { LeaseAttributes.Alloc(), """{"PublicIP":"0.0.0.0","PublicIPv6":null}""" },
            {
                new LeaseAttributes(IPAddress.Any, BackendType: "a<b>&"),
                """{"PublicIP":"0.0.0.0","PublicIPv6":null,"BackendType":"a\u003cb\u003e\u0026"}"""
            },
        };

    [Theory]
    [MemberData(nameof(AsFlannelWritesThem))]
    public void A_value_has_flannels_bytes_and_is_read_back_the_same(LeaseAttributes attributes, string json)
    {
        Encoding.UTF8.GetString(attributes.ToJson()).Should().Be(json);

        LeaseAttributes.TryParse(Encoding.UTF8.GetBytes(json), out LeaseAttributes read, out _).Should().BeTrue();
        read.Should().Be(attributes);
    }

    [Fact]
    public void Names_are_read_without_regard_to_case_and_unknown_ones_ignored()
    {
        const string Json =
            """{ "publicip": "192.0.2.1", "New": [1], "backendtype": "vxlan", "BACKENDDATA": { "vni" : 7, "vtepmac": "02:00:00:00:00:01" } }""";

        LeaseAttributes.TryParse(Encoding.UTF8.GetBytes(Json), out LeaseAttributes read, out _).Should().BeTrue();

        read.TryGetVxlan(AddressFamily.InterNetwork, out uint vni, out string mac).Should().BeTrue();
        (vni, mac, read.PublicIP.ToString()).Should().Be((7u, "02:00:00:00:00:01", "192.0.2.1"));
    }

    [Fact]
    public void A_WireGuard_host_is_read_as_flannel_writes_it()
    {
        const string Json =
            """{"PublicIP":"192.168.64.3","PublicIPv6":null,"BackendType":"wireguard","BackendData":{"PublicKey":"aB+/=","Port":51820}}""";

        LeaseAttributes.TryParse(Encoding.UTF8.GetBytes(Json), out LeaseAttributes read, out _).Should().BeTrue();

        read.TryGetWireGuard(AddressFamily.InterNetwork, out string key, out int port).Should().BeTrue();
        (key, port).Should().Be(("aB+/=", 51820));
        read.TryGetVxlan(AddressFamily.InterNetwork, out _, out _).Should().BeFalse();
    }

    [Theory]
    [InlineData("vxlan", """{"PublicKey":"k","Port":1}""")]
    [InlineData("wireguard", null)]
    [InlineData("wireguard", "[]")]
    [InlineData("wireguard", """{"Port":1}""")]
    [InlineData("wireguard", """{"PublicKey":7,"Port":1}""")]
    [InlineData("wireguard", """{"PublicKey":"k","Port":65536}""")]
    public void What_is_no_WireGuard_host_is_not_taken_for_one(string type, string? data) =>
        new LeaseAttributes(s_host, BackendType: type, BackendData: data)
            .TryGetWireGuard(AddressFamily.InterNetwork, out _, out _)
            .Should()
            .BeFalse();

    [Theory]
    [InlineData("", "JSON")]
    [InlineData("null", "object")]
    [InlineData("[]", "object")]
    [InlineData("{}", "lease.PublicIP")]
    [InlineData("""{"PublicIP":7}""", "lease.PublicIP: expected a string, got 7")]
    [InlineData("""{"PublicIP":"10.1"}""", "lease.PublicIP: expected an IPv4 address, got '10.1'")]
    [InlineData("""{"PublicIP":"10.0.0.1","PublicIPv6":"10.0.0.1"}""", "lease.PublicIPv6")]
    [InlineData("""{"PublicIP":"10.0.0.1","BackendType":{}}""", "lease.BackendType")]
    [InlineData("""{"PublicIP":"\ud800"}""", "Unicode")]
    [InlineData("""{"PublicIP":"10.0.0.1""", "end of string")]
    public void An_unreadable_value_is_told_with_field_and_value(string json, string problem)
    {
        LeaseAttributes.TryParse(Encoding.UTF8.GetBytes(json), out _, out string told).Should().BeFalse();
        told.Should().NotBeEmpty().And.Contain(problem);
    }

    [Theory]
    [InlineData("host-gw", null)]
    [InlineData("vxlan", null)]
    [InlineData("vxlan", "7")]
    [InlineData("vxlan", """{"VNI":-1,"VtepMAC":"02:00:00:00:00:01"}""")]
    [InlineData("vxlan", """{"VNI":1}""")]
    public void Data_that_vxlan_cannot_use_are_none(string type, string? data) =>
        new LeaseAttributes(s_host, BackendType: type, BackendData: data)
            .TryGetVxlan(AddressFamily.InterNetwork, out _, out _)
            .Should()
            .BeFalse();

    [Fact]
    public void Each_family_of_underlay_has_its_own_data()
    {
        LeaseAttributes dual = SharedEtcd.DualHost(5);

        dual.TryGetVxlan(AddressFamily.InterNetwork, out _, out string four).Should().BeTrue();
        dual.TryGetVxlan(AddressFamily.InterNetworkV6, out uint vni, out string six).Should().BeTrue();

        (four, six, vni).Should().Be(("02:00:00:00:00:05", "02:00:00:00:06:05", 1u));
        dual.Describe().Should().Be("192.0.2.5 and 2001:db8::5");
        SharedEtcd.Host(5).TryGetVxlan(AddressFamily.InterNetworkV6, out _, out _).Should().BeFalse();
    }
}
