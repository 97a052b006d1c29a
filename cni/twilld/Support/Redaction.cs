using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Twill.Cni;

namespace Twill.Agent.Support;

/// <summary>Takes secrets out of what goes into an archive: those that this host is known to have, wherever they stand, and what looks like
/// one in configurations and URLs.</summary>
internal sealed partial class Redaction
{
    private const string Mask = "[left out]";

    // Less is no secret, and would be found in words that mean something else.
    private const int Shortest = 4;

    private readonly List<string> _secrets = [];

    /// <summary>A secret of this host: as it is, and as it is written in base64 and in hexadecimal digits.</summary>
    internal void Add(ReadOnlySpan<byte> secret)
    {
        string hex = Convert.ToHexString(secret);
        string[] texts = [Encoding.UTF8.GetString(secret).Trim(), Convert.ToBase64String(secret), hex, hex.ToLowerInvariant()];
        foreach (string text in texts)
        {
            if (text.Length >= Shortest)
            {
                _secrets.Add(text);
            }
        }
    }

    /// <summary>Any text.</summary>
    internal string Text(string text)
    {
        foreach (string secret in _secrets)
        {
            text = text.Replace(secret, Mask, StringComparison.Ordinal);
        }

        return UserInfo().Replace(text, $"$1{Mask}@");
    }

    /// <summary>A configuration in JSON: values of keys that are called like secrets are left out, whoever's they are.</summary>
    internal string Json(string text)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            return Text(Encoding.UTF8.GetString(CniJson.Write(w => Copy(w, document.RootElement), indented: true)));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return "not shown, because it is no JSON and may hold anything\n";
        }
    }

    private static void Copy(Utf8JsonWriter w, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                w.WriteStartObject();
                foreach (JsonProperty member in value.EnumerateObject())
                {
                    w.WritePropertyName(member.Name);
                    if (Secret().IsMatch(member.Name) && member.Value.ValueKind is not (JsonValueKind.True or JsonValueKind.False))
                    {
                        w.WriteStringValue(Mask);
                    }
                    else
                    {
                        Copy(w, member.Value);
                    }
                }

                w.WriteEndObject();
                break;
            case JsonValueKind.Array:
                w.WriteStartArray();
                foreach (JsonElement item in value.EnumerateArray())
                {
                    Copy(w, item);
                }

                w.WriteEndArray();
                break;
            default:
                value.WriteTo(w);
                break;
        }
    }

    /// <summary>Not the names of files, as <c>passwordFile</c>.</summary>
    [GeneratedRegex("(password|passwd|passphrase|secret|token|psk|credentials|key|auth)$", RegexOptions.IgnoreCase)]
    private static partial Regex Secret();

    [GeneratedRegex(@"([a-z][a-z0-9+.-]*://)[^/\s""@]+@", RegexOptions.IgnoreCase)]
    private static partial Regex UserInfo();
}
