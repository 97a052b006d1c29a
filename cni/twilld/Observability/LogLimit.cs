namespace Twill.Agent;

/// <summary>At most so many lines a second; the rest are counted. From any thread.</summary>
/// <param name="clock">Measures, whatever becomes of the time of day.</param>
internal sealed class LogLimit(TimeProvider clock)
{
    internal const int MostInSecond = 10;

    private readonly Lock _lock = new();
    private long? _second; // when the one that runs began
    private int _written;
    private long _leftOut;

    /// <summary>Whether one more line may be written now. If not, it is counted.</summary>
    internal bool MayWrite()
    {
        lock (_lock)
        {
            StartSecond();
            if (_written < MostInSecond)
            {
                _written++;
                return true;
            }

            _leftOut++;
            return false;
        }
    }

    /// <summary>How many lines were left out in seconds that are over, and were not taken yet.</summary>
    internal long TakeLeftOut()
    {
        lock (_lock)
        {
            StartSecond();
            if (_written >= MostInSecond)
            {
                return 0; // there may be more of them
            }

            long leftOut = _leftOut;
            _leftOut = 0;
            return leftOut;
        }
    }

    private void StartSecond()
    {
        long now = clock.GetTimestamp();
        if (_second is not { } began || clock.GetElapsedTime(began, now) >= TimeSpan.FromSeconds(1))
        {
            (_second, _written) = (now, 0);
        }
    }
}
