using System.Globalization;

namespace Twill.System;

/// <summary>Times in files. Only those in UTC are read: what reads others knows time zones, which would make a plugin 0.1 MB
/// larger.</summary>
public static class Rfc3339
{
    /// <summary>Reads a time like <c>2030-01-31T12:00:00Z</c> or <c>2030-01-31T12:00:00.25+00:00</c>.</summary>
    public static bool TryParseUtc(ReadOnlySpan<char> text, out DateTimeOffset time)
    {
        time = default;
        if (!TryCutZone(ref text) || text.Length < 19 || text is not [_, _, _, _, '-', _, _, '-', _, _, 'T', _, _, ':', _, _, ':', ..])
        {
            return false;
        }

        if (
            !TryNumber(text[..4], 1, 9999, out int year)
            || !TryNumber(text[5..7], 1, 12, out int month)
            || !TryNumber(text[8..10], 1, DateTime.DaysInMonth(year, month), out int day)
            || !TryNumber(text[11..13], 0, 23, out int hour)
            || !TryNumber(text[14..16], 0, 59, out int minute)
            || !TryNumber(text[17..19], 0, 59, out int second)
            || !TryFraction(text[19..], out long ticks)
        )
        {
            return false;
        }

        time = new DateTimeOffset(year, month, day, hour, minute, second, TimeSpan.Zero).AddTicks(ticks);
        return true;
    }

    private static bool TryCutZone(ref ReadOnlySpan<char> text)
    {
        foreach (string utc in (ReadOnlySpan<string>)["Z", "+00:00"])
        {
            if (text.EndsWith(utc, StringComparison.Ordinal))
            {
                text = text[..^utc.Length];
                return true;
            }
        }

        return false;
    }

    /// <summary>The fraction of a second: nothing, or a point and up to seven digits, as many as .NET writes.</summary>
    private static bool TryFraction(ReadOnlySpan<char> text, out long ticks)
    {
        ticks = 0;
        if (text.IsEmpty)
        {
            return true;
        }

        if (text[0] != '.' || text.Length is < 2 or > 8 || !TryNumber(text[1..], 0, 9_999_999, out int digits))
        {
            return false;
        }

        ticks = digits;
        for (int i = text.Length; i < 8; i++)
        {
            ticks *= 10;
        }

        return true;
    }

    private static bool TryNumber(ReadOnlySpan<char> digits, int least, int most, out int number) =>
        int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number >= least && number <= most;
}
