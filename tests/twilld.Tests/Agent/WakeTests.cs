using System.Diagnostics;

namespace Twill.Agent.Tests;

public sealed class WakeTests
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Rings_before_the_wait_count_as_one()
    {
        Wake wake = new();
        wake.Ring();
        wake.Ring();

        await wake.WaitAsync(Long, TimeSpan.Zero, CancellationToken.None);
        Task second = wake.WaitAsync(Long, TimeSpan.Zero, CancellationToken.None);

        second.IsCompleted.Should().BeFalse();
        wake.Ring();
        await second.WaitAsync(Long);
    }

    [Fact]
    public async Task Rings_while_it_settles_belong_to_the_same_round()
    {
        Wake wake = new();
        wake.Ring();
        Task first = wake.WaitAsync(Long, TimeSpan.FromMilliseconds(200), CancellationToken.None);
        wake.Ring();
        await first;

        wake.WaitAsync(Long, TimeSpan.Zero, CancellationToken.None).IsCompleted.Should().BeFalse();
    }

    [Fact]
    public async Task Without_a_ring_it_returns_after_the_longest_wait()
    {
        long start = Stopwatch.GetTimestamp();

        await new Wake().WaitAsync(TimeSpan.FromMilliseconds(50), Long, CancellationToken.None);

        Stopwatch.GetElapsedTime(start).Should().BeGreaterThan(TimeSpan.FromMilliseconds(40)).And.BeLessThan(Long);
    }

    [Fact]
    public async Task It_stops_waiting_when_told_to()
    {
        using CancellationTokenSource stop = new();
        Task wait = new Wake().WaitAsync(Long, TimeSpan.Zero, stop.Token);
        await stop.CancelAsync();

        await FluentActions.Awaiting(() => wait).Should().ThrowAsync<OperationCanceledException>();
    }
}
