namespace Twill.Linux;

/// <summary>What a <see cref="NetlinkMonitor"/> subscribes to: RTMGRP_* of linux/rtnetlink.h, and nftables.</summary>
[Flags]
public enum MonitorGroups : ulong
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>RTMGRP_LINK: links made, changed, deleted.</summary>
    Links = 0x1,

    /// <summary>RTMGRP_NEIGH: neighbours and FDB entries.</summary>
    Neighbours = 0x4,

    /// <summary>RTMGRP_IPV4_IFADDR: IPv4 addresses.</summary>
    IPv4Addresses = 0x10,

    /// <summary>RTMGRP_IPV4_ROUTE: IPv4 routes.</summary>
    IPv4Routes = 0x40,

    /// <summary>RTMGRP_IPV6_IFADDR: IPv6 addresses.</summary>
    IPv6Addresses = 0x100,

    /// <summary>RTMGRP_IPV6_ROUTE: IPv6 routes.</summary>
    IPv6Routes = 0x400,

    /// <summary>RTNLGRP_IPV4_NETCONF: net.ipv4.ip_forward and the forwarding, rp_filter, .. of interfaces.</summary>
    IPv4Settings = 1 << 23,

    /// <summary>RTNLGRP_IPV6_NETCONF: net.ipv6.conf.all.forwarding and the forwarding of interfaces.</summary>
    IPv6Settings = 1 << 24,

    /// <summary>RTNLGRP_NEXTHOP: nexthop objects, but not those that go with their link. Kernels before Linux 5.3 have nothing to tell
    /// there.</summary>
    Nexthops = 1ul << 31,

    /// <summary>NFNLGRP_NFTABLES, of another netlink family: what <c>nft monitor</c> shows. The bits below it are rtnetlink's.</summary>
    Nftables = 1ul << 32,

    /// <summary>All of these.</summary>
    All =
        Links
        | Neighbours
        | IPv4Addresses
        | IPv4Routes
        | IPv6Addresses
        | IPv6Routes
        | IPv4Settings
        | IPv6Settings
        | Nexthops
        | Nftables,
}
