using System.Net;
using Twill.Cluster;
using Twill.Host.Backends;
using Twill.Linux;
using Twill.Network.State;

namespace Twill.Agent.Tests;

public sealed class RefusedLeasesTests : IDisposable
{
    private static readonly LocalNode s_local = new(
        "pods",
        [IPNetwork.Parse("10.244.0.0/16")],
        [IPNetwork.Parse("10.244.1.0/24")],
        [],
        new(new LocalAddress(IPAddress.Parse("192.168.64.2"), MacAddress.Parse("02:aa:00:00:00:01"), 1450), null),
        "eth0",
        []
    );

    private readonly LogCapture _log = new();
    private readonly LeaseCache _cache;
    private readonly RefusedLeases _refused;

    public RefusedLeasesTests() =>
        (_cache, _refused) = (new LeaseCache(_log.Log, _log.Clock, TimeSpan.FromHours(1)), new RefusedLeases(_log.Log));

    [Fact]
    public void Hundreds_of_keys_that_cannot_be_read_are_told_once_however_often_etcd_lists_them()
    {
        UnreadableLease[] junk = [.. Enumerable.Range(0, 300).Select(n => new UnreadableLease($"junk-{n:000}", "it names no subnet"))];
        for (int i = 0; i < 4; i++)
        {
            List(junk).RefusedCount.Should().Be(300);
            _log.Clock.Advance(TimeSpan.FromMinutes(1));
        }

        _log.Lines.Should().HaveCount(LogLimit.MostInSecond).And.OnlyContain(line => line.Contains("is no lease one can use"));

        List([junk[0] with { Reason = "its value is cut off" }, .. junk[1..]]);
        _log.Lines[LogLimit.MostInSecond..].Should().SatisfyRespectively(
            line => line.Should().Contain($"{RefusedLease.Most - LogLimit.MostInSecond} lines left out"),
            line => line.Should().Contain("junk-000 is no lease one can use: its value is cut off")
        );
    }

    [Fact]
    public void A_key_that_others_pushed_out_of_the_list_is_not_told_again_when_it_comes_back_into_it()
    {
        UnreadableLease[] last = [new("z-last", "it names no subnet")],
            before = [.. Enumerable.Range(0, RefusedLease.Most).Select(n => new UnreadableLease($"junk-{n:000}", "it names no subnet"))];
        List(last);
        _log.Lines.Should().ContainSingle().Which.Should().Contain("z-last");
        _log.Clock.Advance(TimeSpan.FromMinutes(1));
        List([.. before, .. last]).Refused.Should().HaveCount(RefusedLease.Most).And.NotContain(refused => refused.Key == "z-last");
        _log.Clock.Advance(TimeSpan.FromMinutes(1));

        List(last);

        _log.Lines.Count(line => line.Contains("z-last")).Should().Be(1, "it was there all the time");
        List([]);
        _log.Clock.Advance(TimeSpan.FromMinutes(1));
        List(last);
        _log.Lines.Count(line => line.Contains("z-last")).Should().Be(2, "it was gone and is there again");
    }

    [Fact]
    public void Leases_that_are_all_of_another_backend_make_the_network_unhealthy_with_the_reason()
    {
        const string Why = "it uses the backend \"host-gw\", this host \"vxlan\"";
        VxlanBackend vxlan = new(Vni: 1, Port: 4789, DirectRouting: false);
        _refused.Replace(vxlan.ComputeDesired(s_local, [HostGw(7), HostGw(8)]).Skipped);

        PeersStatus none = _refused.In(new PeersStatus { AreKnown = true }, s_local, _cache);

        (none.Skipped, none.RefusedCount).Should().Be((2, 2));
        NetworkSnapshot snapshot = new(TestNetwork.WithoutEtcd) { Peers = none };
        NetworkHealth
            .UnhealthyReasons(snapshot, 0)
            .Should()
            .ContainSingle()
            .Which.Should()
            .MatchRegex($"^peers: none of the leases of other hosts can be used: 10.244.[78].0/24 via 192.168.64.[78] {Why}$");
        NetworkHealth
            .Notes(snapshot)
            .Should()
            .BeEquivalentTo($"etcd key 10.244.7.0-24 does not count: {Why}", $"etcd key 10.244.8.0-24 does not count: {Why}");

        PeersStatus some = _refused.In(new PeersStatus { AreKnown = true, Desired = 1 }, s_local, _cache);
        NetworkHealth.UnhealthyReasons(snapshot with { Peers = some }, 0).Should().BeEmpty("another host is reached");
        NetworkHealth.Notes(snapshot with { Peers = some }).Should().HaveCount(2);
    }

    public void Dispose() => _log.Dispose();

    private PeersStatus List(UnreadableLease[] junk)
    {
        _cache.Apply(new LeaseSnapshot([], junk));
        return _refused.In(new PeersStatus(), s_local, _cache);
    }

    private static PeerLease HostGw(int n) =>
        new(IPNetwork.Parse($"10.244.{n}.0/24"), new(new PeerAddress(IPAddress.Parse($"192.168.64.{n}")), null), "host-gw")
        {
            Key = $"10.244.{n}.0-24",
        };
}
