using System.Net;
using Twill.Host.Backends;
using Twill.Linux;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent.Tests;

public sealed class PeerTableTests
{
    private static readonly PeerPath s_one = Path("10.244.1.0/24", "192.168.64.1"),
        s_two = Path("10.244.2.0/24", "192.168.64.2"),
        s_six = Path("fc00:1:0:7::/64", "fd00::7");

    private readonly PeerTable _table = new(new PingSchedule(20));

    [Fact]
    public void What_is_known_of_a_peer_outlives_a_full_pass_and_goes_with_it()
    {
        _table.Replace([s_one, s_two, s_six], 0);
        Answer("10.244.2.0");

        _table.Replace([s_two, s_six], 100);

        _table.Count.Should().Be(2);
        Described("10.244.2.0/24").State.Should().Be(PeerState.Unknown, "nobody has taken note of it yet");
        _table[Index("10.244.2.0")].StateAt(100).Should().Be(PeerState.Answers);
        Index("10.244.1.0").Should().Be(-1);
        Described("fc00:1:0:7::/64").PublicIP.Should().Be(IPAddress.Parse("fd00::7"));

        _table.Replace([s_one], 200);
        _table.Replace([s_one, s_two], 300);
        _table[Index("10.244.2.0")].LastAnswer.Should().Be(-1, "it came anew");
    }

    [Fact]
    public void A_subnet_that_another_host_has_now_begins_anew()
    {
        _table.Replace([s_one], 0);
        Answer("10.244.1.0");

        _table.Change([s_one], [Path("10.244.1.0/24", "192.168.64.9")], 50);

        _table.Count.Should().Be(1);
        _table[Index("10.244.1.0")].FirstSeen.Should().Be(50);
        Described("10.244.1.0/24").PublicIP.Should().Be(IPAddress.Parse("192.168.64.9"));
    }

    [Fact]
    public void A_lease_that_was_written_again_as_it_was_changes_nothing()
    {
        _table.Replace([s_one, s_two], 0);
        Answer("10.244.1.0");

        _table.Change([s_one], [s_one], 50);

        _table[Index("10.244.1.0")].LastAnswer.Should().Be(7);
        _table.Count.Should().Be(2);
    }

    [Fact]
    public void What_came_between_two_looks_is_taken_in_order_and_a_full_pass_replaces_what_was_before()
    {
        PeerTargets targets = new();
        targets.Change([], [s_six]);
        targets.Replace([s_one]);
        targets.Change([], [s_two]);
        targets.Change([s_one], []);

        targets.MoveTo(_table, 0);

        _table.Count.Should().Be(1);
        Index("10.244.2.0").Should().Be(0);
    }

    [Fact]
    public void Random_changes_keep_table_and_schedule_together()
    {
        Random random = new(11);
        Dictionary<int, PeerPath> there = [];
        for (int round = 0; round < 2_000; round++)
        {
            int number = random.Next(40);
            PeerPath peer = Path($"10.244.{number}.0/24", $"192.168.64.{random.Next(1, 4)}");
            if (there.Remove(number, out PeerPath? gone))
            {
                _table.Change([gone], [], round);
            }
            else
            {
                there[number] = peer;
                _table.Change([], [peer], round);
            }

            _table.Count.Should().Be(there.Count);
            foreach ((int present, PeerPath path) in there)
            {
                _table.TargetOf(Index($"10.244.{present}.0")).Should().Be(PingTarget.Of(path));
            }
        }
    }

    private static PeerPath Path(string subnet, string host) => new(IPNetwork.Parse(subnet), IPAddress.Parse(host), MacAddress.Zero);

    [Theory]
    [InlineData("10.244.7.0/24", "10.244.7.1", "10.244.7.0", "10.244.7.254")]
    [InlineData("fc00:1:0:7::/64", "fc00:1:0:7::1", "fc00:1:0:7::", "fc00:1:0:7:ffff:ffff:ffff:fffe")]
    [InlineData("10.244.7.2/31", "10.244.7.3", "10.244.7.2", "10.244.7.3")]
    public void A_peers_gateway_base_and_some_containers_address_are_asked(string subnet, string gateway, string first, string container)
    {
        PingTarget target = Of(subnet, "192.168.50.7");

        Ask(PingMeans.Gateway).Should().Be(IPAddress.Parse(gateway));
        Ask(PingMeans.Base).Should().Be(IPAddress.Parse(first));
        Ask(PingMeans.Hop).Should().Be(IPAddress.Parse(container));

        IPAddress Ask(PingMeans means) => IPPrefix.AddressOf(target.Asked(means), IPAddress.Parse(gateway).AddressFamily);
    }

    [Theory]
    [InlineData("10.244.7.0", true)] // of its overlay device
    [InlineData("192.168.50.7", true)]
    [InlineData("10.244.8.0", false)]
    [InlineData("192.168.50.254", false)] // a router on a way that leads elsewhere
    public void Only_the_peers_host_answers_that_a_packet_has_expired(string source, bool isHost)
    {
        IsAnswer(PingMeans.Hop, source, Overlay, isExpired: true).Should().Be(isHost);
        IsAnswer(PingMeans.Hop, source, Overlay, isExpired: false).Should().BeFalse("a container answers at that address");
        IsAnswer(PingMeans.Gateway, source, Overlay, isExpired: true).Should().BeFalse("a packet that goes on for 64 hops went round");
    }

    [Theory]
    [InlineData(nameof(PingMeans.Gateway), "10.244.7.1")]
    [InlineData(nameof(PingMeans.Base), "10.244.7.0")]
    [InlineData(nameof(PingMeans.Hop), "10.244.7.0")]
    public void An_answer_that_did_not_come_by_the_overlay_device_is_none(string asked, string source)
    {
        PingMeans means = Enum.Parse<PingMeans>(asked);
        bool isExpired = means == PingMeans.Hop;

        IsAnswer(means, source, Overlay, isExpired).Should().BeTrue();
        IsAnswer(means, source, Underlay, isExpired).Should().BeFalse("it came past the tunnel");
        IsAnswer(means, source, Underlay, isExpired, isTunnelled: false).Should().BeTrue("there is no tunnel");
    }

    [Fact]
    public void A_host_that_is_asked_on_the_underlay_answers_there() =>
        IsAnswer(PingMeans.Host, "192.168.50.7", Underlay, isExpired: false).Should().BeTrue();

    private const int Underlay = 2,
        Overlay = 5;

    private static bool IsAnswer(PingMeans means, string source, int link, bool isExpired, bool isTunnelled = true) =>
        (Of("10.244.7.0/24", "192.168.50.7") with { IsTunnelled = isTunnelled }).IsAnswer(
            new Answer(isExpired, IPPrefix.NumberOf(IPAddress.Parse(source)), IsIPv6: false, link),
            means,
            new Dictionary<int, string> { [Overlay] = "twill.1" }
        );

    private static PingTarget Of(string subnet, string host)
    {
        IPNetwork network = IPNetwork.Parse(subnet);
        bool isIPv6 = network.BaseAddress.AddressFamily == global::System.Net.Sockets.AddressFamily.InterNetworkV6;
        return new PingTarget(
            IPPrefix.NumberOf(network.BaseAddress),
            IPPrefix.NumberOf(IPAddress.Parse(host)),
            (byte)network.PrefixLength,
            isIPv6,
            IsPublicIPv6: false,
            IsTunnelled: true
        );
    }

    private void Answer(string first) => _table[Index(first)].Answered(isFullSize: false, 7, 1, PingMeans.Gateway);

    private int Index(string first) => _table.Find(IPPrefix.NumberOf(IPAddress.Parse(first)));

    private PeerReachability Described(string subnet) =>
        _table.Describe(Index(IPNetwork.Parse(subnet).BaseAddress.ToString()), time => time / 1000.0);
}
