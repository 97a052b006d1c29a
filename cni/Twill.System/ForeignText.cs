using System.Globalization;
using System.Text;

namespace Twill.System;

/// <summary>Text that others wrote (a key in etcd, a file, what came over the wire), for a message: short, and on one line.</summary>
public static class ForeignText
{
    /// <summary>Characters of a text that are shown.</summary>
    public const int Longest = 200;

    /// <summary>The text with its control characters escaped, cut to a length. One that needs neither is returned as it is.</summary>
    /// <param name="text">The text.</param>
    /// <param name="longest">The most characters of it that are shown; <c>...</c> follows where there are more.</param>
    public static string Shown(string text, int longest = Longest)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length <= longest && IsPlain(text))
        {
            return text;
        }

        StringBuilder shown = new(Math.Min(text.Length, longest) + 8);
        int end = Math.Min(text.Length, longest);
        for (int i = 0; i < end; i++)
        {
            if (i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]))
            {
                shown.Append(text, i, 2);
                i++;
            }
            else if (IsPlain(text[i]))
            {
                shown.Append(text[i]);
            }
            else
            {
                shown.Append(CultureInfo.InvariantCulture, $"\\u{(int)text[i]:x4}");
            }
        }

        return text.Length <= longest ? shown.ToString() : shown.Append("...").ToString();
    }

    private static bool IsPlain(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]))
            {
                i++;
            }
            else if (!IsPlain(text[i]))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Whether a character is no control character of a terminal, ends no line, and turns no text round.</summary>
    private static bool IsPlain(char c) =>
        !char.IsControl(c)
        && !char.IsSurrogate(c)
        && c is not ('\u2028' or '\u2029' or (>= '\u202a' and <= '\u202e') or (>= '\u2066' and <= '\u2069'));
}
