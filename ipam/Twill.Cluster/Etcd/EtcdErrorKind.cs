namespace Twill.Cluster;

/// <summary>What went wrong with a call to etcd: what a caller decides by.</summary>
public enum EtcdErrorKind
{
    /// <summary>No connection, or it broke, or etcd says it is not available (no leader, stopping). Transient.</summary>
    Unreachable,

    /// <summary>No answer within the time limit. The request may have been carried out. Transient.</summary>
    Timeout,

    /// <summary>A file or URL in the options is missing or unusable; no call was made.</summary>
    Configuration,

    /// <summary>The TLS handshake failed: certificate not trusted, wrong host name, client certificate wanted.</summary>
    Tls,

    /// <summary>User or password missing or wrong.</summary>
    Unauthorized,

    /// <summary>The user may not do this.</summary>
    Denied,

    /// <summary>etcd refused the request for another reason, told in the message.</summary>
    Refused,

    /// <summary>etcd's database is over its quota: reads work, writes do not until an operator acts.</summary>
    NoSpace,

    /// <summary>The revision asked for has been compacted away: list again.</summary>
    Compacted,

    /// <summary>The etcd lease does not exist (any more).</summary>
    LeaseNotFound,

    /// <summary>What answered does not speak etcd's v3 API, or not intelligibly.</summary>
    Protocol,
}
