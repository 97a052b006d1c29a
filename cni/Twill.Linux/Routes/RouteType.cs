namespace Twill.Linux.Routes;

/// <summary>What a route does with a packet, RTN_* of linux/rtnetlink.h.</summary>
public enum RouteType : byte
{
    /// <summary>RTN_UNSPEC; when a route is deleted: whichever type it has.</summary>
    Unspecified = 0,

    /// <summary>RTN_UNICAST: to the gateway or the interface.</summary>
    Unicast = 1,

    /// <summary>RTN_LOCAL: to this host.</summary>
    Local = 2,

    /// <summary>RTN_BROADCAST: to this host and, as broadcast, to the link.</summary>
    Broadcast = 3,

    /// <summary>RTN_ANYCAST.</summary>
    Anycast = 4,

    /// <summary>RTN_MULTICAST.</summary>
    Multicast = 5,

    /// <summary>RTN_BLACKHOLE: dropped without a word.</summary>
    Blackhole = 6,

    /// <summary>RTN_UNREACHABLE: refused, "host unreachable".</summary>
    Unreachable = 7,

    /// <summary>RTN_PROHIBIT: refused, "administratively prohibited".</summary>
    Prohibit = 8,

    /// <summary>RTN_THROW: look in the next table.</summary>
    Throw = 9,
}
