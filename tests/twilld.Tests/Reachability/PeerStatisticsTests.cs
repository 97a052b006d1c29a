using Twill.Network.State;
using Twill.System;

namespace Twill.Agent.Tests;

/// <summary>Times are milliseconds since the peer was first known.</summary>
public sealed class PeerStatisticsTests
{
    private PeerStatistics _peer = new(0);

    [Fact]
    public void A_peer_that_answers_at_once_is_well_at_once()
    {
        _peer.StateAt(0).Should().Be(PeerState.Unknown);

        _peer.Answered(isFullSize: true, 5, 0.4, PingMeans.Gateway);

        _peer.StateAt(5).Should().Be(PeerState.Answers);
        (_peer.RoundTrip, _peer.FullSizeLoss, _peer.Loss).Should().Be(((double?)0.4f, (double?)0, null));
    }

    [Fact]
    public void A_peer_that_never_answered_is_silent_after_three_small_packets_and_the_grace()
    {
        LosePairs(3);

        _peer.StateAt(PeerStatistics.Grace - 1).Should().Be(PeerState.Unknown, "its host may be joining");
        _peer.StateAt(PeerStatistics.Grace).Should().Be(PeerState.Silent);
        _peer.LastAnswer.Should().Be(-1);
    }

    [Fact]
    public void Without_three_packets_no_time_makes_it_silent()
    {
        LosePairs(2);

        _peer.StateAt(1_000_000).Should().Be(PeerState.Unknown);
    }

    [Fact]
    public void One_that_answered_is_silent_after_three_small_packets_without_a_grace()
    {
        _peer.Answered(isFullSize: false, 10, 1, PingMeans.Gateway);
        LosePairs(2);
        _peer.StateAt(20).Should().Be(PeerState.Answers);

        LosePairs(1);

        _peer.StateAt(30).Should().Be(PeerState.Silent);
        _peer.LastAnswer.Should().Be(10);
        _peer.Loss.Should().Be(0.75);
    }

    [Fact]
    public void A_link_that_drops_big_packets_is_told_from_one_that_drops_all()
    {
        for (int i = 0; i < 3; i++)
        {
            _peer.Answered(isFullSize: false, i, 1, PingMeans.Gateway);
            _peer.Lost(isFullSize: true, Errno.None);
        }

        _peer.StateAt(3).Should().Be(PeerState.LosesFullSize);
        (_peer.Loss, _peer.FullSizeLoss).Should().Be(((double?)0, (double?)1));

        _peer.Answered(isFullSize: true, 4, 1, PingMeans.Gateway);
        _peer.StateAt(4).Should().Be(PeerState.Answers);
    }

    [Fact]
    public void What_was_lost_of_full_size_while_all_was_lost_says_nothing_once_it_answers_again()
    {
        _peer.Answered(isFullSize: false, 0, 1, PingMeans.Gateway);
        LosePairs(10);

        _peer.Answered(isFullSize: false, 20, 1, PingMeans.Gateway);

        _peer.StateAt(20).Should().Be(PeerState.Answers);
    }

    [Fact]
    public void A_late_answer_shows_that_the_peer_is_there_but_the_packet_stays_lost()
    {
        _peer.Answered(isFullSize: false, 0, 1, PingMeans.Gateway);
        LosePairs(3);

        _peer.AnsweredLate(isFullSize: false, 3_000, PingMeans.Gateway);

        _peer.StateAt(3_000).Should().Be(PeerState.Answers);
        (_peer.Loss, _peer.LastAnswer).Should().Be(((double?)0.75, 3_000));
    }

    [Fact]
    public void Loss_is_that_of_the_last_32_packets()
    {
        for (int i = 0; i < 100; i++)
        {
            _peer.Lost(isFullSize: false, Errno.None);
        }

        for (int i = 0; i < 24; i++)
        {
            _peer.Answered(isFullSize: false, i, 1, PingMeans.Gateway);
        }

        _peer.Loss.Should().Be(0.25);
    }

    [Fact]
    public void The_round_trip_time_is_smoothed()
    {
        _peer.Answered(isFullSize: false, 0, 8, PingMeans.Gateway);
        _peer.Answered(isFullSize: false, 1, 16, PingMeans.Gateway);

        _peer.RoundTrip.Should().Be(9);
    }

    [Theory]
    [InlineData(1350)]
    [InlineData(85)]
    [InlineData(1449)]
    public void How_much_fits_is_found_by_halves_although_a_packet_is_lost_now_and_then(int fits)
    {
        int tries = 0;
        for (ushort size; (size = _peer.NextSize(84, 1450)) > 0; tries++)
        {
            _peer.Tried(size, isAnswered: size <= fits && tries % 3 != 1);
        }

        (_peer.Fits, _peer.FitsNot).Should().Be(((ushort)fits, (ushort)(fits + 1)));
        tries.Should().BeLessThan(40);
    }

    [Fact]
    public void All_means_are_tried_before_a_peer_is_silent_and_the_one_that_is_answered_is_kept()
    {
        Turns(3, _ => false).Should().Equal(PingMeans.Gateway, PingMeans.Base, PingMeans.Hop);

        Turns(3, means => means == PingMeans.Base).Should().Equal(PingMeans.Gateway, PingMeans.Base, PingMeans.Base);
    }

    [Fact]
    public void A_host_that_was_silent_does_not_drop_pings_as_it_first_answers_what_it_is_first_asked()
    {
        Turns(5, _ => false);

        Turns(4, _ => true).Should().Equal(PingMeans.Hop, PingMeans.Gateway, PingMeans.Gateway, PingMeans.Gateway);
        _peer.DropsPings.Should().BeFalse();
    }

    [Fact]
    public void A_host_drops_pings_when_it_answers_as_a_router_again_and_its_addresses_did_not_in_between()
    {
        Turns(5, means => means == PingMeans.Hop);
        _peer.DropsPings.Should().BeFalse("it may have been silent while its addresses were asked");

        Turns(1, means => means == PingMeans.Hop);
        _peer.DropsPings.Should().BeTrue();

        Turns(20, means => means == PingMeans.Hop).Should().OnlyContain(means => means == PingMeans.Hop);
        (_peer.Loss, _peer.FullSizeLoss).Should().Be(((double?)0, (double?)0), "what was lost were pings that it drops");
        _peer.StateAt(20_000).Should().Be(PeerState.Answers);
    }

    [Fact]
    public void A_host_that_drops_pings_is_not_silent_as_one_packet_was_lost_and_is_when_three_were()
    {
        Turns(6, means => means == PingMeans.Hop);

        Turns(2, _ => false).Should().OnlyContain(means => means == PingMeans.Hop);
        _peer.StateAt(20_000).Should().Be(PeerState.Answers);

        Turns(1, _ => false);
        _peer.StateAt(20_000).Should().Be(PeerState.Silent);
        Turns(3, _ => false).Order().Should().Equal(PingMeans.Gateway, PingMeans.Base, PingMeans.Hop);
    }

    [Fact]
    public void A_host_that_drops_pings_is_asked_now_and_then_by_each_of_its_addresses()
    {
        _peer.NextTrial().Should().BeNull("it does not drop them");
        Turns(6, means => means == PingMeans.Hop);

        List<PingMeans?> trials = [.. Enumerable.Range(0, 2 * PeerStatistics.TrialEvery).Select(_ => _peer.NextTrial())];

        trials.Where(trial => trial is not null).Should().Equal(PingMeans.Gateway, PingMeans.Base);
        _peer.Answered(isFullSize: false, 0, 1, PingMeans.Base);
        (_peer.DropsPings, _peer.NextMeans).Should().Be((false, PingMeans.Base));
    }

    [Fact]
    public void Whether_a_host_drops_pings_is_told_when_it_changes()
    {
        _peer.Answered(isFullSize: false, 0, 1, PingMeans.Gateway);
        _peer.TryChange(0, out _).Should().BeTrue();
        Turns(6, means => means == PingMeans.Hop);

        _peer.TryChange(100, out (PeerState State, long) former).Should().BeTrue();
        former.State.Should().Be(PeerState.Answers);
        _peer.TryChange(200, out _).Should().BeFalse();

        _peer.Answered(isFullSize: false, 300, 1, PingMeans.Gateway);
        _peer.TryChange(300, out _).Should().BeTrue();
    }

    [Fact]
    public void All_means_have_their_turn_however_long_nobody_answers()
    {
        int[] tried = new int[3];
        for (int i = 0; i < 3_000; i++)
        {
            tried[(int)_peer.NextMeans]++;
            LosePairs(1);
        }

        tried.Should().OnlyContain(times => times > 900);
    }

    [Fact]
    public void Why_the_kernel_did_not_send_is_kept_until_an_answer()
    {
        _peer.Lost(isFullSize: false, Errno.EPERM);
        _peer.SendError.Should().Be(Errno.EPERM);

        _peer.Answered(isFullSize: false, 0, 1, PingMeans.Gateway);
        _peer.SendError.Should().Be(Errno.None);
    }

    [Fact]
    public void A_change_is_told_once_with_how_long_the_former_state_lasted()
    {
        _peer.Answered(isFullSize: false, 100, 1, PingMeans.Gateway);
        _peer.TryChange(100, out (PeerState, long) former).Should().BeTrue();
        former.Should().Be((PeerState.Unknown, 100));
        _peer.TryChange(200, out _).Should().BeFalse();

        LosePairs(3);
        _peer.TryChange(5_100, out former).Should().BeTrue();

        former.Should().Be((PeerState.Answers, 5_000));
    }

    /// <summary>So many turns, each a small packet and one of full size, and what was asked in each.</summary>
    private List<PingMeans> Turns(int count, Func<PingMeans, bool> answers)
    {
        List<PingMeans> asked = [];
        for (int i = 0; i < count; i++)
        {
            PingMeans means = _peer.NextMeans;
            asked.Add(means);
            if (answers(means))
            {
                _peer.Answered(isFullSize: false, i, 1, means);
                _peer.Answered(isFullSize: true, i, 1, means);
            }
            else
            {
                LosePairs(1);
            }
        }

        return asked;
    }

    private void LosePairs(int count)
    {
        for (int i = 0; i < count; i++)
        {
            _peer.Lost(isFullSize: false, Errno.None);
            _peer.Lost(isFullSize: true, Errno.None);
        }
    }
}
