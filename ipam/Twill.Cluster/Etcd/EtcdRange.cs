namespace Twill.Cluster;

/// <summary>One key, or all keys with a prefix: etcd's <c>key</c> and <c>range_end</c>.</summary>
public readonly record struct EtcdRange
{
    private EtcdRange(string key, bool isPrefix) => (Key, IsPrefix) = (key, isPrefix);

    /// <summary>The key or the prefix.</summary>
    public string Key { get; }

    /// <summary>True when all keys that start with <see cref="Key"/> are meant.</summary>
    public bool IsPrefix { get; }

    /// <summary>The store's revision to read at, of its history; 0: now.</summary>
    public long AtRevision { get; init; }

    /// <summary>Only keys that came to be after this revision; 0: all.</summary>
    public long CreatedAfter { get; init; }

    /// <summary>This one key.</summary>
    public static EtcdRange Of(string key) => new(key, false);

    /// <summary>All keys that start with this text, which must not be empty.</summary>
    public static EtcdRange Prefix(string prefix) => new(prefix, true);
}
