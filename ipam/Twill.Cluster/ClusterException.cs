namespace Twill.Cluster;

/// <summary>Why the cluster's state does not let a node do what it wants.</summary>
public enum ClusterErrorKind
{
    /// <summary>This node's configuration contradicts the one in etcd.</summary>
    ConfigMismatch,

    /// <summary>The configuration (in etcd, or wanted) makes no sense.</summary>
    ConfigInvalid,

    /// <summary>Every subnet of the network is leased.</summary>
    NetworkFull,

    /// <summary>Too many lost races in a row; trying again later may do.</summary>
    Contended,

    /// <summary>Another host has this one's node id, as a copy of its disk has.</summary>
    IdentityConflict,
}

/// <summary>etcd works, but what it holds forbids the request. The message is a whole sentence with keys and values.</summary>
/// <param name="kind">What a caller decides by.</param>
/// <param name="message">The whole sentence.</param>
public sealed class ClusterException(ClusterErrorKind kind, string message) : Exception(message)
{
    /// <summary>What a caller decides by.</summary>
    public ClusterErrorKind Kind { get; } = kind;

    /// <summary>True when the same call may succeed later without this node's configuration changing.</summary>
    public bool IsTransient => Kind is ClusterErrorKind.NetworkFull or ClusterErrorKind.Contended;
}
