using System.Buffers;
using System.Globalization;
using System.Text.Json;

namespace Twill.Cluster;

/// <summary>How the gateway writes protobuf as JSON: snake_case fields, 64-bit numbers as strings, bytes as base64, zero values left
/// out.</summary>
internal static class EtcdJson
{
    public static byte[] Body(Action<Utf8JsonWriter> fields)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var w = new Utf8JsonWriter(buffer))
        {
            w.WriteStartObject();
            fields(w);
            w.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }

    public static void Write(Utf8JsonWriter w, string field, long value) =>
        w.WriteString(field, value.ToString(CultureInfo.InvariantCulture));
}

/// <summary>Reads one JSON object of an answer. A missing field is the zero value, as protobuf's JSON leaves those out; a field of another
/// type is not etcd and is thrown as <see cref="FormatException"/>, which the transport turns into an
/// <see cref="EtcdException"/>.</summary>
internal readonly struct EtcdReply(JsonElement element)
{
    public EtcdReply Object(string name) =>
        Find(name, out JsonElement e)
            ? e.ValueKind == JsonValueKind.Object
                ? new EtcdReply(e)
                : throw Wrong(name, "an object", e)
            : default;

    public bool Has(string name) => Find(name, out _);

    public long Int64(string name)
    {
        if (!Find(name, out JsonElement e))
        {
            return 0;
        }

        if (
            e.ValueKind == JsonValueKind.String
            && long.TryParse(e.GetString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value)
        )
        {
            return value;
        }

        if (e.ValueKind == JsonValueKind.Number && e.TryGetInt64(out value))
        {
            return value;
        }

        throw Wrong(name, "a 64-bit number", e);
    }

    public string Text(string name) =>
        !Find(name, out JsonElement e) ? ""
        : e.ValueKind == JsonValueKind.String ? e.GetString()!
        : throw Wrong(name, "a string", e);

    public byte[] Bytes(string name)
    {
        if (!Find(name, out JsonElement e))
        {
            return [];
        }

        return e.ValueKind == JsonValueKind.String && e.TryGetBytesFromBase64(out byte[]? value) ? value : throw Wrong(name, "base64", e);
    }

    public bool Bool(string name)
    {
        if (!Find(name, out JsonElement e))
        {
            return false;
        }

        return e.ValueKind is JsonValueKind.True or JsonValueKind.False ? e.GetBoolean() : throw Wrong(name, "true or false", e);
    }

    public List<EtcdReply> Items(string name)
    {
        List<EtcdReply> items = [];
        if (!Find(name, out JsonElement array))
        {
            return items;
        }

        if (array.ValueKind != JsonValueKind.Array)
        {
            throw Wrong(name, "an array", array);
        }

        foreach (JsonElement item in array.EnumerateArray())
        {
            items.Add(item.ValueKind == JsonValueKind.Object ? new EtcdReply(item) : throw Wrong(name, "an array of objects", item));
        }

        return items;
    }

    private bool Find(string name, out JsonElement found)
    {
        found = default;
        return element.ValueKind == JsonValueKind.Object
            && element.TryGetProperty(name, out found)
            && found.ValueKind != JsonValueKind.Null;
    }

    private static FormatException Wrong(string name, string expected, JsonElement got) =>
        new($"'{name}' should be {expected} and is {got.ValueKind}");
}
