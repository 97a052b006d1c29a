using System.Net;
using System.Text.Json;
using Twill.Network.State;
using Twill.Plugin.Cli;
using Twill.System;

namespace Twill.Plugin.Tests.Cli;

public sealed class MeasuredPeersTests
{
    [Fact]
    public void While_all_answer_or_it_is_too_early_to_tell_nothing_is_wrong()
    {
        MeasuredPeers peers = From(Peer(1, PeerState.Answers), Peer(2, PeerState.Unknown));

        peers.Problem.Should().BeNull();
        (peers.Answering, peers.NotMeasured).Should().Be((1, null));
    }

    [Fact]
    public void Silent_peers_are_named_and_those_that_lose_big_packets_told_apart()
    {
        MeasuredPeers peers = From(
            Peer(1, PeerState.Silent),
            Peer(2, PeerState.Answers),
            Peer(3, PeerState.LosesFullSize),
            Peer(4, PeerState.Silent)
        );

        peers
            .Problem.Should()
            .Be(
                "2 of 4 peers do not answer: 10.244.1.0/24 via 192.168.50.1, 10.244.4.0/24 via 192.168.50.4; "
                    + "1 of 4 peers answers small packets, but none of 1450 bytes: 10.244.3.0/24 via 192.168.50.3"
            );
    }

    [Fact]
    public void When_none_answers_that_is_all_there_is_to_say() =>
        MeasuredPeers
            .From(File([Peer(1, PeerState.Silent), Peer(2, PeerState.Unknown)]) with { NoneAnswers = true }, null, agentRuns: true)
            .Problem.Should()
            .Be("none of 2 peers answers");

    [Theory]
    [InlineData(false, 0, "the agent (twilld) does not run", null)]
    [InlineData(
        true,
        91,
        "the agent runs, but has not measured for a while",
        "whether peers answer is not known: the agent runs, but has not measured for a while"
    )]
    public void What_no_agent_measures_now_is_not_told(bool agentRuns, int age, string why, string? problem)
    {
        ReachabilityFile file = File([Peer(1, PeerState.Silent)]) with { Time = BootClock.Now - age, NoneAnswers = true };

        MeasuredPeers peers = MeasuredPeers.From(file, null, agentRuns);

        (peers.NotMeasured, peers.Problem, peers.NoneAnswers).Should().Be((why, problem, false));
        peers.Of(IPNetwork.Parse("10.244.1.0/24")).Should().BeNull();
    }

    [Fact]
    public void Another_boots_file_says_nothing() =>
        MeasuredPeers
            .From(File([Peer(1, PeerState.Silent)]) with { BootId = "another" }, null, agentRuns: true)
            .NotMeasured.Should()
            .Be("the agent runs, but has not measured for a while");

    [Theory]
    [InlineData(0.0, 0.0, "0 %")]
    [InlineData(0.25, 1.0, "25 %, full size 100 %")]
    [InlineData(null, 0.5, "50 %")]
    [InlineData(null, null, "-")]
    public void Loss_of_both_sizes_is_shown_where_it_differs(double? small, double? full, string text) =>
        PeerAnswers.Cells(Peer(1, PeerState.Answers) with { Loss = small, FullSizeLoss = full })[0].Text.Should().Be(text);

    [Fact]
    public void Programs_get_the_state_and_figures_or_nulls()
    {
        JsonElement known = Json(Peer(1, PeerState.LosesFullSize) with { Loss = 0, FullSizeLoss = 1, RoundTrip = 0.4267 }),
            unknown = Json(null);

        known.GetProperty("state").GetString().Should().Be("losesFullSize");
        known.GetProperty("fullSizeLoss").GetDouble().Should().Be(1);
        known.GetProperty("roundTripMs").GetDouble().Should().Be(0.427);
        unknown.GetProperty("state").ValueKind.Should().Be(JsonValueKind.Null);
        unknown.GetProperty("loss").ValueKind.Should().Be(JsonValueKind.Null);

        static JsonElement Json(PeerReachability? peer) =>
            StatusReportTests.Json(w =>
            {
                w.WriteStartObject();
                PeerAnswers.Write(w, peer);
                w.WriteEndObject();
            });
    }

    private static MeasuredPeers From(params PeerReachability[] peers) => MeasuredPeers.From(File(peers), null, agentRuns: true);

    private static ReachabilityFile File(PeerReachability[] peers) =>
        new()
        {
            BootId = BootClock.BootId,
            Time = BootClock.Now,
            FullSize = 1450,
            Peers = peers,
        };

    private static PeerReachability Peer(int number, PeerState state) =>
        new(
            IPNetwork.Parse($"10.244.{number}.0/24"),
            IPAddress.Parse($"192.168.50.{number}"),
            state,
            Loss: null,
            FullSizeLoss: null,
            RoundTrip: null,
            LastAnswer: null,
            LastHeard: null
        );
}
