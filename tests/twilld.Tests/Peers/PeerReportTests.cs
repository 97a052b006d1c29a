using System.Net;
using System.Text;
using Twill.Host.Backends;
using Twill.Host.Reconcile;
using Twill.Linux;

namespace Twill.Agent.Tests;

public sealed class PeerReportTests : IDisposable
{
    private static readonly VxlanBackend Vxlan = new(Vni: 1, Port: 4789, DirectRouting: false);
    private static readonly LocalNode Self = new(
        "pods",
        [IPNetwork.Parse("10.244.0.0/16")],
        [IPNetwork.Parse("10.244.1.0/24")],
        [],
        new(new LocalAddress(IPAddress.Parse("192.168.64.2"), MacAddress.Parse("02:aa:00:00:00:01"), 1450), null),
        "eth0",
        []
    );

    private readonly MemoryStream _output = new();
    private readonly PeerReport _report;
    private Desired _kernel = Vxlan.ComputeDesired(Self, []);

    public PeerReportTests() => _report = new PeerReport(new Log(_output, LogLevel.Info, LogFormat.Text, new ManualClock()));

    [Fact]
    public void A_host_that_joins_moves_and_leaves_is_one_line_each_time()
    {
        Report().Should().BeEmpty();
        Report(Peer(7, 3)).Should().Equal("info: peer 10.244.7.0/24 via 192.168.64.3 added");
        Report(Peer(7, 3, at: 33)).Should().Equal("info: peer 10.244.7.0/24 moved from 192.168.64.3 to 192.168.64.33");
        Report(Peer(7, 3)).Should().HaveCount(1);
        Report().Should().Equal("info: peer 10.244.7.0/24 via 192.168.64.3 removed");
    }

    [Fact]
    public void A_quiet_round_says_nothing()
    {
        Report(Peer(7, 3));

        Report(Peer(7, 3)).Should().BeEmpty();
    }

    [Fact]
    public void Entries_that_somebody_deleted_are_named_as_put_back()
    {
        Report(Peer(7, 3), Peer(8, 4));
        _kernel.Routes.RemoveWhere(route => route.Subnet == Peer(7, 3).Subnet);
        _kernel.Neighbours.Remove(new OverlayHop("twill.1", IPAddress.Parse("10.244.8.0")));
        _kernel.Fdb.Clear();

        Report(Peer(7, 3), Peer(8, 4))
            .Should()
            .Equal(
                "warning: route 10.244.7.0/24 via 10.244.7.0 dev twill.1 was missing or changed, and is put back",
                "warning: neighbour 10.244.8.0 lladdr 02:bb:00:00:00:04 was missing or changed, and is put back",
                "warning: FDB entry 02:bb:00:00:00:03 dst 192.168.64.3 was missing or changed, and is put back",
                "warning: FDB entry 02:bb:00:00:00:04 dst 192.168.64.4 was missing or changed, and is put back"
            );
    }

    [Fact]
    public void After_a_restart_it_tells_who_is_there_who_came_and_what_was_stale()
    {
        _kernel = Vxlan.ComputeDesired(Self, [Peer(7, 3), Peer(9, 5)]);

        Report(Peer(7, 3), Peer(8, 4))
            .Should()
            .Equal(
                "info: 1 peer already in place",
                "info: peer 10.244.8.0/24 via 192.168.64.4 added",
                "info: stale route 10.244.9.0/24 via 10.244.9.0 dev twill.1 removed"
            );
    }

    [Fact]
    public void A_new_device_is_not_reported_entry_by_entry()
    {
        Report(Peer(7, 3), Peer(8, 4));
        _kernel = Vxlan.ComputeDesired(Self, []);

        Lines(Apply(freshDevice: true, Peer(7, 3), Peer(8, 4))).Should().Equal("info: 2 peers written to the new device");
    }

    [Fact]
    public void Many_peers_at_once_are_one_line() =>
        Report([.. Enumerable.Range(3, 200).Select(n => Peer(n, n))]).Should().Equal("info: 200 peers added");

    [Fact]
    public void A_skipped_lease_is_told_once_with_its_reason()
    {
        Report(Peer(7, 3) with { BackendType = "host-gw" })
            .Should()
            .Equal("warning: lease 10.244.7.0/24 via 192.168.64.3 is skipped: it uses the backend \"host-gw\", this host \"vxlan\"");
        Report(Peer(7, 3) with { BackendType = "host-gw" }).Should().BeEmpty();
    }

    public void Dispose() => _output.Dispose();

    private static PeerLease Peer(int subnet, int host, int? at = null) =>
        new(
            IPNetwork.Parse($"10.244.{subnet}.0/24"),
            new(new PeerAddress(IPAddress.Parse($"192.168.64.{at ?? host}"), MacAddress.Parse($"02:bb:00:00:00:{host:x2}"), 1), null),
            "vxlan"
        );

    private string[] Report(params PeerLease[] peers) => Lines(Apply(freshDevice: false, peers));

    /// <summary>One round against a kernel that does as it is told; gives what was logged.</summary>
    private string Apply(bool freshDevice, params PeerLease[] peers)
    {
        Desired desired = Vxlan.ComputeDesired(Self, peers);
        Plan plan = Plan.Between(desired, new Actual(_kernel.Routes, _kernel.Neighbours, _kernel.Fdb, new HashSet<OverlayFdbEntry>()));
        _output.SetLength(0);
        _report.Tell(desired, plan, freshDevice ? ["twill.1"] : []);
        _kernel = desired;
        return Encoding.UTF8.GetString(_output.ToArray());
    }

    private static string[] Lines(string text) =>
        [
            .. text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => line[21..].Replace(" twilld:", ":", StringComparison.Ordinal)),
        ];
}
