using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Twill.Agent.Up;

/// <summary>JSON as people read it: indented, one document.</summary>
internal static class JsonText
{
    /// <summary>The document that <paramref name="content"/> writes, with a line's end.</summary>
    internal static string Of(Action<Utf8JsonWriter> content)
    {
        ArrayBufferWriter<byte> bytes = new();
        using (Utf8JsonWriter writer = new(bytes, new JsonWriterOptions { Indented = true }))
        {
            content(writer);
        }

        return Encoding.UTF8.GetString(bytes.WrittenSpan) + "\n";
    }
}
