using System.Net;
using System.Text.Json;
using Twill.Host.Backends;
using Twill.Host.Reconcile;
using Twill.Linux;
using Twill.Testing;

namespace Kernel.Tests.Reconcile;

public sealed class ReconcilerTests : IDisposable
{
    private static readonly PeerLease Seven = OverlayHost.Peer(7, 3),
        Eight = OverlayHost.Peer(8, 4);

    private readonly OverlayHost _host = new();

    [RequiresRootFact]
    public void A_peer_is_one_route_one_neighbour_and_one_FDB_entry_marked_as_ours()
    {
        ReconcileResult round = _host.Reconcile(Seven);

        round.Refusals.Should().BeEmpty();
        ShouldLeadToSeven();
    }

    [RequiresRootTheory]
    [InlineData("ip nexthop replace id $ID via 192.168.64.99 dev eth0", "192.168.64.99")]
    [InlineData("ip nexthop replace id $ID blackhole", null)]
    public void A_number_that_somebody_else_takes_is_his_and_ours_gets_another(string taking, string? gateway)
    {
        _host.Reconcile(Seven);
        uint first = OurNexthop().Id;
        _host.Ns.Sh(taking.Replace("$ID", $"{first}", StringComparison.Ordinal));

        _host.Reconcile(Seven).Refusals.Should().BeEmpty();

        _host.Ns.Ip("route get 10.244.7.9").Should().Contain("via 10.244.7.0 dev twill.1");
        (uint id, string? device, string? via) = OurNexthop();
        (device, via).Should().Be(("twill.1", "10.244.7.0"));
        id.Should().NotBe(first);
        JsonElement theirs = _host.Nexthops().Should().ContainSingle(n => n.GetProperty("id").GetUInt32() == first).Subject;
        (theirs.TryGetProperty("gateway", out JsonElement at) ? at.GetString() : null).Should().Be(gateway);
        _host.Reconcile(Seven).WasInOrder.Should().BeTrue();
        _host.Reconcile().Refusals.Should().BeEmpty();
        _host.Nexthops().Should().ContainSingle("theirs stays").Which.GetProperty("id").GetUInt32().Should().Be(first);
    }

    [RequiresRootFact]
    public void A_route_that_was_moved_to_somebody_elses_object_is_moved_back_and_the_object_is_left()
    {
        _host.Reconcile(Seven);
        _host.Ns.Ip("nexthop add id 9 via 192.168.64.99 dev eth0");
        _host.Ns.Ip("route change 10.244.7.0/24 nhid 9 proto 116");

        _host.Reconcile(Seven).Refusals.Should().BeEmpty();

        ShouldLeadToSeven();
        _host.Nexthops().Select(n => n.GetProperty("id").GetUInt32()).Should().Contain(9u);
    }

    [RequiresRootFact]
    public void Another_networks_objects_are_left_alone()
    {
        _host.Reconcile(Seven);
        _host.Ns.Ip("link add twill.2 up type vxlan id 2 dstport 4789 nolearning");
        _host.Ns.Ip("nexthop add id 1946157057 via 10.9.7.0 dev twill.2 onlink proto 116");
        _host.Ns.Ip("route add 10.9.7.0/24 nhid 1946157057 proto 116");

        _host.Reconcile(Seven).WasInOrder.Should().BeTrue();
        _host.Reconcile();

        JsonElement left = _host.Nexthops().Should().ContainSingle().Subject;
        left.GetProperty("dev").GetString().Should().Be("twill.2");
        _host.OurRoutes().Should().ContainSingle().Which.Should().Contain("10.9.7.0/24 nhid 1946157057");
    }

    [RequiresRootFact]
    public void Where_the_kernel_tells_of_routes_nothing_but_their_object_all_is_in_order_too()
    {
        _host.Ns.Sh("echo 0 >/proc/sys/net/ipv4/nexthop_compat_mode");
        _host.Reconcile(Seven, Eight);

        _host.Reconcile(Seven, Eight).WasInOrder.Should().BeTrue();
        _host.Reconcile(Eight).Refusals.Should().BeEmpty();
        _host.Nexthops().Should().ContainSingle();
        _host.Ns.Ip("-4 route show proto 116").Should().Contain("10.244.8.0/24").And.NotContain("10.244.7.0/24");
    }

    /// <summary>From routes that say their way themselves, as before there were nexthop objects, to those that name one, and back: each
    /// way again and again while packets go out every 10 ms, each of which must come out at the other end.</summary>
    [RequiresRootFact]
    public void The_change_to_nexthop_objects_and_back_loses_no_packet()
    {
        using TestNetns far = FarHost();
        PeerLease[] many = [Seven, .. Enumerable.Range(100, 100).Select(n => OverlayHost.Peer(n, n))];
        ReconcileResult Run(bool nexthops) =>
            _host.Run(route => Reconciler.Run(route, OverlayHost.Vxlan(), OverlayHost.Self, many, nexthops: nexthops));

        Run(nexthops: false).Refusals.Should().BeEmpty();
        _host.OurRoutes().Should().OnlyContain(route => !route.Contains("nhid"));
        _host.Nexthops().Should().BeEmpty();
        using Traffic pings = Traffic.Start(_host.Ns, "10.244.7.1", milliseconds: 10);
        for (int i = 0; i < 10; i++)
        {
            Run(nexthops: true).Refusals.Should().BeEmpty();
            _host.OurRoutes().Should().HaveCount(101).And.OnlyContain(route => route.Contains("nhid"));
            Run(nexthops: true).WasInOrder.Should().BeTrue();
            pings.WaitForMore(10);
            Run(nexthops: false).Refusals.Should().BeEmpty();
            _host.OurRoutes().Should().HaveCount(101).And.OnlyContain(route => !route.Contains("nhid"));
            _host.Nexthops().Should().BeEmpty();
            pings.WaitForMore(10);
        }

        pings.Lost().Should().BeEmpty();
    }

    [RequiresRootFact]
    public void The_second_round_finds_everything_in_order()
    {
        _host.Reconcile(Seven, Eight);

        _host.Reconcile(Seven, Eight).WasInOrder.Should().BeTrue();
    }

    [RequiresRootTheory]
    [InlineData("ip route del 10.244.7.0/24")]
    [InlineData("ip route replace 10.244.7.0/24 via 192.168.64.99")]
    [InlineData("ip route replace blackhole 10.244.7.0/24")]
    [InlineData("ip route change 10.244.7.0/24 via 10.244.7.1 dev twill.1 onlink proto 116")]
    [InlineData("ip nexthop del id $ID")]
    [InlineData("ip nexthop flush")]
    [InlineData("ip nexthop replace id $ID via 10.244.7.1 dev twill.1 onlink proto 116")]
    [InlineData("ip nexthop replace id $ID via 192.168.64.99 dev eth0 proto 116")]
    [InlineData("ip nexthop replace id $ID blackhole proto 116")]
    [InlineData("ip nexthop add id 9 via 10.244.7.0 dev twill.1 onlink proto 116")] // ours twice
    [InlineData("ip nexthop add id 9 via 10.244.7.0 dev twill.1 onlink proto 116; ip route change 10.244.7.0/24 nhid 9 proto 116")]
    [InlineData("ip route change 10.244.7.0/24 via 10.244.7.0 dev twill.1 onlink proto 116")]
    [InlineData("ip neigh del 10.244.7.0 dev twill.1")]
    [InlineData("ip neigh replace 10.244.7.0 lladdr 02:00:00:00:00:99 dev twill.1 nud permanent")]
    [InlineData("ip neigh change 10.244.7.0 lladdr 02:bb:00:00:00:03 dev twill.1 nud stale")]
    [InlineData("bridge fdb del 02:bb:00:00:00:03 dev twill.1")]
    [InlineData("bridge fdb replace 02:bb:00:00:00:03 dev twill.1 dst 192.168.64.99 self permanent")]
    [InlineData("bridge fdb append 02:bb:00:00:00:03 dev twill.1 dst 192.168.64.99 self permanent")]
    [InlineData("bridge fdb replace 02:bb:00:00:00:03 dev twill.1 dst 192.168.64.3 port 4790 self permanent")]
    [InlineData("bridge fdb replace 02:bb:00:00:00:03 dev twill.1 dst 192.168.64.3 port 4790 self permanent extern_learn")]
    [InlineData("bridge fdb replace 02:bb:00:00:00:03 dev twill.1 dst 192.168.64.3 vni 9 self permanent")]
    [InlineData("bridge fdb replace 02:bb:00:00:00:03 dev twill.1 dst 192.168.64.3 via lo self permanent")]
    [InlineData(
        "bridge fdb del 02:bb:00:00:00:03 dev twill.1; ip nexthop add id 5 via 192.168.64.99 fdb; ip nexthop add id 6 group 5 fdb; "
            + "bridge fdb add 02:bb:00:00:00:03 dev twill.1 nhid 6 self permanent extern_learn"
    )]
    [InlineData("ip link set twill.1 down; ip link set twill.1 up")]
    [InlineData("ip link set twill.1 down")]
    [InlineData("ip link del twill.1")]
    [InlineData("ip neigh flush dev twill.1 nud permanent; ip nexthop flush proto 116")]
    public void Damage_is_mended(string damage)
    {
        _host.Reconcile(Seven);
        _host.Ns.Sh(damage.Replace("$ID", $"{OurNexthop().Id}", StringComparison.Ordinal));

        _host.Reconcile(Seven).WasInOrder.Should().BeFalse("the damage must be seen");

        ShouldLeadToSeven();
        _host.Ns.Ip("route get 10.244.7.9").Should().Contain("via 10.244.7.0 dev twill.1");
        _host.Reconcile(Seven).WasInOrder.Should().BeTrue();
    }

    [RequiresRootFact]
    public void A_host_that_left_while_nobody_looked_is_removed_entirely()
    {
        _host.Reconcile(Seven, Eight);

        _host.Reconcile(Eight);

        _host.OurRoutes().Should().ContainSingle().Which.Should().StartWith("10.244.8.0/24");
        _host.Neighbours().Should().ContainSingle().Which.Should().StartWith("10.244.8.0");
        _host.Fdb().Should().ContainSingle().Which.Should().StartWith("02:bb:00:00:00:04");
    }

    [RequiresRootFact]
    public void A_host_that_moved_is_reached_at_its_new_address_only()
    {
        _host.Reconcile(Seven);

        _host.Reconcile(Seven.At("192.168.64.33").WithMac(MacAddress.Parse("02:bb:00:00:00:77")));

        _host.Fdb().Should().ContainSingle().Which.Should().StartWith("02:bb:00:00:00:77 dst 192.168.64.33");
        _host.Neighbours().Should().ContainSingle().Which.Should().Contain("lladdr 02:bb:00:00:00:77");
    }

    [RequiresRootFact]
    public void What_others_put_there_stays()
    {
        _host.Reconcile(Seven);
        string[] foreign =
        [
            "ip route add 10.244.7.128/25 via 192.168.64.77",
            "ip route append 10.244.8.0/24 via 192.168.64.77",
            "ip route add 10.99.0.0/16 via 192.168.64.77 proto 116",
            "ip neigh add 10.244.200.1 lladdr 02:00:00:00:00:77 dev twill.1 nud permanent",
            "bridge fdb add 02:00:00:00:00:77 dev twill.1 dst 192.168.64.77 self permanent",
            "bridge fdb append 00:00:00:00:00:00 dev twill.1 dst 192.168.64.78 self permanent",
        ];
        foreach (string command in foreign)
        {
            _host.Ns.Sh(command);
        }

        _host.Reconcile(Seven, Eight);
        _host.Reconcile();

        _host.Ns.Ip("route show 10.244.7.128/25").Should().Contain("192.168.64.77");
        _host.Ns.Ip("route show 10.244.8.0/24").Should().Contain("192.168.64.77");
        _host.OurRoutes().Should().ContainSingle("it belongs to another network").Which.Should().StartWith("10.99.0.0/16");
        _host.Neighbours().Should().ContainSingle().Which.Should().StartWith("10.244.200.1");
        _host.Fdb().Should().HaveCount(2).And.OnlyContain(line => !line.Contains("extern_learn"));
    }

    [RequiresRootFact]
    public void Somebody_elses_route_to_the_same_subnet_is_kept_and_ours_is_taken_first()
    {
        _host.Ns.Ip("route add 10.244.7.0/24 via 192.168.64.77");

        _host.Reconcile(Seven).Refusals.Should().BeEmpty();

        _host.Ns.Ip("route get 10.244.7.9").Should().Contain("dev twill.1");
        _host.Ns.Ip("route show 10.244.7.0/24").Should().Contain("192.168.64.77");
        _host.Reconcile();
        _host.Ns.Ip("route get 10.244.7.9").Should().Contain("192.168.64.77", "theirs is in force again when ours is gone");
    }

    [RequiresRootFact]
    public void With_direct_routing_hosts_on_the_link_are_one_route_and_others_three_entries()
    {
        PeerLease far = Eight.At("192.168.99.4");

        _host.Reconcile(OverlayHost.Vxlan(directRouting: true), Seven, far).Refusals.Should().BeEmpty();

        _host
            .OurRoutes()
            .Should()
            .Equal("10.244.7.0/24 via 192.168.64.3 dev eth0", $"10.244.8.0/24 nhid {OurNexthop().Id} via 10.244.8.0 dev twill.1 onlink");
        _host.Fdb().Should().ContainSingle().Which.Should().Contain("dst 192.168.99.4");
        _host.Neighbours().Should().ContainSingle().Which.Should().StartWith("10.244.8.0");
        _host.Reconcile(OverlayHost.Vxlan(directRouting: true), Seven, far).WasInOrder.Should().BeTrue();
    }

    [RequiresRootFact]
    public void Changing_to_host_gw_takes_the_overlay_away_and_leaves_one_route_per_peer()
    {
        _host.Reconcile(Seven);

        ReconcileResult round = _host.Reconcile(new HostGwBackend(), Seven with { BackendType = "host-gw" });

        round.DeletedDevices.Should().Equal("twill.1");
        _host.OurRoutes().Should().Equal("10.244.7.0/24 via 192.168.64.3 dev eth0");
    }

    [RequiresRootFact]
    public void A_refused_entry_is_named_and_keeps_no_other_from_being_written()
    {
        _host.Ns.Ip("address replace 192.168.64.2/24 broadcast 192.168.64.255 dev eth0");
        PeerLease nobody = Eight.At("192.168.64.255") with { BackendType = "host-gw" };

        ReconcileResult round = _host.Reconcile(new HostGwBackend(), nobody, Seven with { BackendType = "host-gw" });

        round.Refusals.Should().ContainSingle().Which.Entry.ToString().Should().Contain("10.244.8.0/24");
        _host.OurRoutes().Should().ContainSingle().Which.Should().StartWith("10.244.7.0/24");
    }

    [RequiresRootFact]
    public void A_thousand_hosts_are_written_and_removed_in_one_round_each()
    {
        PeerLease[] peers =
        [
            .. Enumerable
                .Range(0, 1000)
                .Select(n =>
                    OverlayHost.Peer(
                        $"10.{100 + n / 250}.{n % 250}.0/24",
                        $"172.16.{n / 250}.{1 + n % 250}",
                        MacAddress.Parse($"02:cc:00:00:{n / 250:x2}:{n % 250:x2}")
                    )
                ),
        ];
        LocalNode self = OverlayHost.Self with { Networks = [IPNetwork.Parse("10.0.0.0/8")] };
        ReconcileResult Run(params PeerLease[] now) => _host.Run(route => Reconciler.Run(route, OverlayHost.Vxlan(), self, now));

        Run(peers).Refusals.Should().BeEmpty();
        _host.OurRoutes().Should().HaveCount(1000);
        _host.Nexthops().Should().HaveCount(1000);
        _host.Neighbours().Should().HaveCount(1000);
        _host.Fdb().Should().HaveCount(1000);
        Run(peers).WasInOrder.Should().BeTrue();
        PeerLease twin = peers[7] with { Subnet = IPNetwork.Parse("10.200.0.0/24") };
        _host
            .Run(route => Reconciler.Follow(route, OverlayHost.Vxlan(), Run(peers).Baseline, PeerChange.Of([], [twin], peers)))
            .Plan.Count.Should()
            .Be(3, "its host is known already by another subnet");
        Run([.. peers, twin]).WasInOrder.Should().BeTrue();

        Run().Refusals.Should().BeEmpty();
        _host.OurRoutes().Should().BeEmpty();
        _host.Nexthops().Should().BeEmpty();
        _host.Neighbours().Should().BeEmpty();
        _host.Fdb().Should().BeEmpty();
    }

    [RequiresRootFact]
    public void Following_a_change_writes_its_own_entries_only_and_leaves_what_a_round_would_have_left()
    {
        PeerLease moved = Eight.At("192.168.64.44");
        Baseline basis = _host.Reconcile(Seven).Baseline;

        IncrementalResult Follow(PeerLease[] before, PeerLease[] after, params PeerLease[] others) =>
            _host.Run(route => Reconciler.Follow(route, OverlayHost.Vxlan(), basis, PeerChange.Of(before, after, others)));

        Follow([], [Eight], Seven).Should().Match<IncrementalResult>(f => f.Plan.Count == 4 && f.Refusals.Count == 0);
        _host.Reconcile(Seven, Eight).WasInOrder.Should().BeTrue();
        Follow([Eight], [moved], Seven).Plan.Count.Should().Be(2);
        _host.Reconcile(Seven, moved).WasInOrder.Should().BeTrue();
        Follow([moved], [], Seven).Plan.Count.Should().Be(4);
        _host.Reconcile(Seven).WasInOrder.Should().BeTrue();
        ShouldLeadToSeven();
    }

    [RequiresRootFact]
    public void Following_a_change_on_a_device_that_is_gone_is_refused_and_told()
    {
        Baseline basis = _host.Reconcile(Seven).Baseline;
        _host.Ns.Ip("link del twill.1");

        _host
            .Run(route => Reconciler.Follow(route, OverlayHost.Vxlan(), basis, PeerChange.Of([], [Eight], [Seven])))
            .Refusals.Should()
            .HaveCount(3);
    }

    public void Dispose() => _host.Dispose();

    /// <summary>The host of <see cref="Seven"/>, whose link is the other end of eth0; its containers are one address.</summary>
    private TestNetns FarHost()
    {
        TestNetns far = TestNetns.Create();
        _host.Ns.Sh($"ip link set far netns {far.Path}");
        far.Sh(
            "ip link set lo up; ip address add 192.168.64.3/24 dev far; ip link set far up; ip address add 10.244.7.1/32 dev lo; "
                + "ip link add twill.1 address 02:bb:00:00:00:03 mtu 1450 type vxlan id 1 local 192.168.64.3 dstport 4789 nolearning; "
                + "ip address add 10.244.7.0/32 dev twill.1; ip link set twill.1 up; "
                + $"bridge fdb add {OverlayHost.Mac} dev twill.1 dst 192.168.64.2 self permanent; "
                + $"ip neigh add 10.244.1.0 lladdr {OverlayHost.Mac} dev twill.1 nud permanent; "
                + "ip route add 10.244.1.0/24 via 10.244.1.0 dev twill.1 onlink"
        );
        _host.Ns.WaitForCarrier("eth0");
        return far;
    }

    /// <summary>The one object of ours: its number, device and gateway.</summary>
    private (uint Id, string? Device, string? Gateway) OurNexthop()
    {
        JsonElement ours = _host
            .Nexthops()
            .Where(n => n.TryGetProperty("protocol", out JsonElement made) && made.GetString() == "116")
            .Should()
            .ContainSingle()
            .Subject;
        return (ours.GetProperty("id").GetUInt32(), ours.GetProperty("dev").GetString(), ours.GetProperty("gateway").GetString());
    }

    private void ShouldLeadToSeven()
    {
        (uint id, string? device, string? gateway) = OurNexthop();
        (device, gateway).Should().Be(("twill.1", "10.244.7.0"));
        NexthopIds.IsInRange(id).Should().BeTrue();
        _host.OurRoutes().Should().Equal($"10.244.7.0/24 nhid {id} via 10.244.7.0 dev twill.1 onlink");
        _host.Neighbours().Should().Equal("10.244.7.0 lladdr 02:bb:00:00:00:03 PERMANENT proto 116");
        _host.Fdb().Should().Equal("02:bb:00:00:00:03 dst 192.168.64.3 self extern_learn permanent");
    }
}
