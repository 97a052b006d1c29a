namespace Twill.Agent.Tests;

public sealed class PingsInFlightTests
{
    private readonly PingsInFlight _packets = new(20);

    [Fact]
    public void A_packet_that_is_answered_in_time_is_not_given_up()
    {
        uint number = _packets.Add(Ping(0));

        _packets.TryTake(number, out Ping ping, out bool isLate).Should().BeTrue();

        (ping.Sent, isLate).Should().Be((0, false));
        _packets.TryGiveUp(10_000, out _).Should().BeFalse();
        _packets.GiveUpAt.Should().Be(long.MaxValue);
    }

    [Fact]
    public void One_that_is_not_is_given_up_after_a_second_and_its_answer_is_late()
    {
        uint number = _packets.Add(Ping(100));

        _packets.GiveUpAt.Should().Be(1_100);
        _packets.TryGiveUp(1_099, out _).Should().BeFalse();
        _packets.TryGiveUp(1_100, out _).Should().BeTrue();
        _packets.TryGiveUp(1_100, out _).Should().BeFalse();

        _packets.TryTake(number, out _, out bool isLate).Should().BeTrue();
        isLate.Should().BeTrue();
    }

    [Fact]
    public void Numbers_that_were_not_given_out_or_long_ago_are_nobodys()
    {
        for (int i = 0; i < 1_000; i++)
        {
            _packets.Add(Ping(i));
            while (_packets.TryGiveUp(long.MaxValue, out _)) { }
        }

        _packets.TryTake(999, out Ping last, out _).Should().BeTrue();
        last.Sent.Should().Be(999);
        _packets.TryTake(1_000, out _, out _).Should().BeFalse();
        _packets.TryTake(uint.MaxValue, out _, out _).Should().BeFalse();
        _packets.TryTake(900, out _, out _).Should().BeFalse("its place has been used again");
    }

    [Fact]
    public void What_an_agent_says_in_a_packet_is_read_as_it_was_written_and_nothing_else_is()
    {
        byte[] data = new byte[PingPayload.SmallLength];
        PingPayload.Write(data, 0x0102030405060708, 77, PingFlags.HearsNothing);

        PingPayload.TryRead(data, out ulong process, out uint number, out PingFlags flags).Should().BeTrue();
        (process, number, flags).Should().Be((0x0102030405060708ul, 77u, PingFlags.HearsNothing));

        PingPayload.TryRead(data.AsSpan(0, PingPayload.Length - 1), out _, out _, out _).Should().BeFalse();
        data[7] = 2;
        PingPayload.TryRead(data, out _, out _, out _).Should().BeFalse("another version may mean something else");
    }

    private static Ping Ping(long sent) => new(default, sent, 0, IsFullSize: false, PingMeans.Gateway);
}
