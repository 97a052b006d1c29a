using System.Net;
using Twill.Host;
using Twill.Host.Backends;
using Twill.Host.Reconcile;
using Twill.Linux;
using Twill.Testing;

namespace Kernel.Tests.Reconcile;

/// <summary>Other hosts' subnets of both families, over underlays of both families or of one.</summary>
public sealed class DualStackTests : IDisposable
{
    private static readonly PeerLease[] Seven = OverlayHost.DualPeer(7, 3),
        Eight = OverlayHost.DualPeer(8, 4);

    private static readonly string[] SevenOverIPv4 =
    [
        "10.244.7.0/24 via 10.244.7.0 onlink",
        "10.244.7.0 lladdr 02:bb:00:00:00:03 PERMANENT proto 116",
        "02:bb:00:00:00:03 dst 192.168.64.3 self extern_learn permanent",
    ];

    private static readonly string[] SevenOverIPv6 =
    [
        "fc00:1:0:7::/64 via fe80::cc:ff:fe00:3 metric 1 pref medium",
        "fe80::cc:ff:fe00:3 lladdr 02:cc:00:00:00:03 PERMANENT proto 116",
        "02:cc:00:00:00:03 dst fd00:64::3 self extern_learn permanent",
    ];

    private readonly OverlayHost _host = new();

    [RequiresRootFact]
    public void A_host_of_both_families_is_three_entries_on_each_of_two_devices()
    {
        Reconcile(OverlayHost.Dual, Seven).Refusals.Should().BeEmpty();

        _host.Entries("twill.1").Should().Equal(SevenOverIPv4);
        _host.Entries("twill-v6.1").Should().Equal(SevenOverIPv6);
        _host.Addresses("twill.1").Should().Equal("10.244.1.0/32");
        _host.Addresses("twill-v6.1").Should().Equal("fc00:1:0:1::/128");
        _host.Vxlan("twill-v6.1").GetProperty("local6").GetString().Should().Be("fd00:64::2");
        _host.Link("twill-v6.1").GetProperty("address").GetString().Should().Be(OverlayHost.MacV6.ToString());
        (_host.Link("twill.1").GetProperty("mtu").GetInt32(), _host.Link("twill-v6.1").GetProperty("mtu").GetInt32())
            .Should()
            .Be((1450, 1430));
        Reconcile(OverlayHost.Dual, Seven).WasInOrder.Should().BeTrue();
    }

    [RequiresRootFact]
    public void A_host_that_leaves_takes_its_six_entries_and_its_nexthop_object_with_it()
    {
        Reconcile(OverlayHost.Dual, [.. Seven, .. Eight]);

        Reconcile(OverlayHost.Dual, Seven).Plan.Count.Should().Be(7);

        _host.Entries("twill.1").Should().Equal(SevenOverIPv4);
        _host.Entries("twill-v6.1").Should().Equal(SevenOverIPv6);
    }

    [RequiresRootFact]
    public void Following_a_change_of_a_host_of_both_families_writes_its_entries_without_a_look()
    {
        Baseline basis = Reconcile(OverlayHost.Dual, Seven).Baseline;
        IncrementalResult Follow(PeerLease[] before, PeerLease[] after) =>
            _host.Run(route => Reconciler.Follow(route, OverlayHost.Vxlan(), basis, PeerChange.Of(before, after, Seven)));

        Follow([], Eight).Should().Match<IncrementalResult>(f => f.Plan.Count == 7 && f.Refusals.Count == 0);
        Reconcile(OverlayHost.Dual, [.. Seven, .. Eight]).WasInOrder.Should().BeTrue();
        Follow(Eight, []).Plan.Count.Should().Be(7);
        Reconcile(OverlayHost.Dual, Seven).WasInOrder.Should().BeTrue();
    }

    [RequiresRootFact]
    public void Over_IPv6_alone_the_subnets_of_both_families_share_one_device_and_one_FDB_entry()
    {
        LocalNode six = OverlayHost.Dual with { Addresses = OverlayHost.Dual.Addresses with { V4 = null } };

        Reconcile(six, Seven).Refusals.Should().BeEmpty();

        _host.Ns.HasLink("twill.1").Should().BeFalse();
        _host
            .Entries("twill-v6.1")
            .Should()
            .Equal(
                "10.244.7.0/24 via 10.244.7.0 onlink",
                "fc00:1:0:7::/64 via fe80::cc:ff:fe00:3 metric 1 pref medium",
                "10.244.7.0 lladdr 02:cc:00:00:00:03 PERMANENT proto 116",
                "fe80::cc:ff:fe00:3 lladdr 02:cc:00:00:00:03 PERMANENT proto 116",
                "02:cc:00:00:00:03 dst fd00:64::3 self extern_learn permanent"
            );
        _host.Addresses("twill-v6.1").Should().Equal("10.244.1.0/32", "fc00:1:0:1::/128");
        Reconcile(six, Seven).WasInOrder.Should().BeTrue();
    }

    [RequiresRootFact]
    public void Over_IPv4_alone_the_subnets_of_both_families_share_one_device_and_one_FDB_entry()
    {
        LocalNode four = OverlayHost.Dual with { Addresses = OverlayHost.Dual.Addresses with { V6 = null } };

        Reconcile(four, Seven).Refusals.Should().BeEmpty();

        _host.Ns.HasLink("twill-v6.1").Should().BeFalse();
        _host
            .Entries("twill.1")
            .Should()
            .Equal(
                "10.244.7.0/24 via 10.244.7.0 onlink",
                "fc00:1:0:7::/64 via fe80::bb:ff:fe00:3 metric 1 pref medium",
                "10.244.7.0 lladdr 02:bb:00:00:00:03 PERMANENT proto 116",
                "fe80::bb:ff:fe00:3 lladdr 02:bb:00:00:00:03 PERMANENT proto 116",
                "02:bb:00:00:00:03 dst 192.168.64.3 self extern_learn permanent"
            );
        Reconcile(four, Seven).WasInOrder.Should().BeTrue();
    }

    [RequiresRootFact]
    public void A_host_that_gains_and_loses_a_family_of_the_underlay_is_reached_by_what_both_have()
    {
        LocalNode four = OverlayHost.Dual with { Addresses = OverlayHost.Dual.Addresses with { V6 = null } };
        Reconcile(four, Seven);

        Reconcile(OverlayHost.Dual, Seven).Refusals.Should().BeEmpty();
        _host.Entries("twill.1").Should().Equal(SevenOverIPv4);
        _host.Entries("twill-v6.1").Should().Equal(SevenOverIPv6);

        Reconcile(four, Seven).Refusals.Should().BeEmpty();
        _host.Ns.HasLink("twill-v6.1").Should().BeFalse();
        _host.Entries("twill.1").Should().HaveCount(5);
        Reconcile(four, Seven).WasInOrder.Should().BeTrue();
    }

    [RequiresRootTheory]
    [InlineData("ip -6 route del fc00:1:0:7::/64 metric 1")]
    [InlineData("ip -6 route replace fc00:1:0:7::/64 via fd00:64::99 dev eth0 metric 1")]
    [InlineData("ip -6 route change fc00:1:0:7::/64 via fe80::1 dev twill-v6.1 metric 1 proto 116")]
    [InlineData("ip -6 route append fc00:1:0:7::/64 via fe80::1 dev twill-v6.1 metric 1 proto 116")]
    [InlineData("ip -6 route add fc00:1:0:7::/64 via fd00:64::99 dev eth0 metric 9; ip -6 route del fc00:1:0:7::/64 metric 1")]
    [InlineData("ip -6 route add blackhole fc00:1:0:7::/64 metric 9; ip -6 route del fc00:1:0:7::/64 metric 1")]
    [InlineData("ip -6 neigh del fe80::cc:ff:fe00:3 dev twill-v6.1")]
    [InlineData("ip -6 neigh replace fe80::cc:ff:fe00:3 lladdr 02:00:00:00:00:99 dev twill-v6.1 nud permanent")]
    [InlineData("ip -6 neigh change fe80::cc:ff:fe00:3 lladdr 02:cc:00:00:00:03 dev twill-v6.1 nud stale")]
    [InlineData("bridge fdb del 02:cc:00:00:00:03 dev twill-v6.1")]
    [InlineData("bridge fdb replace 02:cc:00:00:00:03 dev twill-v6.1 dst fd00:64::99 self permanent")]
    [InlineData("bridge fdb append 02:cc:00:00:00:03 dev twill-v6.1 dst fd00:64::99 self permanent")]
    [InlineData("ip link set twill-v6.1 down; ip link set twill-v6.1 up")]
    [InlineData("ip link set twill-v6.1 down")]
    [InlineData("ip link set twill-v6.1 mtu 1400")]
    [InlineData("ip -6 address del fc00:1:0:1::/128 dev twill-v6.1")]
    [InlineData("sysctl -q -w net.ipv6.conf.twill-v6/1.disable_ipv6=1")]
    [InlineData("ip link del twill-v6.1")]
    [InlineData("ip -6 neigh flush dev twill-v6.1 nud permanent; ip -6 route flush proto 116")]
    public void Damage_is_mended(string damage)
    {
        Reconcile(OverlayHost.Dual, Seven);
        _host.Ns.Sh(damage);

        Reconcile(OverlayHost.Dual, Seven).WasInOrder.Should().BeFalse("the damage must be seen");

        _host.Entries("twill-v6.1").Should().Equal(SevenOverIPv6);
        _host.Ns.Ip("route get fc00:1:0:7::9").Should().Contain("via fe80::cc:ff:fe00:3 dev twill-v6.1");
        Reconcile(OverlayHost.Dual, Seven).WasInOrder.Should().BeTrue();
    }

    [RequiresRootFact]
    public void Somebody_elses_route_to_the_same_subnet_is_kept_and_ours_is_taken_first()
    {
        _host.Ns.Ip("-6 route add fc00:1:0:7::/64 via fd00:64::99 dev eth0");

        Reconcile(OverlayHost.Dual, Seven).Refusals.Should().BeEmpty();

        _host.Ns.Ip("route get fc00:1:0:7::9").Should().Contain("dev twill-v6.1");
        Reconcile(OverlayHost.Dual);
        _host.Ns.Ip("route get fc00:1:0:7::9").Should().Contain("fd00:64::99", "theirs is in force again when ours is gone");
    }

    [RequiresRootFact]
    public void Host_gw_leads_each_family_by_way_of_the_hosts_own_address_of_that_family()
    {
        PeerLease[] seven = [.. Seven.Select(p => p with { BackendType = "host-gw" })];
        Reconcile(OverlayHost.Dual, Seven);

        ReconcileResult round = _host.Reconcile(new HostGwBackend(), OverlayHost.Dual, seven);

        round.Refusals.Should().BeEmpty();
        round.DeletedDevices.Should().BeEquivalentTo("twill.1", "twill-v6.1");
        _host.Entries("eth0").Should().Equal("10.244.7.0/24 via 192.168.64.3", "fc00:1:0:7::/64 via fd00:64::3 metric 1 pref medium");
        _host.Reconcile(new HostGwBackend(), OverlayHost.Dual, seven).WasInOrder.Should().BeTrue();
    }

    [RequiresRootFact]
    public void Host_gw_leads_IPv4_by_way_of_IPv6_where_that_is_all_that_hosts_have_in_common()
    {
        PeerLease[] seven = [.. Seven.Select(p => p with { BackendType = "host-gw" })];
        LocalNode six = OverlayHost.Dual with { Addresses = OverlayHost.Dual.Addresses with { V4 = null } };

        _host.Reconcile(new HostGwBackend(), six, seven).Refusals.Should().BeEmpty();

        _host.Entries("eth0").Should().Equal("10.244.7.0/24 via inet6 fd00:64::3", "fc00:1:0:7::/64 via fd00:64::3 metric 1 pref medium");
        _host.Reconcile(new HostGwBackend(), six, seven).WasInOrder.Should().BeTrue();
        _host.Reconcile(new HostGwBackend(), six).Plan.Count.Should().Be(2);
        _host.Entries("eth0").Should().BeEmpty();
    }

    [RequiresRootFact]
    public void With_direct_routing_each_family_goes_directly_where_its_address_is_on_the_link()
    {
        PeerLease[] far =
        [
            .. Seven.Select(p =>
                p with
                {
                    Addresses = p.Addresses with { V6 = p.Addresses.V6!.Value with { PublicIP = IPAddress.Parse("fd00:99::3") } },
                }
            ),
        ];
        _host.Ns.Ip("-6 route add default via fd00:64::1 dev eth0");

        _host.Reconcile(OverlayHost.Vxlan(directRouting: true), OverlayHost.Dual, [.. far, .. Eight]).Refusals.Should().BeEmpty();

        _host
            .Entries("eth0")
            .Should()
            .Equal(
                "10.244.7.0/24 via 192.168.64.3",
                "10.244.8.0/24 via 192.168.64.4",
                "fc00:1:0:8::/64 via fd00:64::4 metric 1 pref medium"
            );
        _host
            .Entries("twill-v6.1")
            .Should()
            .Equal(
                "fc00:1:0:7::/64 via fe80::cc:ff:fe00:3 metric 1 pref medium",
                "fe80::cc:ff:fe00:3 lladdr 02:cc:00:00:00:03 PERMANENT proto 116",
                "02:cc:00:00:00:03 dst fd00:99::3 self extern_learn permanent"
            );
    }

    [RequiresRootFact]
    public void A_network_that_gives_up_IPv6_leaves_nothing_of_it()
    {
        Reconcile(OverlayHost.Dual, Seven);

        Reconcile(OverlayHost.Self, Seven[0]).DeletedDevices.Should().Equal("twill-v6.1");

        _host.Entries("twill.1").Should().Equal(SevenOverIPv4);
        _host.Ns.Ip("-6 route show proto 116").Should().BeEmpty();
    }

    [RequiresRootFact]
    public void A_thousand_hosts_of_both_families_are_written_and_removed_in_one_round_each()
    {
        PeerLease[] peers = [.. Enumerable.Range(8, 1000).SelectMany(Peer)];

        Reconcile(OverlayHost.Dual, peers).Refusals.Should().BeEmpty();
        _host.Entries("twill.1").Should().HaveCount(3000);
        _host.Entries("twill-v6.1").Should().HaveCount(3000);
        Reconcile(OverlayHost.Dual, peers).WasInOrder.Should().BeTrue();
        Reconcile(OverlayHost.Dual).Refusals.Should().BeEmpty();
        _host.Entries("twill.1").Should().BeEmpty();
        _host.Entries("twill-v6.1").Should().BeEmpty();

        static PeerLease[] Peer(int n)
        {
            PerFamily<PeerAddress> addresses = new(
                new PeerAddress(
                    IPAddress.Parse($"172.16.{n >> 8}.{n & 255}"),
                    MacAddress.Parse($"02:bb:00:00:{n >> 8:x2}:{n & 255:x2}"),
                    1
                ),
                new PeerAddress(IPAddress.Parse($"fd00:64::{n:x}"), MacAddress.Parse($"02:cc:00:00:{n >> 8:x2}:{n & 255:x2}"), 1)
            );
            return
            [
                new(IPNetwork.Parse($"10.244.{n >> 2}.{(n & 3) << 6}/26"), addresses, "vxlan"),
                new(IPNetwork.Parse($"fc00:1:0:{n:x}::/64"), addresses, "vxlan"),
            ];
        }
    }

    public void Dispose() => _host.Dispose();

    private ReconcileResult Reconcile(LocalNode self, params PeerLease[] peers) => _host.Reconcile(OverlayHost.Vxlan(), self, peers);
}
