using System.Globalization;

namespace Twill.Agent;

/// <summary>
/// One thing that may fail, as an operator sees it. A failure that repeats is logged once, then ever more rarely: after 1, 2, 4, ..
/// minutes, at most hourly. Another failure of the same thing is logged at once, and so is the end.
/// </summary>
/// <param name="log">Where failures are logged.</param>
/// <param name="clock">Measures, whatever becomes of the time of day.</param>
/// <param name="name">What may fail.</param>
/// <param name="publish">Called with each new <see cref="Message"/>. Others see the condition by this alone: only the loop that tries the
/// thing calls its methods.</param>
internal sealed class Condition(Log log, TimeProvider clock, string name, Action<string?> publish)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMinutes(1),
        LongestPause = TimeSpan.FromHours(1);

    private readonly HashSet<string> _messages = [];
    private long _since,
        _logged;
    private TimeSpan _pause;

    /// <summary>The failure that lasts; null while all is well.</summary>
    internal string? Message { get; private set; }

    /// <summary>It failed.</summary>
    internal void Raise(string message, LogLevel level = LogLevel.Warning)
    {
        long now = clock.GetTimestamp();
        if (Message is null)
        {
            _since = now;
            _messages.Clear();
        }

        if (_messages.Add(message))
        {
            log.Write(level, $"{name}: {message}");
            (_pause, _logged) = (FirstPause, now);
        }
        else if (clock.GetElapsedTime(_logged, now) >= _pause)
        {
            log.Write(level, $"{name}, for {Text(clock.GetElapsedTime(_since, now))}: {message}");
            _pause = _pause * 2 > LongestPause ? LongestPause : _pause * 2;
            _logged = now;
        }

        Set(message);
    }

    /// <summary>It works.</summary>
    internal void Resolve()
    {
        if (Message is not null)
        {
            log.Info($"{name}: well again after {Text(clock.GetElapsedTime(_since))}");
            Set(null);
        }
    }

    private void Set(string? message)
    {
        if (message != Message)
        {
            Message = message;
            publish(message);
        }
    }

    private static string Text(TimeSpan time) =>
        time.TotalMinutes < 1
            ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.#} s")
            : string.Create(CultureInfo.InvariantCulture, $"{time.TotalMinutes:0} min");
}
