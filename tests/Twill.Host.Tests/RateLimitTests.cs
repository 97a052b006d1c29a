namespace Twill.Host.Tests;

public sealed class RateLimitTests
{
    [Theory]
    [InlineData(1UL, 131_072u)]
    [InlineData(2_500_000UL, 131_072u)]
    [InlineData(125_000_000UL, 3_125_000u)]
    [InlineData(125_000_000_000_000UL, 2_147_483_647u)]
    public void A_queue_holds_25_ms_and_never_less_than_two_of_the_longest_packets(ulong rate, uint bytes) =>
        new RateLimit(rate, 2000).Queue.Should().Be(bytes);

    [Fact]
    public void A_limit_is_told_in_bits() =>
        new RateLimit(2_500_000, 250_000).ToString().Should().Be("20000000 bit/s with bursts of 2000000 bit");
}
