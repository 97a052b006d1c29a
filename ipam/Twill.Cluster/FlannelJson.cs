using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Twill.Cluster;

/// <summary>Writes JSON byte for byte as Go's encoder does: no white space, and of printable characters only <c>" \ &lt; &gt; &amp;</c>
/// escaped (base64's <c>+</c> and <c>/</c> stay as they are, which .NET's default would not do).</summary>
internal static class FlannelJson
{
    public static byte[] Object(Action<Utf8JsonWriter> fields)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var w = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            w.WriteStartObject();
            fields(w);
            w.WriteEndObject();
        }
        return EscapeHtml(buffer.WrittenSpan);
    }

    public static string Compact(JsonElement element)
    {
        var buffer = new ArrayBufferWriter<byte>(128);
        using (var w = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            element.WriteTo(w);
        }

        return Encoding.UTF8.GetString(EscapeHtml(buffer.WrittenSpan));
    }

    /// <summary>These characters occur in JSON inside strings only, so they can be replaced wherever they stand.</summary>
    private static byte[] EscapeHtml(ReadOnlySpan<byte> json)
    {
        if (json.IndexOfAny("<>&"u8) < 0)
        {
            return json.ToArray();
        }

        var escaped = new ArrayBufferWriter<byte>(json.Length + 16);
        foreach (byte b in json)
        {
            if (b == '<')
            {
                escaped.Write("\\u003c"u8);
            }
            else if (b == '>')
            {
                escaped.Write("\\u003e"u8);
            }
            else if (b == '&')
            {
                escaped.Write("\\u0026"u8);
            }
            else
            {
                escaped.Write([b]);
            }
        }
        return escaped.WrittenSpan.ToArray();
    }
}
