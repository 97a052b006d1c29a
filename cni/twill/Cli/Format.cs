using System.Globalization;
using System.Text.Json;

namespace Twill.Plugin.Cli;

/// <summary>Numbers and lists as people read them, and the optional values of JSON.</summary>
internal static class Format
{
    /// <summary>A length of time: <c>42 s</c>, <c>5 min</c>, <c>3 h 12 min</c>, <c>2 d 3 h</c>.</summary>
    public static string Time(double seconds)
    {
        long whole = (long)Math.Max(0, Math.Floor(seconds));
        (long days, long hours, long minutes) = (whole / 86_400, whole / 3600 % 24, whole / 60 % 60);
        return whole < 120 ? $"{whole} s"
            : whole < 3600 ? $"{minutes} min"
            : days == 0 ? $"{hours} h {minutes} min"
            : $"{days} d {hours} h";
    }

    /// <summary><c>1 peer</c>, <c>2 peers</c>, <c>0 addresses</c>.</summary>
    /// <param name="number">How many.</param>
    /// <param name="one">What one is called.</param>
    /// <param name="many">What more or none are called; null: as English has it.</param>
    public static string Count(int number, string one, string? many = null) => $"{number} {(number == 1 ? one : many ?? Plural(one))}";

    private static string Plural(string one) => one + (one[^1] is 's' or 'x' || one[^2..] is "ch" or "sh" ? "es" : "s");

    /// <summary>The first few of a list, and how many more there are.</summary>
    public static string Few(IReadOnlyList<string> items, int most = 3)
    {
        List<string> shown = [];
        for (int i = 0; i < items.Count && i < most; i++)
        {
            shown.Add(items[i]);
        }

        return string.Join(", ", shown) + (items.Count > most ? $" and {items.Count - most} more" : "");
    }

    public static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>etcd's lease ids as etcdctl writes them.</summary>
    public static string LeaseId(long id) => id.ToString("x16", CultureInfo.InvariantCulture);

    public static void WriteOptional(this Utf8JsonWriter w, string key, string? value)
    {
        if (value is null)
        {
            w.WriteNull(key);
        }
        else
        {
            w.WriteString(key, value);
        }
    }

    /// <summary>Seconds, to the millisecond.</summary>
    public static void WriteSeconds(this Utf8JsonWriter w, string key, double? value)
    {
        if (value is double seconds && double.IsFinite(seconds))
        {
            w.WriteNumber(key, Math.Round(seconds, 3));
        }
        else
        {
            w.WriteNull(key);
        }
    }

    public static void WriteOptional(this Utf8JsonWriter w, string key, long? value)
    {
        if (value is long number)
        {
            w.WriteNumber(key, number);
        }
        else
        {
            w.WriteNull(key);
        }
    }

    public static void WriteList(this Utf8JsonWriter w, string key, IReadOnlyList<string> values)
    {
        w.WriteStartArray(key);
        foreach (string value in values)
        {
            w.WriteStringValue(value);
        }

        w.WriteEndArray();
    }
}
