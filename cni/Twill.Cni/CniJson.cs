using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Twill.Cni;

/// <summary>JSON in and out of the process: strict when reading, with messages of our own; plain when writing.</summary>
internal static class CniJson
{
    /// <summary>Levels of nesting: JsonDocument's own bound.</summary>
    private const int MaxDepth = 64;

    private static readonly JsonWriterOptions Plain = new() { Encoder = PlainJsonEncoder.Instance };

    private static readonly JsonWriterOptions Indented = new() { Encoder = PlainJsonEncoder.Instance, Indented = true };

    internal static byte[] Write(Action<Utf8JsonWriter> content, bool indented = false)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(buffer, indented ? Indented : Plain))
        {
            content(writer);
        }

        buffer.Write("\n"u8);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>The same piece by piece, as it is written.</summary>
    internal static void Write(IBufferWriter<byte> to, Action<Utf8JsonWriter> content)
    {
        using (var writer = new Utf8JsonWriter(to, Plain))
        {
            content(writer);
        }

        to.Write("\n"u8);
    }

    /// <summary>Reads one JSON object and nothing else. False: <paramref name="fault"/> says what is wrong and where.</summary>
    internal static bool TryParse(ReadOnlyMemory<byte> json, out JsonElement root, out string fault)
    {
        root = default;
        fault = "";
        if (json.Span.Trim(" \t\r\n"u8).IsEmpty)
        {
            fault = "it is empty, expected a JSON object";
        }
        else if (!Utf8.IsValid(json.Span))
        {
            fault = $"byte {ValidUtf8Length(json.Span)} is not valid UTF-8";
        }
        else if (!HasOnlyWholeCharacters(json.Span))
        {
            fault = "it has a \\u escape that is half of a character (an unpaired surrogate)";
        }

        if (fault.Length > 0)
        {
            return false;
        }

        try
        {
            root = JsonDocument.Parse(json).RootElement;
        }
        catch (JsonException e)
        {
            string place = $"at line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}";
            fault = IsTooDeep(json.Span) ? $"nested deeper than {MaxDepth} levels {place}" : $"not valid JSON {place}";
            return false;
        }
        if (root.ValueKind != JsonValueKind.Object)
        {
            fault = $"expected a JSON object, got {ConfigReader.Describe(root)}";
        }

        return fault.Length == 0;
    }

    private static bool IsTooDeep(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = MaxDepth * 2 });
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray && reader.CurrentDepth >= MaxDepth)
                {
                    return true;
                }
            }
        }
        catch (JsonException)
        {
            // Broken before it gets too deep: not valid, then.
        }
        return false;
    }

    private static int ValidUtf8Length(ReadOnlySpan<byte> bytes)
    {
        int at = 0;
        while (at < bytes.Length && Rune.DecodeFromUtf8(bytes[at..], out _, out int consumed) == OperationStatus.Done)
        {
            at += consumed;
        }

        return at;
    }

    /// <summary>JsonDocument accepts unpaired surrogate escapes and throws when such a string is read. Found here instead, once.</summary>
    private static bool HasOnlyWholeCharacters(ReadOnlySpan<byte> json)
    {
        if (json.IndexOf("\\ud"u8) < 0 && json.IndexOf("\\uD"u8) < 0)
        {
            return true;
        }

        var reader = new Utf8JsonReader(json);
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped)
                {
                    _ = reader.GetString();
                }
            }
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
        catch (JsonException)
        {
            return true; // broken in another way: the parser says where
        }
    }
}
