using System.Diagnostics;

namespace Twill.Agent.Tests;

public sealed class AsyncSignalTests
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Signals_before_the_wait_count_as_one()
    {
        AsyncSignal signal = new();
        signal.Set();
        signal.Set();

        await signal.WaitAsync(Long, TimeSpan.Zero, CancellationToken.None);
        Task second = signal.WaitAsync(Long, TimeSpan.Zero, CancellationToken.None);

        second.IsCompleted.Should().BeFalse();
        signal.Set();
        await second.WaitAsync(Long);
    }

    [Fact]
    public async Task Signals_while_it_settles_wake_once()
    {
        AsyncSignal signal = new();
        signal.Set();
        Task first = signal.WaitAsync(Long, TimeSpan.FromMilliseconds(200), CancellationToken.None);
        signal.Set();
        await first;

        signal.WaitAsync(Long, TimeSpan.Zero, CancellationToken.None).IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task Without_a_signal_it_returns_after_the_longest_wait()
    {
        long start = Stopwatch.GetTimestamp();

        await new AsyncSignal().WaitAsync(TimeSpan.FromMilliseconds(50), Long, CancellationToken.None);

        Stopwatch.GetElapsedTime(start).Should().BeGreaterThan(TimeSpan.FromMilliseconds(40)).And.BeLessThan(Long);
    }

    [Fact]
    public async Task It_stops_waiting_when_told_to()
    {
        using CancellationTokenSource stop = new();
        Task wait = new AsyncSignal().WaitAsync(Long, TimeSpan.Zero, stop.Token);
        await stop.CancelAsync();

        await FluentActions.Awaiting(() => wait).Should().ThrowAsync<OperationCanceledException>();
    }
}
