using System.Net;
using System.Text.Json;
using Twill.Host.Reconcile;
using Twill.Linux.WireGuard;
using Twill.Plugin.Cli;

namespace Twill.Plugin.Tests.Cli;

/// <summary>Ways to other hosts through WireGuard, as `twill peers` shows them.</summary>
public sealed class TunnelRowTests
{
    private const string Device = "twill-wg.51820";

    private static readonly IPNetwork s_subnet = IPNetwork.Parse("10.244.7.0/24"),
        s_network = IPNetwork.Parse("10.244.0.0/16");
    private static readonly WireGuardKey s_key = new([.. Enumerable.Repeat((byte)7, 32)]);

    private static readonly Actual s_whole = Actual.Empty with
    {
        Routes = new HashSet<PeerRoute> { PeerRoute.Tunnel(s_subnet, Device), PeerRoute.NoOtherWay(s_network) },
        Tunnels = new Dictionary<TunnelEnd, TunnelPeer>
        {
            [new(Device, s_key)] = new(IPEndPoint.Parse("192.168.50.12:51820"), [s_subnet], null, 0)
            {
                HandshakeAge = 121 * 60 + 1,
            },
        },
    };

    [Fact]
    public void Route_and_peer_of_a_host_are_one_line()
    {
        PeerRow row = Rows(s_whole).Should().ContainSingle().Subject;

        row.IsWhole.Should().BeTrue();
        (row.Subnet, row.PublicIP, row.Route, row.Tunnel!.PublicKey, row.Tunnel.Peer)
            .Should()
            .Be((s_subnet, IPAddress.Parse("192.168.50.12"), EntryState.Ok, s_key, EntryState.Ok));
    }

    [Fact]
    public void A_subnet_without_a_peer_and_a_peer_without_a_route_are_told()
    {
        PeerRow lost = Rows(s_whole with { Tunnels = new Dictionary<TunnelEnd, TunnelPeer>() }).Should().ContainSingle().Subject;
        PeerRow unrouted = Rows(s_whole with { Routes = new HashSet<PeerRoute>() }).Should().ContainSingle().Subject;

        (lost.IsWhole, lost.Route, lost.Tunnel!.Peer).Should().Be((false, EntryState.Ok, EntryState.Missing));
        (unrouted.IsWhole, unrouted.Route, unrouted.Tunnel!.Peer).Should().Be((false, EntryState.Missing, EntryState.Ok));
    }

    [Fact]
    public void A_route_with_another_metric_is_changed() =>
        Rows(s_whole with { Routes = new HashSet<PeerRoute> { PeerRoute.Tunnel(s_subnet, Device) with { Metric = 7 } } })
            .Should()
            .ContainSingle()
            .Which.Route.Should()
            .Be(EntryState.Changed);

    [Fact]
    public void The_table_shows_key_and_age_of_the_last_handshake()
    {
        ConsoleOutput screen = new(colours: false);
        PeersReport.Print(screen, [new NetworkPeers("twill", "wireguard", 1, Rows(s_whole))]);
        screen
            .Text.Should()
            .Be(
                """
                NETWORK  SUBNET         PUBLIC IP      PUBLIC KEY                                    DEVICE          ROUTE  PEER  HANDSHAKE      LOSS  RTT  LAST ANSWER
                twill    10.244.7.0/24  192.168.50.12  BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=  twill-wg.51820  ok     ok    2 h 1 min ago  -     -    -
                twill: how peers answer is not measured: the agent does not measure: it is of an earlier version, has just started, or runs with --pings 0

                """
            );
    }

    [Fact]
    public void Programs_get_key_and_age_too()
    {
        JsonElement peer = StatusReportTests
            .Json(w => PeersReport.Write(w, [new NetworkPeers("twill", "wireguard", 1, Rows(s_whole))]))
            .GetProperty("networks")[0]
            .GetProperty("peers")[0];

        peer.GetProperty("publicKey").GetString().Should().Be(s_key.ToString());
        peer.GetProperty("peer").GetString().Should().Be("ok");
        peer.GetProperty("handshakeSecondsAgo").GetDouble().Should().BeInRange(7261, 7300);
        peer.GetProperty("ok").GetBoolean().Should().BeTrue();
    }

    [Fact]
    public void A_device_that_cannot_be_asked_is_the_trouble() =>
        (new NetworkPeers("twill", "wireguard", 1, []) with { Unreadable = "nobody serves it" }).Problem.Should().Be("nobody serves it");

    private static List<PeerRow> Rows(Actual actual) => PeerRow.Of(actual, [Device], 24);
}
