using System.Text;
using System.Text.Json;

namespace Twill.Cni.Tests;

public sealed class PlainJsonEncoderTests
{
    [Fact]
    public void Every_character_reads_back_as_it_was_written()
    {
        for (int scalar = 0; scalar <= 0x10ffff; scalar++)
        {
            if (scalar is >= 0xd800 and <= 0xdfff)
            {
                continue;
            }

            string text = $"a{char.ConvertFromUtf32(scalar)}b";

            byte[] json = Write(text);

            if (JsonDocument.Parse(json).RootElement[0].GetString() != text)
            {
                Assert.Fail($"U+{scalar:X4} was written as {Encoding.UTF8.GetString(json)}");
            }
        }
    }

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("a\"b\\c", """a\"b\\c""")]
    [InlineData("\b\f\n\r\t", """\b\f\n\r\t""")]
    [InlineData("\0\u001f\u007f\u009b", "\\u0000\\u001F\\u007F\\u009B")]
    [InlineData("<ä/€/😀>", "<ä/€/😀>")]
    public void What_json_or_a_terminal_would_trip_over_is_escaped_and_nothing_else(string text, string written) =>
        Encoding.UTF8.GetString(Write(text)).Should().Be($"[\"{written}\"]");

    [Theory]
    [InlineData(0xd83d)]
    [InlineData(0xde00)]
    public void Half_a_character_becomes_the_replacement_character(int half) =>
        JsonDocument.Parse(Write($"a{(char)half}b")).RootElement[0].GetString().Should().Be("a\ufffdb");

    [Fact]
    public void Text_in_utf8_is_written_the_same()
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Encoder = PlainJsonEncoder.Instance }))
        {
            writer.WriteStringValue("ä\u001b[31m\"😀"u8);
        }

        Encoding.UTF8.GetString(stream.ToArray()).Should().Be("\"ä\\u001B[31m\\\"😀\"");
    }

    private static byte[] Write(string text)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Encoder = PlainJsonEncoder.Instance }))
        {
            writer.WriteStartArray();
            writer.WriteStringValue(text);
            writer.WriteEndArray();
        }
        return stream.ToArray();
    }
}
