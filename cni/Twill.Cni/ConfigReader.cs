using System.Text.Json;

namespace Twill.Cni;

/// <summary>
/// A place in a JSON document that knows its path. Reading what is absent (or null) gives the fallback; reading what has the wrong
/// form is a complaint that names path, expectation and value: <c>$.backend.vni: expected a whole number from 1 to 16777215, got '0'</c>.
/// A complaint is thrown as a <see cref="CniException"/>; below <see cref="Lenient"/> it is noted instead and the fallback is used.
/// </summary>
public sealed partial class ConfigReader
{
    /// <summary>More than any list here can mean: an input of many megabytes must not become gigabytes of memory.</summary>
    private const int MaxItems = 100_000;

    private readonly JsonElement _value;
    private readonly Rules _rules;

    private ConfigReader(JsonElement value, string path, Rules rules) => (_value, Path, _rules) = (value, path, rules);

    /// <summary>A reader for a whole document.</summary>
    /// <param name="root">the document</param>
    /// <param name="path">how complaints call it</param>
    /// <param name="code">the code of its complaints</param>
    /// <param name="msg">the short message of its complaints</param>
    public ConfigReader(
        JsonElement root,
        string path = "$",
        CniErrorCode code = CniErrorCode.InvalidNetworkConfig,
        string msg = "invalid network configuration"
    )
        : this(root, path, new Rules(code, msg, null, false)) { }

    /// <summary>Where this is, as in <c>$.ipam.etcd.endpoints[0]</c>.</summary>
    public string Path { get; }

    /// <summary>The JSON itself; Undefined when absent.</summary>
    public JsonElement Value => _value;

    /// <summary>Whether there is a value: neither absent nor null.</summary>
    public bool Exists => _value.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null);

    /// <summary>Whether there is a value that says something: an empty string stands for "not set".</summary>
    public bool IsSet => Exists && !(_value.ValueKind == JsonValueKind.String && _value.ValueEquals(""));

    /// <summary>The same place, but complaints are collected in <paramref name="complaints"/> and fallbacks used: for DEL.</summary>
    public ConfigReader Lenient(List<string> complaints) => new(_value, Path, _rules with { Complaints = complaints });

    /// <summary>The same place, but keys match without regard to case: runtimes capitalise what is in runtimeConfig.</summary>
    public ConfigReader IgnoringCase() => new(_value, Path, _rules with { IgnoreCase = true });

    /// <summary>A member; it need not exist.</summary>
    public ConfigReader this[string key]
    {
        get
        {
            JsonElement found = default;
            if (_value.ValueKind == JsonValueKind.Object && !_value.TryGetProperty(key, out found) && _rules.IgnoreCase)
            {
                foreach (JsonProperty member in _value.EnumerateObject())
                {
                    if (string.Equals(member.Name, key, StringComparison.OrdinalIgnoreCase))
                    {
                        found = member.Value;
                    }
                }
            }
            return new ConfigReader(found, Path + Step(key), _rules);
        }
    }

    /// <summary>A string; null when absent or empty (configurations write "" for "not set").</summary>
    public string? OptionalString()
    {
        if (!Exists)
        {
            return null;
        }

        if (_value.ValueKind != JsonValueKind.String)
        {
            return Complain<string?>("a string", null);
        }

        string text = _value.GetString()!;
        return text.Length == 0 ? null : text;
    }

    /// <summary>A string that must be there and not empty.</summary>
    /// <param name="expectation">what it should be, for the complaint</param>
    public string RequiredString(string expectation) =>
        Exists && _value.ValueKind != JsonValueKind.String ? Complain(expectation, "") : OptionalString() ?? Complain(expectation, "");

    /// <summary>A whole number within bounds, both inclusive.</summary>
    public int Int(int fallback, int min, int max) => (int)Long(fallback, min, max);

    /// <summary>A whole number within bounds, both inclusive.</summary>
    public long Long(long fallback, long min, long max)
    {
        if (!Exists)
        {
            return fallback;
        }

        if (_value.ValueKind == JsonValueKind.Number && _value.TryGetInt64(out long number) && number >= min && number <= max)
        {
            return number;
        }

        return Complain(
            max is int.MaxValue or long.MaxValue && min == 0 ? "a whole number, not negative" : $"a whole number from {min} to {max}",
            fallback
        );
    }

    /// <summary>true or false.</summary>
    public bool Bool(bool fallback)
    {
        if (!Exists)
        {
            return fallback;
        }

        return _value.ValueKind is JsonValueKind.True or JsonValueKind.False ? _value.GetBoolean() : Complain("true or false", fallback);
    }

    /// <summary>The elements of a list; none when absent. An element that is null is a complaint.</summary>
    public IReadOnlyList<ConfigReader> Items()
    {
        if (!Exists)
        {
            return [];
        }

        if (_value.ValueKind != JsonValueKind.Array)
        {
            return Complain<IReadOnlyList<ConfigReader>>("a list", []);
        }

        if (_value.GetArrayLength() > MaxItems)
        {
            return Complain<IReadOnlyList<ConfigReader>>($"a list of at most {MaxItems} elements", []);
        }

        var items = new List<ConfigReader>(_value.GetArrayLength());
        foreach (JsonElement element in _value.EnumerateArray())
        {
            var item = new ConfigReader(element, $"{Path}[{items.Count}]", _rules);
            if (item.Exists)
            {
                items.Add(item);
            }
            else
            {
                item.Complain("a value", false);
            }
        }
        return items;
    }

    /// <summary>A list of strings, none of them empty.</summary>
    public IReadOnlyList<string> StringList()
    {
        IReadOnlyList<ConfigReader> items = Items();
        if (items.Count == 0)
        {
            return [];
        }

        var texts = new List<string>(items.Count);
        foreach (ConfigReader item in items)
        {
            string text = item.RequiredString("a string that is not empty");
            if (text.Length > 0)
            {
                texts.Add(text);
            }
        }
        return texts;
    }

    /// <summary>An object whose unknown members are none of our business; null when absent.</summary>
    public ConfigReader? Object()
    {
        if (!Exists)
        {
            return null;
        }

        return _value.ValueKind == JsonValueKind.Object ? this : Complain<ConfigReader?>("an object", null);
    }

    /// <summary>An object of ours: a member that is not among <paramref name="known"/>, or is there twice, is a complaint.</summary>
    public ConfigReader? Section(params ReadOnlySpan<string> known)
    {
        if (Object() is null)
        {
            return null;
        }

        foreach (JsonProperty member in _value.EnumerateObject())
        {
            if (known.IndexOf(member.Name) < 0)
            {
                Member(member).ComplainUnsupported($"unknown key; known here: {string.Join(", ", known!)}");
            }
        }
        RefuseDuplicates();
        return this;
    }

    /// <summary>Complains about a member that is there twice: whoever reads the file would believe the other one.</summary>
    public void RefuseDuplicates()
    {
        if (_value.ValueKind != JsonValueKind.Object)
        {
            return;
        }

        var seen = new HashSet<string>();
        foreach (JsonProperty member in _value.EnumerateObject())
        {
            if (!seen.Add(member.Name))
            {
                Member(member).ComplainText("the key is there twice");
            }
        }
    }

    /// <summary>An absolute path without <c>.</c> or <c>..</c> in it; null when absent.</summary>
    public string? OptionalPath()
    {
        if (OptionalString() is not string path)
        {
            return null;
        }

        bool plain = path[0] == '/' && !path.Contains('\0');
        foreach (string part in path.Split('/'))
        {
            plain &= part is not ("." or "..");
        }

        if (!plain)
        {
            return Complain<string?>("an absolute path without '.' or '..'", null);
        }

        return path.Length > 1
            ? path.TrimEnd('/') is { Length: > 0 } trimmed
                ? trimmed
                : "/"
            : path;
    }

    /// <summary>Complains that the value here is not what was expected.</summary>
    /// <returns><paramref name="fallback"/>, when complaints are only noted</returns>
    public T Complain<T>(string expected, T fallback)
    {
        ComplainText($"expected {expected}, got {Describe(_value)}");
        return fallback;
    }

    /// <summary>Complains in words of the caller: <c>path: text</c>.</summary>
    public void ComplainText(string text) => Complain(text, _rules.Code, _rules.Msg);

    /// <summary>Complains that there is no such key, or not with this value. In a configuration that is an error of its own (SPEC
    /// section 5, code 2), which names both; the value of a password is not repeated.</summary>
    public void ComplainUnsupported(string text)
    {
        if (_rules.Code != CniErrorCode.InvalidNetworkConfig)
        {
            ComplainText(text);
            return;
        }

        string value = Path.Contains("password", StringComparison.OrdinalIgnoreCase) ? "not shown" : Describe(_value);
        Complain(text, CniErrorCode.UnsupportedField, $"unsupported field in the network configuration: {Path}, value {value}");
    }

    private void Complain(string text, CniErrorCode code, string msg)
    {
        string complaint = $"{Path}: {text}";
        if (_rules.Complaints is null)
        {
            throw new CniException(code, msg, complaint);
        }

        _rules.Complaints.Add(complaint);
    }

    /// <summary>A value in a sentence, cut when long: <c>'10.1.0.0/33'</c>, <c>a list</c>, <c>nothing</c>.</summary>
    internal static string Describe(JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Undefined:
                return "nothing";
            case JsonValueKind.Null:
                return "null";
            case JsonValueKind.Object:
                return "an object";
            case JsonValueKind.Array:
                return "a list";
            default:
                string raw = value.GetRawText();
                if (value.ValueKind == JsonValueKind.String)
                {
                    raw = raw[1..^1];
                }

                return $"'{Shorten(WithoutUser(raw), 100)}'";
        }
    }

    internal static string Shorten(string text, int length)
    {
        if (text.Length <= length)
        {
            return text;
        }

        return text[..(char.IsHighSurrogate(text[length - 1]) ? length - 1 : length)] + "...";
    }

    /// <summary>A URL may hold a password, wherever it was put by mistake; a message must not.</summary>
    private static string WithoutUser(string text)
    {
        int user = text.IndexOf("//", StringComparison.Ordinal) + 2,
            at = text.LastIndexOf('@');
        return user >= 2 && at > user ? $"{text[..user]}***{text[at..]}" : text;
    }

    private ConfigReader Member(JsonProperty member) => new(member.Value, Path + Step(member.Name), _rules);

    private static string Step(string key)
    {
        foreach (char c in key)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('_' or '-'))
            {
                return $"['{Shorten(key, 100)}']";
            }
        }
        return key.Length == 0 ? "['']" : "." + Shorten(key, 100);
    }

    private sealed record Rules(CniErrorCode Code, string Msg, List<string>? Complaints, bool IgnoreCase);
}
