using System.Diagnostics;

namespace Twill.Testing;

/// <summary>
/// Waits for what happens soon but not at once, without guessing how long to sleep. The last try begins when the limit is over: a machine
/// that stands still for a while fails nobody.
/// </summary>
public static class Eventually
{
    public static readonly TimeSpan DefaultLimit = TimeSpan.FromSeconds(10);

    /// <summary>Tries until it <paramref name="isTrue"/> and gives the time taken; after the limit fails with
    /// <paramref name="what"/>.</summary>
    public static TimeSpan True(string what, Func<bool> isTrue, TimeSpan? limit = null, Func<string>? onFailure = null)
    {
        long start = Stopwatch.GetTimestamp();
        TimeSpan most = limit ?? DefaultLimit;
        while (true)
        {
            bool isLastTry = Stopwatch.GetElapsedTime(start) > most;
            if (isTrue())
            {
                return Stopwatch.GetElapsedTime(start);
            }

            if (isLastTry)
            {
                throw new Xunit.Sdk.XunitException($"not within {most.TotalSeconds} s: {what}\n{onFailure?.Invoke()}");
            }

            Thread.Sleep(20);
        }
    }

    /// <summary>Tries until <paramref name="assertions"/> passes; after the limit, its own failure is the test's.</summary>
    public static TimeSpan Pass(Action assertions, TimeSpan? limit = null)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            bool isLastTry = Stopwatch.GetElapsedTime(start) > (limit ?? DefaultLimit);
            try
            {
                assertions();
                return Stopwatch.GetElapsedTime(start);
            }
            catch (Exception) when (!isLastTry)
            {
                Thread.Sleep(20);
            }
        }
    }
}
