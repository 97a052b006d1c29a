using System.Net;
using System.Net.Sockets;
using Twill.Host.Backends;
using Twill.Host.Reconcile;
using Twill.Linux;

namespace Twill.Host.Tests.Backends;

public sealed class VxlanBackendTests
{
    private static readonly VxlanBackend Plain = new(Vni: 1, Port: 4789, DirectRouting: false);
    private static readonly VxlanBackend Direct = new(Vni: 1, Port: 4789, DirectRouting: true);

    [Fact]
    public void A_remote_subnet_is_one_route_one_neighbour_and_one_FDB_entry()
    {
        Desired wanted = Plain.ComputeDesired(Leases.Self, [Leases.Vxlan(7, 3)]);

        wanted
            .Routes.Should()
            .Equal(new PeerRoute(IPNetwork.Parse("10.244.7.0/24"), IPAddress.Parse("10.244.7.0"), "twill.1", OnLink: true));
        wanted
            .Neighbours.Should()
            .ContainSingle()
            .Which.Should()
            .Be(KeyValuePair.Create(new OverlayHop("twill.1", IPAddress.Parse("10.244.7.0")), new OverlayNeighbour(Leases.Mac(3))));
        wanted.Fdb.Should().Equal(new OverlayFdbEntry("twill.1", Leases.Mac(3), IPAddress.Parse("192.168.64.3")));
        wanted.Skipped.Should().BeEmpty();
    }

    [Fact]
    public void Two_subnets_of_one_host_share_their_FDB_entry()
    {
        Desired wanted = Plain.ComputeDesired(Leases.Self, [Leases.Vxlan(7, 3), Leases.Vxlan(8, 3)]);

        wanted.Routes.Should().HaveCount(2);
        wanted.Neighbours.Should().HaveCount(2);
        wanted.Fdb.Should().HaveCount(1);
    }

    [Fact]
    public void The_device_carries_the_base_address_of_the_first_own_subnet() =>
        Plain
            .ComputeDesired(Leases.Self, [])
            .Devices.Should()
            .Equal(
                new VxlanSpec(
                    "twill.1",
                    1,
                    4789,
                    IPAddress.Parse("192.168.64.2"),
                    Leases.OwnMac,
                    1450,
                    new(IPNetwork.Parse("10.244.1.0/32"), null),
                    "pods"
                )
            );

    [Fact]
    public void Without_a_lease_the_device_has_no_address() =>
        Plain.ComputeDesired(Leases.Self with { Subnets = [] }, []).Devices.Should().ContainSingle().Which.Addresses.Should().BeEmpty();

    [Fact]
    public void With_direct_routing_a_host_on_the_link_gets_one_plain_route()
    {
        Desired wanted = Direct.ComputeDesired(Leases.Self, [Leases.Vxlan(7, 3)]);

        wanted
            .Routes.Should()
            .Equal(new PeerRoute(IPNetwork.Parse("10.244.7.0/24"), IPAddress.Parse("192.168.64.3"), "eth0", OnLink: false));
        wanted.Neighbours.Should().BeEmpty();
        wanted.Fdb.Should().BeEmpty();
    }

    [Theory]
    [InlineData("192.168.64.200", "a longer prefix leads to a router")]
    [InlineData("192.168.65.3", "another interface is not the underlay")]
    [InlineData("10.1.1.1", "the default route has a gateway")]
    public void With_direct_routing_a_host_behind_a_router_goes_through_the_overlay(string publicIP, string because)
    {
        Desired wanted = Direct.ComputeDesired(Leases.Self, [Leases.Vxlan(7, 3).At(publicIP)]);

        wanted.Routes.Should().ContainSingle().Which.Device.Should().Be("twill.1", because);
        wanted.Fdb.Should().ContainSingle().Which.Dst.Should().Be(IPAddress.Parse(publicIP));
    }

    [Fact]
    public void A_host_on_the_link_needs_no_VtepMAC_with_direct_routing() =>
        Direct.ComputeDesired(Leases.Self, [Leases.Vxlan(7, 3).WithMac(null)]).Routes.Should().HaveCount(1);

    [Fact]
    public void The_order_of_the_leases_makes_no_difference()
    {
        PeerLease[] leases = [Leases.Vxlan(9, 5), Leases.Vxlan(10, 6), Leases.Vxlan(7, 3).WithMac(Leases.Mac(6))];

        Desired one = Plain.ComputeDesired(Leases.Self, leases),
            other = Plain.ComputeDesired(Leases.Self, leases.Reverse());

        one.Fdb.Should().BeEquivalentTo(other.Fdb);
        one.Peers.Should().Equal(other.Peers);
        one.Skipped.Should().Equal(other.Skipped);
    }

    [Fact]
    public void Two_hosts_with_one_VtepMAC_are_told_apart_and_the_second_is_skipped()
    {
        Desired wanted = Plain.ComputeDesired(Leases.Self, [Leases.Vxlan(8, 4).WithMac(Leases.Mac(3)), Leases.Vxlan(7, 3)]);

        wanted.Fdb.Should().Equal(new OverlayFdbEntry("twill.1", Leases.Mac(3), IPAddress.Parse("192.168.64.3")));
        wanted.Skipped.Should().ContainSingle().Which.Why.Should().Contain("02:bb:00:00:00:03").And.Contain("192.168.64.3");
    }

    [Fact]
    public void A_later_lease_with_an_established_hosts_VtepMAC_and_a_lower_subnet_changes_nothing_for_it()
    {
        PeerLease established = Leases.Vxlan(7, 3) with { Created = 10 },
            later = Leases.Vxlan(2, 4).WithMac(Leases.Mac(3)) with { Created = 11 };

        Desired wanted = Plain.ComputeDesired(Leases.Self, [later, established]);

        wanted.Peers.Should().ContainSingle().Which.PublicIP.ToString().Should().Be("192.168.64.3");
        wanted.Skipped.Should().ContainSingle().Which.Peer.Should().Be(later);
    }

    [Fact]
    public void Where_the_hosts_own_link_is_in_the_network_an_address_of_a_host_and_a_subnet_exclude_each_other_and_the_older_stays()
    {
        LocalNode self = Leases.Self with { Networks = [IPNetwork.Parse("10.244.0.0/16"), IPNetwork.Parse("192.168.0.0/16")] };
        PeerLease host = Leases.Vxlan(7, 3) with { Created = 10 },
            takesItsAddress = Leases.Vxlan(8, 4) with { Subnet = IPNetwork.Parse("192.168.64.0/25"), Created = 11 },
            subnet = Leases.Vxlan(9, 5) with { Subnet = IPNetwork.Parse("192.168.9.0/24"), Created = 12 },
            withinIt = Leases.Vxlan(10, 6).At("192.168.9.6") with { Created = 13 };

        Desired wanted = Plain.ComputeDesired(self, [withinIt, subnet, takesItsAddress, host]);

        wanted.Peers.Select(peer => $"{peer.Subnet}").Should().Equal("10.244.7.0/24", "192.168.9.0/24");
        wanted
            .Skipped.Select(skip => skip.Why)
            .Should()
            .Equal(
                "it overlaps 192.168.64.3, the address of the host of 10.244.7.0/24",
                "its PublicIP 192.168.9.6 lies in the subnet 192.168.9.0/24, whose addresses are containers'"
            );
    }

    public static TheoryData<PeerLease, string> Unusable =>
        new()
        {
            { Leases.Vxlan(7, 3) with { Subnet = IPNetwork.Parse("0.0.0.0/0") }, "not inside the network 10.244.0.0/16" },
            { Leases.Vxlan(7, 3) with { Subnet = IPNetwork.Parse("10.0.0.0/8") }, "not inside the network" },
            { Leases.Vxlan(7, 3) with { Subnet = IPNetwork.Parse("fd00::/64") }, "not inside the network" },
            { Leases.Vxlan(1, 3), "this host's own subnet 10.244.1.0/24" },
            { Leases.Vxlan(7, 3) with { Subnet = IPNetwork.Parse("10.244.1.128/25") }, "this host's own subnet" },
            { Leases.Vxlan(7, 3) with { Subnet = IPNetwork.Parse("10.244.0.0/23") }, "this host's own subnet" },
            { Leases.Vxlan(2, 3), "lost" },
            { Leases.Vxlan(7, 2), "this host's own address 192.168.64.2" },
            { Leases.Vxlan(7, 3).At("0.0.0.0"), "no address of a host" },
            { Leases.Vxlan(7, 3).At("127.0.0.1"), "no address of a host" },
            { Leases.Vxlan(7, 3).At("0.1.2.3"), "no address of a host" },
            { Leases.Vxlan(7, 3).At("10.244.8.8"), "lies in the network 10.244.0.0/16" },
            { Leases.Vxlan(7, 3).At("224.0.0.1"), "no address of a host" },
            { Leases.Vxlan(7, 3).At("255.255.255.255"), "no address of a host" },
            { Leases.Vxlan(7, 3) with { BackendType = "host-gw" }, "backend \"host-gw\", this host \"vxlan\"" },
            { Leases.Vxlan(7, 3).WithMac(null), "no VtepMAC" },
            { Leases.Vxlan(7, 3).WithMac(Leases.OwnMac), "also published by 192.168.64.2" },
            { Leases.Vxlan(7, 3).WithMac(MacAddress.Zero), "no address of a device" },
            { Leases.Vxlan(7, 3).WithMac(MacAddress.Broadcast), "no address of a device" },
            { Leases.Vxlan(7, 3).With(a => a with { Vni = 2 }), "VNI 2, this host 1" },
        };

    [Theory, MemberData(nameof(Unusable))]
    public void A_lease_that_would_harm_or_lead_nowhere_is_skipped_with_its_reason(PeerLease bad, string reason)
    {
        Desired wanted = Plain.ComputeDesired(Leases.Self with { Lost = [IPNetwork.Parse("10.244.2.0/24")] }, [bad, Leases.Vxlan(9, 9)]);

        wanted.Skipped.Should().ContainSingle().Which.Why.Should().Contain(reason);
        wanted.Peers.Should().Equal(new PeerPath(IPNetwork.Parse("10.244.9.0/24"), IPAddress.Parse("192.168.64.9"), Leases.Mac(9)));
        wanted.Routes.Should().HaveCount(1);
        wanted.Fdb.Should().HaveCount(1);
        wanted.Neighbours.Should().HaveCount(1);
    }

    [Fact]
    public void It_takes_50_bytes_over_IPv4_and_70_over_IPv6()
    {
        Plain.Overhead(AddressFamily.InterNetwork).Should().Be(50);
        Plain.Overhead(AddressFamily.InterNetworkV6).Should().Be(70);
    }
}
