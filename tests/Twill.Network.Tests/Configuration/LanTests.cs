using System.Net;
using Twill.Cni;
using Twill.Cni.Tests;
using Twill.Host.Backends;
using Twill.Network.Configuration;

namespace Twill.Network.Tests.Configuration;

/// <summary>The section <c>lan</c>.</summary>
public sealed class LanTests
{
    private const string Fixed = "'subnet':'192.168.50.0/24','rangeStart':'192.168.50.130','gateway':'192.168.50.254'",
        Leased =
            "'network':'192.168.50.0/24','subnetLen':27,'gateway':'192.168.50.254','etcd':{'endpoints':['http://192.168.50.2:2379']}";

    [Theory]
    [InlineData(Fixed, "192.168.50.0/24")]
    [InlineData(Leased, "192.168.50.128/27")]
    public void It_is_a_network_without_gateway_masquerade_and_backend(string ipam, string subnet)
    {
        TwillConf conf = Parse("", ipam);

        (conf.Lan!.Device, conf.Bridge).Should().Be(("br0", "br0"));
        (conf.IsGateway, conf.IpMasq, conf.IsIsolated, conf.HairpinMode).Should().Be((false, false, false, false));
        conf.Backend.Type.Should().Be("none");
        conf.Ipam.GatewayOf(IPNetwork.Parse(subnet)).Should().Be(IPAddress.Parse("192.168.50.254"));
    }

    [Theory]
    [InlineData("192.168.50.128/27", "192.168.50.128", "192.168.50.159")]
    [InlineData("192.168.50.0/27", "192.168.50.1", "192.168.50.31")]
    [InlineData("192.168.50.224/27", "192.168.50.224", "192.168.50.254")]
    public void A_slice_has_the_length_and_the_router_of_the_LAN(string slice, string first, string last)
    {
        FixedRange range = Parse("", Leased).Ipam.IPv4.RangesOf(IPNetwork.Parse(slice)).Should().ContainSingle().Subject;

        (range.Subnet.ToString(), range.Gateway.ToString()).Should().Be(("192.168.50.0/24", "192.168.50.254"));
        (range.Start!.ToString(), range.End!.ToString()).Should().Be((first, last));
    }

    [Fact]
    public void The_router_is_the_first_address_where_nothing_is_said() =>
        Parse("", Leased.Replace("'gateway':'192.168.50.254',", ""))
            .Ipam.GatewayOf(IPNetwork.Parse("192.168.50.128/27"))
            .Should()
            .Be(IPAddress.Parse("192.168.50.1"));

    [Theory]
    [InlineData("'bridge':'br1'", "$.bridge: has no use beside lan: *")]
    [InlineData("'isGateway':true", "$.isGateway: has no use beside lan: *")]
    [InlineData("'ipMasq':true", "$.ipMasq: has no use beside lan: *")]
    [InlineData("'isolated':true", "$.isolated: has no use beside lan: *")]
    [InlineData("'promiscMode':true", "$.promiscMode: has no use beside lan: *")]
    [InlineData("'forceAddress':true", "$.forceAddress: has no use beside lan: *")]
    [InlineData("'icc':false", "$.icc: expected true beside lan, *portIsolation*")]
    [InlineData("'nonMasqueradeCIDRs':['10.0.0.0/8']", "$.nonMasqueradeCIDRs: *")]
    [InlineData("'backend':{'type':'vxlan'}", "$.backend.type: expected none beside lan*, got 'vxlan'")]
    [InlineData("'runtimeConfig':{'PortMappings':[{'hostPort':1,'containerPort':1}]}", "$.runtimeConfig.portMappings: ports cannot *")]
    public void What_a_LAN_has_no_use_for_is_refused(string members, string complaint) =>
        FluentActions.Invoking(() => Parse($",{members}", Fixed)).Should().Throw<CniException>().Which.Details.Should().Match(complaint);

    [Fact]
    public void By_an_interface_it_is_routed()
    {
        TwillConf conf = TwillConf.Parse(
            Calls.Reader(Text("'lan':{'interface':'eth0','hostAccess':true,'probe':true},'attachment':'routed'", "", Fixed)),
            BackendTable.All
        );

        (conf.Lan!.Device, conf.Lan.IsRouted, conf.Lan.Probe).Should().Be(("eth0", true, true));
        (conf.IsGateway, conf.IpMasq, conf.Backend.Type).Should().Be((false, false, "none"));
    }

    [Theory]
    [InlineData("'lan':{'bridge':'br0','adopt':true}", 2, "$.lan.adopt: unknown key*")]
    [InlineData("'lan':{'interface':'eth0','vlan':10}", 2, "$.lan.vlan: unknown key*")]
    [InlineData("'lan':{'interface':'eth0','bridge':'br0'}", 7, "$.lan.interface: has no use beside lan.bridge*")]
    [InlineData("'lan':{'interface':'eth0','hostAccess':false}", 7, "$.lan.hostAccess: expected true*")]
    [InlineData("'lan':{'interface':'eth0'},'attachment':'macvlan'", 7, "$.attachment: expected routed, or nothing: macvlan and ipvlan*")]
    [InlineData("'lan':{'bridge':'br0'},'attachment':'routed'", 7, "$.attachment: expected bridge, or nothing*")]
    [InlineData("'attachment':'routed'", 7, "$.attachment: expected bridge, or nothing*")]
    [InlineData("'lan':{'interface':'eth0'},'portIsolation':true", 7, "$.portIsolation: has no use beside lan: *")]
    [InlineData("'lan':{}", 7, "$.lan.bridge: expected the bridge*")]
    [InlineData("'lan':{'bridge':'a/b'}", 7, "$.lan.bridge: expected an interface name*")]
    public void A_section_that_makes_no_sense(string section, int code, string complaint)
    {
        CniException e = FluentActions
            .Invoking(() => TwillConf.Parse(Calls.Reader(Text(section, "", Fixed)), BackendTable.All))
            .Should()
            .Throw<CniException>()
            .Which;

        ((int)e.Code).Should().Be(code);
        e.Details.Should().Match(complaint);
    }

    [Fact]
    public void An_interface_is_for_IPv4_only() =>
        FluentActions
            .Invoking(() =>
                TwillConf.Parse(
                    Calls.Reader(Text("'lan':{'interface':'eth0'}", "", $"{Fixed},'ipv6Subnet':'fd00:50::/64'")),
                    BackendTable.All
                )
            )
            .Should()
            .Throw<CniException>()
            .Which.Details.Should()
            .Match("$.ipam: expected IPv4 only beside lan.interface*lan.bridge is for both");

    private static TwillConf Parse(string members, string ipam) =>
        TwillConf.Parse(Calls.Reader(Text("'lan':{'bridge':'br0'}", members, ipam)), BackendTable.All);

    private static string Text(string section, string members, string ipam) =>
        $"{{'name':'n','type':'twill',{section}{members},'ipam':{{'type':'twill-ipam',{ipam}}}}}";
}
