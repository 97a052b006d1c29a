using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Twill.Plugin.Cli;

/// <summary>How a word looks.</summary>
internal enum Style
{
    Plain,
    Strong,
    Faint,
    Good,
    Warning,
    Bad,
}

/// <summary>What a command is going to say: collected, and written in one piece at its end.</summary>
internal sealed class ConsoleOutput(bool colours)
{
    private readonly ArrayBufferWriter<byte> _bytes = new(4096);

    public ReadOnlySpan<byte> Bytes => _bytes.WrittenSpan;

    public string Text => Encoding.UTF8.GetString(Bytes);

    /// <summary>A line, without blanks at its end.</summary>
    public void Line(string text = "")
    {
        Encoding.UTF8.GetBytes(text.AsSpan().TrimEnd(' '), _bytes);
        _bytes.Write("\n"u8);
    }

    /// <summary>The text in the tone's colour, where there are colours (ECMA-48, SGR).</summary>
    public string Paint(Style tone, string text) =>
        !colours || tone == Style.Plain || text.Length == 0 ? text : $"\e[{Code(tone)}m{text}\e[0m";

    /// <summary>One JSON document.</summary>
    public void Json(Action<Utf8JsonWriter> content)
    {
        using (
            Utf8JsonWriter writer = new(
                _bytes,
                new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }
            )
        )
        {
            content(writer);
        }

        _bytes.Write("\n"u8);
    }

    private static string Code(Style tone) =>
        tone switch
        {
            Style.Strong => "1",
            Style.Faint => "2",
            Style.Good => "32",
            Style.Warning => "33",
            _ => "31",
        };
}
