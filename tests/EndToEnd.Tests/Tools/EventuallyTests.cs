using System.Diagnostics;
using Twill.Testing;

namespace Twill.EndToEnd.Tests.Tools;

public sealed class EventuallyTests
{
    private static readonly TimeSpan s_try = TimeSpan.FromMilliseconds(30),
        s_limit = TimeSpan.FromSeconds(1);

    [Fact]
    public void Tries_that_take_long_leave_most_of_the_time_to_others()
    {
        int tries = 0;
        long start = Stopwatch.GetTimestamp();
        Assert.ThrowsAny<Exception>(() => Eventually.True("it never is", () => Take(ref tries), s_limit));
        TimeSpan busy = s_try * tries;
        busy.Should().BeLessThan(Stopwatch.GetElapsedTime(start) / 2);
        tries.Should().BeGreaterThan(1);
    }

    [Fact]
    public void Assertions_are_tried_no_more_often()
    {
        int tries = 0;
        long start = Stopwatch.GetTimestamp();
        Assert.ThrowsAny<Exception>(() => Eventually.Pass(() => Take(ref tries).Should().BeTrue(), s_limit));
        (s_try * tries).Should().BeLessThan(Stopwatch.GetElapsedTime(start) / 2);
        tries.Should().BeGreaterThan(1);
    }

    private static bool Take(ref int tries)
    {
        tries++;
        Thread.Sleep(s_try);
        return false;
    }
}
