using System.Text.Json;

namespace Twill.System.Tests;

public sealed class Rfc3339Tests
{
    [Theory]
    [InlineData("2030-01-31T12:00:00Z", "2030-01-31T12:00:00.0000000")]
    [InlineData("2030-01-31T12:00:00+00:00", "2030-01-31T12:00:00.0000000")]
    [InlineData("2032-02-29T23:59:59.25Z", "2032-02-29T23:59:59.2500000")]
    [InlineData("0001-01-01T00:00:00.0000001Z", "0001-01-01T00:00:00.0000001")]
    public void A_time_in_UTC_is_read(string text, string time)
    {
        Rfc3339.TryParseUtc(text, out DateTimeOffset read).Should().BeTrue();

        read.Offset.Should().Be(TimeSpan.Zero);
        read.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fffffff").Should().Be(time);
    }

    [Fact]
    public void What_JSON_writes_of_a_time_is_read()
    {
        DateTimeOffset now = DateTimeOffset.UtcNow;

        Rfc3339.TryParseUtc(JsonSerializer.SerializeToNode(now)!.GetValue<string>(), out DateTimeOffset read).Should().BeTrue();

        read.Should().Be(now);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Z")]
    [InlineData("noon")]
    [InlineData("2030-01-31T12:00:00")] // of which place?
    [InlineData("2030-01-31T12:00:00+01:00")]
    [InlineData("2030-01-31 12:00:00Z")]
    [InlineData("2030-01-31T12:00Z")]
    [InlineData("2030-13-31T12:00:00Z")]
    [InlineData("2030-02-29T12:00:00Z")]
    [InlineData("0000-01-01T12:00:00Z")]
    [InlineData("2030-01-31T24:00:00Z")]
    [InlineData("2030-01-31T12:60:00Z")]
    [InlineData("2030-01-31T12:00:60Z")]
    [InlineData("2030-01-31T12:00:-1Z")]
    [InlineData("2030-01-31T12:00: 1Z")]
    [InlineData("2030-01-31T12:00:00.Z")]
    [InlineData("2030-01-31T12:00:00,5Z")]
    [InlineData("2030-01-31T12:00:00.12345678Z")]
    [InlineData("2030-01-31T12:00:00Z ")]
    public void Anything_else_is_not(string text) => Rfc3339.TryParseUtc(text, out _).Should().BeFalse();
}
