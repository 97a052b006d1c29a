using System.Globalization;

namespace Twill.Agent;

/// <summary>
/// Something that fails again and again is told once, then ever more rarely (after 1, 2, 4, .. minutes, at most hourly), and its end is
/// told too.
/// A failure that was not told yet meanwhile is told at once.
/// </summary>
internal sealed class Trouble(Log log, TimeProvider clock, string what)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMinutes(1),
        LongestPause = TimeSpan.FromHours(1);

    private readonly HashSet<string> _told = [];
    private DateTimeOffset _since,
        _nextTold;
    private TimeSpan _pause;

    /// <summary>What it is that fails.</summary>
    internal string What => what;

    /// <summary>The failure that lasts; null while all is well.</summary>
    internal string? Message { get; private set; }

    internal void Failed(string message, LogLevel level = LogLevel.Warning)
    {
        DateTimeOffset now = clock.GetUtcNow();
        if (Message is null)
        {
            _since = now;
            _told.Clear();
        }

        if (_told.Add(message))
        {
            log.Write(level, $"{what}: {message}");
            (_pause, _nextTold) = (FirstPause, now + FirstPause);
        }
        else if (now >= _nextTold)
        {
            log.Write(level, $"{what}, for {Lasting(now - _since)}: {message}");
            _pause = _pause * 2 > LongestPause ? LongestPause : _pause * 2;
            _nextTold = now + _pause;
        }

        Message = message;
    }

    internal void Over()
    {
        if (Message is not null)
        {
            log.Info($"{what}: over after {Lasting(clock.GetUtcNow() - _since)}");
            Message = null;
        }
    }

    private static string Lasting(TimeSpan time) =>
        time.TotalMinutes < 1
            ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.#} s")
            : string.Create(CultureInfo.InvariantCulture, $"{time.TotalMinutes:0} min");
}
