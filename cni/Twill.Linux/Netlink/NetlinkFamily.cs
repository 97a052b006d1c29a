namespace Twill.Linux.Netlink;

/// <summary>What a netlink socket talks to, NETLINK_* of linux/netlink.h.</summary>
public enum NetlinkFamily
{
    /// <summary>NETLINK_ROUTE: links, addresses, routes, neighbours.</summary>
    Route = 0,

    /// <summary>NETLINK_NETFILTER: nf_tables and conntrack.</summary>
    Netfilter = 12,

    /// <summary>NETLINK_GENERIC: families that get their number when they are loaded; wireguard.</summary>
    Generic = 16,
}
