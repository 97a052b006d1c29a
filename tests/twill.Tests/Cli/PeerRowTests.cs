using System.Net;
using System.Text.Json;
using Twill.Host.Reconcile;
using Twill.Linux;
using Twill.Plugin.Cli;

namespace Twill.Plugin.Tests.Cli;

public sealed class PeerRowTests
{
    private static readonly IPNetwork s_subnet = IPNetwork.Parse("10.244.7.0/24"),
        s_other = IPNetwork.Parse("10.244.8.0/24");
    private static readonly IPAddress s_host = IPAddress.Parse("192.168.50.12");
    private static readonly MacAddress s_mac = Mac("02:00:00:00:00:07"),
        s_otherMac = Mac("02:00:00:00:00:08");

    private static readonly Actual s_whole = new(
        new HashSet<PeerRoute> { new(s_subnet, s_subnet.BaseAddress, "twill.1", OnLink: true) },
        new Dictionary<OverlayHop, OverlayNeighbour> { [new("twill.1", s_subnet.BaseAddress)] = new(s_mac) },
        new HashSet<OverlayFdbEntry> { new("twill.1", s_mac, s_host) },
        new HashSet<OverlayFdbEntry>()
    );

    [Fact]
    public void Route_neighbour_and_FDB_entry_of_a_host_are_one_line()
    {
        PeerRow row = Rows(s_whole).Should().ContainSingle().Subject;
        row.Should().Be(new PeerRow(s_subnet, s_host, s_mac, "twill.1", EntryState.Ok, EntryState.Ok, EntryState.Ok));
        row.IsWhole.Should().BeTrue();
    }

    [Fact]
    public void A_direct_route_needs_no_more()
    {
        Actual direct = Actual.Empty with { Routes = new HashSet<PeerRoute> { new(s_subnet, s_host, "eth0", OnLink: false) } };
        Rows(direct).Should().Equal(new PeerRow(s_subnet, s_host, null, "eth0", EntryState.Ok, EntryState.NotNeeded, EntryState.NotNeeded));
        Rows(direct)[0].IsWhole.Should().BeTrue();
    }

    [Fact]
    public void A_missing_route_is_known_by_its_neighbour()
    {
        Rows(s_whole with { Routes = new HashSet<PeerRoute>() })
            .Should()
            .Equal(new PeerRow(s_subnet, s_host, s_mac, "twill.1", EntryState.Missing, EntryState.Ok, EntryState.Ok));
    }

    [Fact]
    public void A_missing_neighbour_leaves_the_host_known_by_its_FDB_entry()
    {
        Rows(s_whole with { Neighbours = new Dictionary<OverlayHop, OverlayNeighbour>() })
            .Should()
            .Equal(new PeerRow(s_subnet, s_host, s_mac, "twill.1", EntryState.Ok, EntryState.Missing, EntryState.Ok));
    }

    [Fact]
    public void A_missing_FDB_entry_leaves_the_host_unknown()
    {
        Rows(s_whole with { Fdb = new HashSet<OverlayFdbEntry>() })
            .Should()
            .Equal(new PeerRow(s_subnet, null, s_mac, "twill.1", EntryState.Ok, EntryState.Ok, EntryState.Missing));
    }

    [Fact]
    public void What_others_put_in_place_of_ours_counts_as_changed()
    {
        PeerRow row = Rows(
                s_whole with
                {
                    Routes = new HashSet<PeerRoute> { new(s_subnet, s_subnet.BaseAddress, "twill.1", OnLink: true, Metric: 50) },
                    Neighbours = new Dictionary<OverlayHop, OverlayNeighbour>
                    {
                        [new("twill.1", s_subnet.BaseAddress)] = new(s_mac, Permanent: false),
                    },
                    Fdb = new HashSet<OverlayFdbEntry>(),
                    ForeignFdb = new HashSet<OverlayFdbEntry> { new("twill.1", s_mac, s_host) },
                }
            )
            .Should()
            .ContainSingle()
            .Subject;
        (row.Route, row.Neighbour, row.Fdb).Should().Be((EntryState.Changed, EntryState.Changed, EntryState.Changed));
        row.IsWhole.Should().BeFalse();
    }

    [Fact]
    public void An_FDB_entry_that_may_be_of_several_subnets_has_a_line_of_its_own_and_lines_are_in_order()
    {
        Actual actual = new(
            new HashSet<PeerRoute>
            {
                new(s_other, s_other.BaseAddress, "twill.1", true),
                new(s_subnet, s_subnet.BaseAddress, "twill.1", true),
            },
            new Dictionary<OverlayHop, OverlayNeighbour>(),
            new HashSet<OverlayFdbEntry> { new("twill.1", s_otherMac, s_host) },
            new HashSet<OverlayFdbEntry>()
        );
        Rows(actual).Select(row => row.Subnet).Should().Equal(s_subnet, s_other, null);
    }

    [Fact]
    public void Two_subnets_of_one_host_share_its_FDB_entry()
    {
        Actual actual = s_whole with
        {
            Routes = new HashSet<PeerRoute>
            {
                new(s_subnet, s_subnet.BaseAddress, "twill.1", true),
                new(s_other, s_other.BaseAddress, "twill.1", true),
            },
            Neighbours = new Dictionary<OverlayHop, OverlayNeighbour>
            {
                [new("twill.1", s_subnet.BaseAddress)] = new(s_mac),
                [new("twill.1", s_other.BaseAddress)] = new(s_mac),
            },
        };
        Rows(actual).Should().HaveCount(2).And.OnlyContain(row => row.IsWhole && s_host.Equals(row.PublicIP));
    }

    [Fact]
    public void Both_subnets_of_a_host_of_both_families_have_their_line_IPv4_first()
    {
        IPNetwork six = IPNetwork.Parse("fc00:1:0:7::/64");
        IPAddress hostSix = IPAddress.Parse("fd00:50::12"),
            hop = s_otherMac.ToLinkLocal();
        Actual dual = new(
            new HashSet<PeerRoute> { new(six, hop, "twill-v6.1", OnLink: false, Metric: 1), s_whole.Routes.Single() },
            new Dictionary<OverlayHop, OverlayNeighbour>(s_whole.Neighbours) { [new("twill-v6.1", hop)] = new(s_otherMac) },
            new HashSet<OverlayFdbEntry>(s_whole.Fdb) { new("twill-v6.1", s_otherMac, hostSix) },
            new HashSet<OverlayFdbEntry>()
        );

        Rows(dual)
            .Should()
            .Equal(
                new PeerRow(s_subnet, s_host, s_mac, "twill.1", EntryState.Ok, EntryState.Ok, EntryState.Ok),
                new PeerRow(six, hostSix, s_otherMac, "twill-v6.1", EntryState.Ok, EntryState.Ok, EntryState.Ok)
            );
        Rows(dual with { Routes = s_whole.Routes })
            .Should()
            .HaveCount(2)
            .And.ContainSingle(row => row.Subnet == null && hostSix.Equals(row.PublicIP) && row.Route == EntryState.Missing);
        Rows(dual with { Neighbours = s_whole.Neighbours })[1]
            .Should()
            .Be(new PeerRow(six, hostSix, s_otherMac, "twill-v6.1", EntryState.Ok, EntryState.Missing, EntryState.Ok));
        Rows(
            dual with
            {
                Routes = new HashSet<PeerRoute> { s_whole.Routes.Single(), new(six, hop, "twill-v6.1", false, Metric: 1024) },
            }
        )[1]
            .Route.Should()
            .Be(EntryState.Changed);
    }

    [Fact]
    public void The_table_names_what_is_missing()
    {
        ConsoleOutput screen = new(colours: false);
        List<PeerRow> rows = Rows(s_whole with { Fdb = new HashSet<OverlayFdbEntry>() });
        PeersReport.Print(screen, [new NetworkPeers("twill", "vxlan", 1, rows), new NetworkPeers("lone", "none", null, [])]);
        screen
            .Text.Should()
            .Be(
                """
                NETWORK  SUBNET         PUBLIC IP  VTEP MAC           DEVICE   ROUTE  NEIGHBOUR  FDB      LOSS  RTT  LAST ANSWER
                twill    10.244.7.0/24  ?          02:00:00:00:00:07  twill.1  ok     ok         missing  -     -    -
                problem  twill: the way to 1 of 1 remote subnet is not whole
                lone: one host, no peers (backend none)

                """
            );
    }

    [Fact]
    public void A_peer_that_left_no_trace_is_missed_by_the_agents_count()
    {
        new NetworkPeers("twill", "vxlan", 2, Rows(s_whole))
            .Problem.Should()
            .Be("the agent knows of 2 remote subnets, the kernel has the way to 1");
        new NetworkPeers("twill", "vxlan", null, Rows(s_whole)).Problem.Should().BeNull();
    }

    [Fact]
    public void Programs_get_a_word_for_each_entry()
    {
        JsonElement peer = StatusReportTests
            .Json(w => PeersReport.Write(w, [new NetworkPeers("twill", "vxlan", 1, Rows(s_whole))]))
            .GetProperty("networks")[0]
            .GetProperty("peers")[0];
        peer.GetProperty("subnet").GetString().Should().Be("10.244.7.0/24");
        peer.GetProperty("publicIP").GetString().Should().Be("192.168.50.12");
        peer.GetProperty("vtepMac").GetString().Should().Be("02:00:00:00:00:07");
        peer.GetProperty("fdb").GetString().Should().Be("ok");
        peer.GetProperty("ok").GetBoolean().Should().BeTrue();
    }

    private static List<PeerRow> Rows(Actual actual) => PeerRow.Of(actual, ["twill.1", "twill-v6.1"], 24);

    private static MacAddress Mac(string text) => MacAddress.TryParse(text, out MacAddress mac) ? mac : throw new ArgumentException(text);
}
