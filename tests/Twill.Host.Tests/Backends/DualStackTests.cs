using System.Net;
using Twill.Host.Backends;
using Twill.Host.Reconcile;

namespace Twill.Host.Tests.Backends;

/// <summary>Which way a backend leads to a subnet, of the two that there may be.</summary>
public sealed class DualStackTests
{
    private static readonly VxlanBackend Vxlan = new(Vni: 1, Port: 4789, DirectRouting: false);
    private static readonly VxlanBackend Direct = new(Vni: 1, Port: 4789, DirectRouting: true);

    private static readonly PeerAddress V4 = new(IPAddress.Parse("192.168.64.3"), Leases.Mac(3), 1);
    private static readonly PeerAddress V6 = new(IPAddress.Parse("fd00:64::3"), Leases.Mac(0x63), 1);

    [Theory]
    [InlineData("46", "46", "twill.1", "twill-v6.1")]
    [InlineData("46", "4", "twill.1", "twill.1")]
    [InlineData("46", "6", "twill-v6.1", "twill-v6.1")]
    [InlineData("4", "46", "twill.1", "twill.1")]
    [InlineData("6", "46", "twill-v6.1", "twill-v6.1")]
    [InlineData("4", "6", null, null)]
    [InlineData("6", "4", null, null)]
    public void A_subnet_is_reached_over_its_own_family_where_both_hosts_have_it_else_over_the_other(
        string ours,
        string theirs,
        string? v4,
        string? v6
    )
    {
        Desired wanted = Vxlan.ComputeDesired(Self(ours), Host(theirs));

        wanted
            .Routes.OrderBy(r => r.Subnet.BaseAddress.AddressFamily)
            .Select(r => r.Device)
            .Should()
            .Equal(new[] { v4, v6 }.OfType<string>());
        wanted.Neighbours.Should().HaveCount(v4 is null ? 0 : 2);
        wanted.Fdb.Select(e => e.Device).Should().BeEquivalentTo(new[] { v4, v6 }.OfType<string>().Distinct());
        wanted.Fdb.Where(e => !e.Dst.Equals(e.Device == "twill.1" ? V4.PublicIP : V6.PublicIP)).Should().BeEmpty();
        wanted
            .Skipped.Select(s => s.Why)
            .Should()
            .Equal(Enumerable.Repeat($"its host has IPv{theirs} on the underlay, this host IPv{ours}", v4 is null ? 2 : 0));
    }

    [Theory]
    [InlineData("46", "twill.1 10.244.1.0/32", "twill-v6.1 fc00:1:0:1::/128")]
    [InlineData("4", "twill.1 10.244.1.0/32 fc00:1:0:1::/128")]
    [InlineData("6", "twill-v6.1 10.244.1.0/32 fc00:1:0:1::/128")]
    public void There_is_a_device_for_each_family_of_the_underlay_with_the_base_address_of_its_own_or_of_both(
        string ours,
        params string[] devices
    ) => Vxlan.ComputeDesired(Self(ours), []).Devices.Select(d => $"{d.Name} {string.Join(' ', d.Addresses)}").Should().Equal(devices);

    [Fact]
    public void An_address_without_a_usable_device_gives_way_to_the_other()
    {
        Desired wanted = Vxlan.ComputeDesired(Self("46"), Host(V4 with { Vni = 9 }, V6));

        wanted.Routes.Should().HaveCount(2).And.OnlyContain(r => r.Device == "twill-v6.1");
        wanted.Skipped.Should().BeEmpty();
    }

    [Fact]
    public void What_is_wrong_with_the_way_of_the_subnets_own_family_is_told_when_the_other_is_no_better()
    {
        List<SkippedPeer> skipped = Vxlan.ComputeDesired(Self("46"), Host(V4 with { Vni = 9 }, V6 with { VtepMac = null })).Skipped;

        skipped.Select(s => s.Why).Should().Equal("it uses VNI 9, this host 1", "it publishes no VtepMAC");
    }

    [Fact]
    public void A_MAC_address_may_be_a_hosts_on_both_devices() =>
        Vxlan
            .ComputeDesired(Self("46"), Host(V4, V6 with { VtepMac = V4.VtepMac }))
            .Fdb.Should()
            .BeEquivalentTo([
                new OverlayFdbEntry("twill.1", V4.VtepMac!.Value, V4.PublicIP),
                new OverlayFdbEntry("twill-v6.1", V4.VtepMac!.Value, V6.PublicIP),
            ]);

    [Theory]
    [InlineData("fe80::3")]
    [InlineData("ff02::3")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("::ffff:192.168.64.3")]
    public void An_address_that_is_no_hosts_is_not_sent_to(string address) =>
        Vxlan
            .ComputeDesired(Self("6"), Host(null, V6 with { PublicIP = IPAddress.Parse(address) }))
            .Skipped.Should()
            .HaveCount(2)
            .And.OnlyContain(s => s.Why.Contains("no address of a host"));

    [Fact]
    public void With_an_overlay_too_narrow_for_IPv6_its_subnets_are_skipped_and_those_of_IPv4_are_not()
    {
        LocalNode narrow = Self("4") with { Addresses = new(Leases.Dual.Addresses.V4!.Value with { Mtu = 1250 }, null) };

        Desired wanted = Vxlan.ComputeDesired(narrow, Host("4"));

        wanted.Routes.Should().ContainSingle().Which.Subnet.Should().Be(IPNetwork.Parse("10.244.7.0/24"));
        wanted.Skipped.Should().ContainSingle().Which.Why.Should().Contain("1280").And.Contain("1250");
        wanted.Devices.Should().ContainSingle().Which.Addresses.Should().Equal(IPNetwork.Parse("10.244.1.0/32"));
    }

    [Theory]
    [InlineData("46", "46", "192.168.64.3", "fd00:64::3")]
    [InlineData("6", "46", "fd00:64::3", "fd00:64::3")]
    [InlineData("4", "46", "192.168.64.3", null)]
    public void With_direct_routing_the_next_hop_is_of_a_family_that_the_route_can_lead_by(
        string ours,
        string theirs,
        string v4,
        string? v6
    )
    {
        Desired wanted = Direct.ComputeDesired(Self(ours), Host(theirs));

        wanted
            .Routes.Where(r => r.Device == "eth0")
            .OrderBy(r => r.Subnet.BaseAddress.AddressFamily)
            .Select(r => r.Via!.ToString())
            .Should()
            .Equal(new[] { v4, v6 }.OfType<string>());
        wanted.Routes.Should().HaveCount(2, "IPv6 over IPv4 goes through the overlay");
    }

    [Fact]
    public void Host_gw_skips_an_IPv6_subnet_where_hosts_have_only_IPv4_in_common_and_says_why()
    {
        Desired wanted = new HostGwBackend().ComputeDesired(Self("4"), Host("46").Select(p => p with { BackendType = "host-gw" }));

        wanted.Routes.Should().ContainSingle().Which.Via.Should().Be(V4.PublicIP);
        wanted
            .Skipped.Should()
            .ContainSingle()
            .Which.Should()
            .Match<SkippedPeer>(s => s.Peer.Subnet.PrefixLength == 64 && s.Why.Contains("IPv4 address 192.168.64.3"));
    }

    private static LocalNode Self(string families) =>
        Leases.Dual with
        {
            Addresses = new(
                families.Contains('4') ? Leases.Dual.Addresses.V4 : null,
                families.Contains('6') ? Leases.Dual.Addresses.V6 : null
            ),
        };

    private static PeerLease[] Host(string families) => Host(families.Contains('4') ? V4 : null, families.Contains('6') ? V6 : null);

    private static PeerLease[] Host(PeerAddress? v4, PeerAddress? v6) =>
        [new(IPNetwork.Parse("10.244.7.0/24"), new(v4, v6), "vxlan"), new(IPNetwork.Parse("fc00:1:0:7::/64"), new(v4, v6), "vxlan")];
}
