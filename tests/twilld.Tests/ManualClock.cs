namespace Twill.Agent.Tests;

/// <summary>A clock that stands still until a test moves it.</summary>
internal sealed class ManualClock : TimeProvider
{
    private DateTimeOffset _now = new(2026, 11, 20, 10, 0, 0, TimeSpan.Zero);

    private TimeSpan _elapsed;

    public override DateTimeOffset GetUtcNow() => _now;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => _elapsed.Ticks;

    internal void Advance(TimeSpan by)
    {
        _now += by;
        _elapsed += by;
    }

    /// <summary>Somebody sets the time of day; no time passes.</summary>
    internal void Set(TimeSpan by) => _now += by;
}
