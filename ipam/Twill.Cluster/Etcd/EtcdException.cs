namespace Twill.Cluster;

/// <summary>A call to etcd failed: what was asked, which endpoint, why, what to do. Never holds a password or token.</summary>
/// <param name="kind">What a caller decides by.</param>
/// <param name="endpoint">The endpoint that was asked, or "" when none was.</param>
/// <param name="message">The whole sentence.</param>
/// <param name="cause">The exception below, if any.</param>
public sealed class EtcdException(EtcdErrorKind kind, string endpoint, string message, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>What a caller decides by.</summary>
    public EtcdErrorKind Kind { get; } = kind;

    /// <summary>The endpoint that was asked, or "" when none was.</summary>
    public string Endpoint { get; } = endpoint;

    /// <summary>True when the same call may succeed later without anybody changing anything.</summary>
    public bool IsTransient => Kind is EtcdErrorKind.Unreachable or EtcdErrorKind.Timeout or EtcdErrorKind.Compacted;

    /// <summary>True when the request certainly did not reach etcd's store, so that even a write may be sent elsewhere.</summary>
    internal bool NotCarriedOut { get; init; }
}
