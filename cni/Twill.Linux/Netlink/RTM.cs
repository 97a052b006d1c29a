namespace Twill.Linux.Netlink;

/// <summary>Message types of rtnetlink, linux/rtnetlink.h.</summary>
internal static class RTM
{
    internal const ushort NEWLINK = 16,
        DELLINK = 17,
        GETLINK = 18,
        SETLINK = 19;
    internal const ushort NEWADDR = 20,
        DELADDR = 21,
        GETADDR = 22;
    internal const ushort NEWROUTE = 24,
        DELROUTE = 25,
        GETROUTE = 26;
    internal const ushort NEWNEIGH = 28,
        DELNEIGH = 29,
        GETNEIGH = 30;
    internal const ushort NEWRULE = 32,
        DELRULE = 33,
        GETRULE = 34;
    internal const ushort NEWQDISC = 36,
        DELQDISC = 37,
        GETQDISC = 38;
    internal const ushort NEWTFILTER = 44,
        GETTFILTER = 46;
    internal const ushort NEWMULTICAST = 56,
        GETMULTICAST = 58;
    internal const ushort NEWNETCONF = 80,
        DELNETCONF = 81;
    internal const ushort NEWNEXTHOP = 104,
        DELNEXTHOP = 105,
        GETNEXTHOP = 106;
}

/// <summary>The fixed header of messages about net.ipv4.conf, linux/netconf.h: struct netconfmsg, padded to 4 bytes.</summary>
internal struct NetconfMsg
{
    internal const ushort IfIndex = 1; // NETCONFA_IFINDEX; -1 for all, -2 for the default

    internal byte Family; // ncm_family
    internal byte Pad1;
    internal ushort Pad2;
}
