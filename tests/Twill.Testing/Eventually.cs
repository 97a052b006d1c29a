using System.Diagnostics;

namespace Twill.Testing;

/// <summary>
/// Waits for what happens soon but not at once, without guessing how long to sleep. The last try begins when the limit is over: a machine
/// that stands still for a while fails nobody.
/// </summary>
public static class Eventually
{
    public static readonly TimeSpan DefaultLimit = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan s_shortestRest = TimeSpan.FromMilliseconds(20),
        s_longestRest = TimeSpan.FromMilliseconds(250);

    /// <summary>Tries until it <paramref name="isTrue"/> and gives the time taken; after the limit fails with
    /// <paramref name="what"/>.</summary>
    public static TimeSpan True(string what, Func<bool> isTrue, TimeSpan? limit = null, Func<string>? onFailure = null)
    {
        long start = Stopwatch.GetTimestamp();
        TimeSpan most = limit ?? DefaultLimit;
        while (true)
        {
            TimeSpan began = Stopwatch.GetElapsedTime(start);
            bool isLastTry = began > most;
            if (isTrue())
            {
                return Stopwatch.GetElapsedTime(start);
            }

            if (isLastTry)
            {
                throw new Xunit.Sdk.XunitException($"not within {most.TotalSeconds} s: {what}\n{onFailure?.Invoke()}");
            }

            Rest(start, began);
        }
    }

    /// <summary>Tries until <paramref name="assertions"/> passes; after the limit, its own failure is the test's.</summary>
    public static TimeSpan Pass(Action assertions, TimeSpan? limit = null)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            TimeSpan began = Stopwatch.GetElapsedTime(start);
            bool isLastTry = began > (limit ?? DefaultLimit);
            try
            {
                assertions();
                return Stopwatch.GetElapsedTime(start);
            }
            catch (Exception) when (!isLastTry)
            {
                Rest(start, began);
            }
        }
    }

    // Most tries run programs. For three times as long as the last try took, and for a tenth of the time waited so far, nothing is asked:
    // the processors are left to what is waited for, and to the tests beside.
    private static void Rest(long start, TimeSpan began)
    {
        TimeSpan now = Stopwatch.GetElapsedTime(start),
            rest = TimeSpan.FromTicks(Math.Max(3 * (now - began).Ticks, now.Ticks / 10));
        Thread.Sleep(rest < s_shortestRest ? s_shortestRest : rest > s_longestRest ? s_longestRest : rest);
    }
}
