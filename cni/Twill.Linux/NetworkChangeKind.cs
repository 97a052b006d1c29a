namespace Twill.Linux;

/// <summary>What kind of object a <see cref="NetworkChange"/> is about.</summary>
public enum NetworkChangeKind
{
    /// <summary>Notifications were lost: anything may have changed.</summary>
    Everything,

    /// <summary>A link.</summary>
    Link,

    /// <summary>An address of an interface.</summary>
    Address,

    /// <summary>A route.</summary>
    Route,

    /// <summary>A nexthop object.</summary>
    Nexthop,

    /// <summary>A neighbour.</summary>
    Neighbour,

    /// <summary>An FDB entry.</summary>
    FdbEntry,

    /// <summary>Forwarding or another parameter of net.ipv4.conf or net.ipv6.conf: of an interface, or (index below 0) of all.</summary>
    Forwarding,

    /// <summary>A table of nftables, or something in one.</summary>
    Nftables,
}
