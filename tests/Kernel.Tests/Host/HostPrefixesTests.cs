using System.Net;
using System.Text.Json;
using Twill.Cni;
using Twill.Host;
using Twill.Host.Backends;
using Twill.Linux;
using Twill.Network.Configuration;
using Twill.Testing;

namespace Kernel.Tests.Host;

/// <summary>What a host needs itself, read from a real kernel.</summary>
public sealed class HostPrefixesTests : IDisposable
{
    private const string Leased = """
        {"name":"n","type":"twill","bridge":"twill0","ipam":{"type":"twill-ipam","network":"192.168.0.0/16",
         "etcd":{"endpoints":["http://192.168.90.5:2379"]}}}
        """;

    private readonly TestNetns _ns = TestNetns.Create();

    public HostPrefixesTests()
    {
        _ns.IpBatch(
            "link add lan type veth peer name lan-peer",
            "address add 192.168.50.11/24 dev lan",
            "link set lan up",
            "link set lan-peer up",
            "link add docker0 type bridge",
            "address add 192.168.17.1/24 dev docker0",
            "link set docker0 up",
            "link set lo up",
            "address add 192.168.3.3/32 dev lo",
            "link add twill0 type bridge",
            "address add 192.168.1.1/24 dev twill0",
            "link set twill0 up",
            "link add twill.1 type vxlan id 1 dstport 4789",
            "address add 192.168.1.0/32 dev twill.1",
            "link set twill.1 up",
            "route add default via 192.168.50.254",
            "route add 192.168.60.0/24 via 192.168.50.253",
            "route add 192.168.61.0/24 nexthop via 192.168.50.252 nexthop via 192.168.50.253",
            "route add 192.168.2.0/24 via 192.168.2.0 dev twill.1 onlink proto 116",
            "route add 192.168.4.0/24 via 192.168.50.12 proto 116",
            "route add 192.168.0.0/15 via 192.168.50.253",
            "route add blackhole 192.168.5.0/24"
        );
    }

    [RequiresRootTheory]
    [InlineData("192.168.50.0/24", "192.168.50.11, this host's own address on lan")]
    [InlineData("192.168.50.64/26", "192.168.50.0/24, the network of lan")]
    [InlineData("192.168.17.0/24", "192.168.17.1, this host's own address on docker0")]
    [InlineData("192.168.17.0/28", "192.168.17.1, this host's own address on docker0")]
    [InlineData("192.168.3.0/24", "192.168.3.3, this host's own address on lo")]
    [InlineData("192.168.60.0/25", "192.168.60.0/24, which this host has a route to (via 192.168.50.253 dev lan)")]
    [InlineData("192.168.61.0/24", "192.168.61.0/24, which this host has a route to (via 192.168.50.252 dev lan)")]
    [InlineData("192.168.90.0/24", "192.168.90.5, an endpoint of etcd")]
    [InlineData("192.168.77.0/24", "192.168.77.7, an endpoint of etcd")]
    [InlineData("192.168.1.0/24", null)] // its own bridge and overlay device
    [InlineData("192.168.2.0/24", null)] // its own routes
    [InlineData("192.168.4.0/24", null)]
    [InlineData("192.168.5.0/24", null)] // leads nowhere anyway
    [InlineData("192.168.99.0/24", null)]
    public void Names_what_a_subnet_would_take_away(string subnet, string? reason)
    {
        HostPrefixes needs = Read(Leased);

        needs.FindOverlap(IPNetwork.Parse(subnet))?.Reason.Should().Be(reason);
        (needs.FindOverlap(IPNetwork.Parse(subnet)) is null).Should().Be(reason is null);
    }

    [RequiresRootFact]
    public void Another_programs_route_to_a_peers_subnet_counts_where_it_was_first()
    {
        IPNetwork subnet = IPNetwork.Parse("192.168.60.0/24");
        Read(Leased).FindOverlap(subnet, isLedTo: false).Should().NotBeNull();
        Read(Leased).FindOverlap(subnet, isLedTo: true).Should().BeNull("it was put in the place of twill's");
        Read(Leased).FindOverlap(IPNetwork.Parse("192.168.50.0/24"), isLedTo: true).Should().NotBeNull("the LAN always counts");

        _ns.Ip("route prepend 192.168.60.0/24 via 192.168.50.12 proto 116");
        Read(Leased).FindOverlap(subnet, isLedTo: false).Should().BeNull("twill's is there");
    }

    [RequiresRootFact]
    public void Knows_next_hops_and_addresses_that_are_no_hosts()
    {
        HostPrefixes needs = Read(Leased);

        foreach (string hop in (string[])["192.168.50.254", "192.168.50.253", "192.168.50.252"])
        {
            needs.IsNextHop(IPAddress.Parse(hop)).Should().BeTrue(hop);
        }

        needs.IsNextHop(IPAddress.Parse("192.168.50.12")).Should().BeFalse("that is a peer of twill's");
        needs.LinkWithEdge(IPAddress.Parse("192.168.50.255")).Should().Be(IPNetwork.Parse("192.168.50.0/24"));
        needs.LinkWithEdge(IPAddress.Parse("192.168.50.0")).Should().Be(IPNetwork.Parse("192.168.50.0/24"));
        needs.LinkWithEdge(IPAddress.Parse("192.168.50.12")).Should().BeNull();
    }

    [RequiresRootTheory]
    [InlineData("192.168.50.0/24", true)]
    [InlineData("192.168.50.64/26", true)]
    [InlineData("192.168.17.0/24", true)]
    [InlineData("192.168.60.0/24", true)]
    [InlineData("192.168.99.0/24", false)]
    public void A_fixed_subnet_is_compared_as_well(string subnet, bool overlaps)
    {
        const string Fixed = """{"name":"n","type":"twill","bridge":"twill0","ipam":{"type":"twill-ipam","subnet":"SUBNET"}}""";
        HostPrefixes needs = Read(Fixed.Replace("SUBNET", subnet));

        (needs.FindOverlap(IPNetwork.Parse(subnet)) is not null).Should().Be(overlaps);
    }

    [RequiresRootFact]
    public void IPv6_is_compared_as_well()
    {
        _ns.Ip("address add fc00:1:0:9::9/64 dev lan nodad");
        _ns.Ip("route add fc00:1:0:a::/64 via fe80::1 dev lan");
        HostPrefixes needs = Read(
            """
            {"name":"n","type":"twill","ipam":{"type":"twill-ipam","network":"10.244.0.0/16","ipv6Network":"fc00:1::/48",
             "etcd":{"endpoints":["http://[fc00:1:0:b::b]:2379"]}}}
            """
        );

        foreach (string subnet in (string[])["fc00:1:0:9::/64", "fc00:1:0:a::/64", "fc00:1:0:b::/64"])
        {
            needs.FindOverlap(IPNetwork.Parse(subnet)).Should().NotBeNull(subnet);
        }

        needs.FindOverlap(IPNetwork.Parse("fc00:1:0:c::/64")).Should().BeNull();
    }

    [RequiresRootFact]
    public void A_link_around_the_whole_network_is_told_and_takes_nothing()
    {
        _ns.Ip("address add 10.1.2.3/8 dev lan");
        HostPrefixes needs = Read(Leased.Replace("192.168.0.0/16", "10.244.0.0/16"));

        needs.FindOverlap(IPNetwork.Parse("10.244.7.0/24")).Should().BeNull();
        needs.Around.Should().ContainSingle().Which.Reason.Should().Be("10.0.0.0/8, the network of lan");
    }

    [RequiresRootFact]
    public void An_overlay_device_that_an_earlier_configuration_left_takes_nothing_from_its_network_alone()
    {
        IPNetwork subnet = IPNetwork.Parse("192.168.8.0/24");
        _ns.Ip("link add twill.77 type vxlan id 77 dstport 4790");
        _ns.Ip("address add 192.168.8.0/32 dev twill.77");
        _ns.Ip("address add 192.168.8.9/24 dev twill.77");
        _ns.Ip("link set twill.77 up");
        Read(Leased).FindOverlap(subnet)?.Reason.Should().Contain("on twill.77", "it may be anybody's");

        _ns.Ip("link set twill.77 alias 'twill overlay of other'");
        Read(Leased).FindOverlap(subnet)?.Reason.Should().Contain("on twill.77", "it is another network's");

        _ns.Ip("link set twill.77 alias 'twill overlay of n'");
        Read(Leased).FindOverlap(subnet).Should().BeNull("it is its own: neither its addresses nor its routes count");
    }

    public void Dispose() => _ns.Dispose();

    private HostPrefixes Read(string conf)
    {
        using RouteSocket route = Netns.OpenRouteSocket(_ns);
        using JsonDocument document = JsonDocument.Parse(conf);
        return HostPrefixes.Read(
            route,
            TwillConf.Parse(new ConfigReader(document.RootElement), BackendTable.All),
            [IPAddress.Parse("192.168.77.7")]
        );
    }
}
