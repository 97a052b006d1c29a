namespace Twill.Agent.Tests;

/// <summary>Times are milliseconds; 20 packets a second.</summary>
public sealed class PingScheduleTests
{
    private const int Rate = 20;

    private readonly PingSchedule _schedule = new(Rate);

    [Fact]
    public void Without_peers_nothing_is_due()
    {
        _schedule.TryTake(1_000_000, out _).Should().BeFalse();
        _schedule.WakeAt().Should().Be(long.MaxValue);
    }

    [Fact]
    public void A_new_peer_is_pinged_at_once_with_both_sizes_and_then_not_before_its_turn()
    {
        _schedule.Add(now: 100);

        _schedule.TryTake(99, out _).Should().BeFalse();
        _schedule.TryTake(100, out int peer).Should().BeTrue();
        (peer, _schedule.PacketsFor(isLosing: false)).Should().Be((0, 2));
        _schedule.Set(0, 5_100, isUrgent: false);
        _schedule.Sent(100, 2);

        _schedule.WakeAt().Should().Be(5_100);
        _schedule.TryTake(5_099, out _).Should().BeFalse();
        _schedule.TryTake(5_100, out _).Should().BeTrue();
    }

    [Fact]
    public void Two_packets_take_the_time_of_two()
    {
        _schedule.Add(0);
        _schedule.Add(0);
        _schedule.TryTake(0, out _);
        _schedule.Sent(0, 2);

        _schedule.TryTake(99, out _).Should().BeFalse("20 a second are one in 50 ms");
        _schedule.TryTake(100, out _).Should().BeTrue();
    }

    [Theory]
    [InlineData(1, 5_000)]
    [InlineData(40, 5_000)]
    [InlineData(80, 8_000)]
    [InlineData(81, 5_000)] // from here on one packet each
    [InlineData(100, 5_000)]
    [InlineData(4_000, 200_000)]
    public void A_cycle_grows_with_the_peers(int peers, long cycle)
    {
        Add(peers);

        _schedule.Cycle.Should().Be(cycle);
    }

    [Fact]
    public void Four_thousand_peers_have_their_turn_within_4_minutes_although_fifty_are_silent()
    {
        const int Peers = 4_000,
            Silent = 50;
        Add(Peers);
        Dictionary<int, List<long>> turns = [];
        int packets = 0;
        for (long now = 0; now < 900_000; now += 10)
        {
            if (!_schedule.TryTake(now, out int peer))
            {
                continue;
            }

            bool isSilent = peer < Silent;
            int sent = _schedule.PacketsFor(isSilent);
            packets += sent;
            _schedule.Sent(now, sent);
            _schedule.Set(peer, now + (isSilent ? PingSchedule.FailingInterval : _schedule.Cycle), isSilent);
            turns.TryAdd(peer, []);
            turns[peer].Add(now);
        }

        turns.Should().HaveCount(Peers);
        packets.Should().BeLessThanOrEqualTo(900 * Rate);
        Longest(turns.Where(t => t.Key >= Silent)).Should().BeLessThanOrEqualTo(241_000, "the silent ones take one packet of six");

        turns.Where(t => t.Key < Silent).Average(t => t.Value.Count).Should().BeGreaterThan(10, "they come more often than the others");

        static long Longest(IEnumerable<KeyValuePair<int, List<long>>> turns) =>
            turns.Max(t => t.Value.Zip(t.Value.Skip(1), (one, next) => next - one).DefaultIfEmpty(0).Max());
    }

    [Fact]
    public void When_all_answer_four_thousand_peers_take_200_s()
    {
        Add(4_000);
        Dictionary<int, long> last = [];
        long longest = 0;
        for (long now = 0; now < 900_000; now += 10)
        {
            if (_schedule.TryTake(now, out int peer))
            {
                _schedule.Sent(now, _schedule.PacketsFor(isLosing: false));
                _schedule.Set(peer, now + _schedule.Cycle, isUrgent: false);
                longest = Math.Max(longest, now - last.GetValueOrDefault(peer, now));
                last[peer] = now;
            }
        }

        last.Should().HaveCount(4_000);
        longest.Should().BeLessThanOrEqualTo(200_100);
    }

    [Fact]
    public void A_peer_that_leaves_gives_its_place_to_the_last_one()
    {
        Add(3);
        _schedule.Set(0, 10, isUrgent: true);
        _schedule.Set(1, 20, isUrgent: true);
        _schedule.Set(2, 30, isUrgent: true);

        _schedule.Remove(0);

        _schedule.Count.Should().Be(2);
        _schedule.WakeAt().Should().Be(20);
        _schedule.TryTake(1_000, out int peer).Should().BeTrue();
        peer.Should().Be(1);
        _schedule.Set(1, 5_000, isUrgent: true);
        _schedule.TryTake(1_000, out peer).Should().BeTrue();
        peer.Should().Be(0, "what was the third is the first now, due at 30");
    }

    private void Add(int peers)
    {
        for (int i = 0; i < peers; i++)
        {
            _schedule.Add(0);
        }
    }
}
