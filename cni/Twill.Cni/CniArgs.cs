namespace Twill.Cni;

/// <summary>CNI_ARGS: <c>KEY=VALUE;KEY=VALUE</c>, in any order.</summary>
public sealed class CniArgs
{
    private readonly List<KeyValuePair<string, string>> _pairs;

    private CniArgs(List<KeyValuePair<string, string>> pairs) => _pairs = pairs;

    /// <summary>No arguments.</summary>
    public static CniArgs None { get; } = new([]);

    /// <summary>The pairs in the order given.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Pairs => _pairs;

    /// <summary>Whether the runtime allows arguments that the plugin does not know (<c>IgnoreUnknown=1</c> or <c>true</c>).</summary>
    public bool IgnoreUnknown =>
        this["IgnoreUnknown"] is { } value && (value == "1" || value.Equals("true", StringComparison.OrdinalIgnoreCase));

    /// <summary>The value of a key; the last one when it is given more than once, null when it is not given.</summary>
    public string? this[string key]
    {
        get
        {
            for (int i = _pairs.Count - 1; i >= 0; i--)
            {
                if (_pairs[i].Key == key)
                {
                    return _pairs[i].Value;
                }
            }
            return null;
        }
    }

    /// <summary>Reads the variable; on a pair without '=' or without a key, <paramref name="fault"/> says which.</summary>
    public static bool TryParse(string text, out CniArgs args, out string? fault)
    {
        var pairs = new List<KeyValuePair<string, string>>();
        args = new CniArgs(pairs);
        fault = null;
        foreach (string pair in text.Split(';'))
        {
            if (pair.Length == 0)
            {
                continue;
            }

            int equals = pair.IndexOf('=');
            if (equals <= 0)
            {
                fault = $"expected KEY=VALUE;KEY=VALUE, found '{pair}'";
                return false;
            }
            pairs.Add(new(pair[..equals], pair[(equals + 1)..]));
        }
        return true;
    }

    /// <summary>Refuses arguments outside <paramref name="known"/>, unless the runtime said IgnoreUnknown.</summary>
    /// <exception cref="CniException">code 4, naming CNI_ARGS and the key</exception>
    public void RefuseUnknown(params ReadOnlySpan<string> known)
    {
        if (IgnoreUnknown)
        {
            return;
        }

        foreach ((string key, string value) in _pairs)
        {
            if (key != "IgnoreUnknown" && known.IndexOf(key) < 0)
            {
                throw new CniException(
                    CniErrorCode.InvalidEnvironment,
                    "invalid environment variables: CNI_ARGS",
                    $"CNI_ARGS: unknown argument {key}={value}; known: {string.Join(", ", known!)}; IgnoreUnknown=1 allows others"
                );
            }
        }
    }
}
