using System.Text.Json;

namespace Twill.Cluster;

/// <summary>Reads a JSON object as Go's decoder does: names without regard to case, the last of several wins, null means not given.
/// Complaints name the place, the value and what was expected.</summary>
internal readonly struct JsonFields(JsonElement element, string where)
{
    public static JsonFields Root(JsonDocument json, string where) =>
        json.RootElement.ValueKind == JsonValueKind.Object
            ? new JsonFields(json.RootElement, where)
            : throw new FormatException($"{where}: expected a JSON object, got {Shown(json.RootElement)}");

    /// <summary>What comes of text that is no JSON, of other JSON than expected, and (only when it is read) of a name or string that is not
    /// Unicode.</summary>
    public static bool IsUnreadable(Exception e) => e is JsonException or FormatException or InvalidOperationException;

    public bool Has(string name) => Find(name, out _);

    public JsonFields Object(string name) =>
        Find(name, out JsonElement e) && e.ValueKind == JsonValueKind.Object
            ? new JsonFields(e, $"{where}.{name}")
            : throw Wrong(name, "an object", e);

    public string? Text(string name)
    {
        if (!Find(name, out JsonElement e))
        {
            return null;
        }

        return e.ValueKind == JsonValueKind.String ? String(e) : throw Wrong(name, "a string", e);
    }

    public int? Int(string name, int least, int most)
    {
        if (!Find(name, out JsonElement e))
        {
            return null;
        }

        return e.ValueKind == JsonValueKind.Number && e.TryGetInt32(out int value) && value >= least && value <= most
            ? value
            : throw Wrong(name, $"a number from {least} to {most}", e);
    }

    public bool? Bool(string name)
    {
        if (!Find(name, out JsonElement e))
        {
            return null;
        }

        return e.ValueKind is JsonValueKind.True or JsonValueKind.False ? e.GetBoolean() : throw Wrong(name, "true or false", e);
    }

    /// <summary>The value as it stands, without white space around its parts; null when not given.</summary>
    public string? Raw(string name) => Find(name, out JsonElement e) ? FlannelJson.Compact(e) : null;

    /// <summary>32 secret bytes in base64; null when not given or empty. A complaint does not show them.</summary>
    public SecretText? Key(string name)
    {
        if (!Find(name, out JsonElement e))
        {
            return null;
        }

        Span<byte> key = stackalloc byte[32];
        string text = e.ValueKind == JsonValueKind.String ? String(e) : "?";
        return text == "" ? null
            : text.Length == 44 && Convert.TryFromBase64String(text, key, out int length) && length == key.Length ? new SecretText(text)
            : throw new FormatException($"{where}.{name}: expected a key of 32 bytes in base64, as `wg genpsk` makes it");
    }

    public List<string> Texts(string name)
    {
        List<string> texts = [];
        if (!Find(name, out JsonElement array))
        {
            return texts;
        }

        if (array.ValueKind != JsonValueKind.Array)
        {
            throw Wrong(name, "an array of strings", array);
        }

        foreach (JsonElement e in array.EnumerateArray())
        {
            texts.Add(e.ValueKind == JsonValueKind.String ? String(e) : throw Wrong(name, "an array of strings", e));
        }

        return texts;
    }

    public FormatException Wrong(string name, string expected, string got) =>
        new($"{where}.{name}: expected {expected}, got '{EtcdFault.Printable(got)}'");

    private FormatException Wrong(string name, string expected, JsonElement got) =>
        new($"{where}.{name}: expected {expected}, got {Shown(got)}");

    private static string Shown(JsonElement e) => e.ValueKind == JsonValueKind.Undefined ? "nothing" : EtcdFault.Printable(e.GetRawText());

    private static string String(JsonElement e)
    {
        try
        {
            return e.GetString()!;
        }
        catch (InvalidOperationException inner) // an escaped half of a surrogate pair
        {
            throw new FormatException($"a string is not valid Unicode: {Shown(e)}", inner);
        }
    }

    private bool Find(string name, out JsonElement found)
    {
        found = default;
        bool any = false;
        foreach (JsonProperty property in element.EnumerateObject())
        {
            if (!string.Equals(property.Name, name, StringComparison.OrdinalIgnoreCase))
            {
                continue;
            }

            found = property.Value;
            any = found.ValueKind != JsonValueKind.Null;
        }
        return any;
    }
}
