using System.Buffers;
using System.Globalization;
using System.Text;

namespace Twill.Linux.Netlink;

/// <summary>Puts a shell command together, word by word. What is absent (null, 0, false) adds nothing.</summary>
/// <param name="start">The first words, as they are.</param>
public sealed class CommandText(string start)
{
    private static readonly SearchValues<char> s_plain = SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:,/@+=%"
    );

    private readonly StringBuilder _text = new(start);

    /// <summary>Adds words as they are.</summary>
    public CommandText Add(string words)
    {
        _text.Append(' ').Append(words);
        return this;
    }

    /// <summary>Adds words as they are, or nothing.</summary>
    public CommandText AddIf(bool condition, string words) => condition ? Add(words) : this;

    /// <summary>Adds a keyword and its value, quoted where the shell needs it; nothing without a value.</summary>
    public CommandText Add(string keyword, string? value) => value is null ? this : Add(keyword).Add(Quote(value));

    /// <summary>Adds a keyword and the value's text; nothing without a value.</summary>
    public CommandText Add(string keyword, object? value) => Add(keyword, value?.ToString());

    /// <summary>Adds a keyword and a number; nothing when that is 0.</summary>
    public CommandText Add(string keyword, long number) => number == 0 ? this : AddNumber(keyword, number);

    /// <summary>Adds a keyword and a number, also 0.</summary>
    public CommandText AddNumber(string keyword, long number) => Add(keyword).Add(number.ToString(CultureInfo.InvariantCulture));

    /// <summary>Adds a keyword and one of two words; nothing without a value.</summary>
    public CommandText AddSwitch(string keyword, bool? value, string yes = "on", string no = "off") =>
        value is { } set ? Add(keyword).Add(set ? yes : no) : this;

    /// <summary>The command.</summary>
    public override string ToString() => _text.ToString();

    /// <summary>A word as a shell reads it back: in single quotes where it has to be.</summary>
    public static string Quote(string word) =>
        word.Length > 0 && !word.AsSpan().ContainsAnyExcept(s_plain) ? word : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
