namespace Twill.Linux.Links;

internal enum IFLA : ushort // linux/if_link.h, the attributes of a link
{
    ADDRESS = 1,
    IFNAME = 3,
    MTU = 4,
    LINK = 5,
    MASTER = 10,
    PROTINFO = 12,
    LINKINFO = 18,
    IFALIAS = 20,
    AF_SPEC = 26,
    GROUP = 27,
    NET_NS_FD = 28,
    EXT_MASK = 29,
    LINK_NETNSID = 37,
    ALT_IFNAME = 53,
}

internal enum IFLA_INFO : ushort // inside IFLA_LINKINFO
{
    KIND = 1,
    DATA = 2,
    SLAVE_KIND = 4,
    SLAVE_DATA = 5,
}

internal enum IFLA_INET : ushort // inside IFLA_AF_SPEC, AF_INET
{
    CONF = 1, // the values of net.ipv4.conf.LINK, 32 bits each, in the order of IPV4_DEVCONF_*
}

internal enum IFLA_INET6 : ushort // inside IFLA_AF_SPEC, AF_INET6
{
    CONF = 2, // the values of net.ipv6.conf.LINK, 32 bits each, in the order of DEVCONF_*
}

internal enum VETH_INFO : ushort // linux/veth.h, inside IFLA_INFO_DATA of kind veth
{
    PEER = 1,
}

internal enum IFLA_VXLAN : ushort // inside IFLA_INFO_DATA of kind vxlan
{
    ID = 1,
    GROUP = 2,
    LINK = 3,
    LOCAL = 4,
    TTL = 5,
    LEARNING = 7,
    PORT = 15, // big endian
    GROUP6 = 16,
    LOCAL6 = 17,
    UDP_CSUM = 18,
    UDP_ZERO_CSUM6_TX = 19,
    UDP_ZERO_CSUM6_RX = 20,
    GBP = 23,
    COLLECT_METADATA = 25,
}

internal enum IFLA_BR : ushort // inside IFLA_INFO_DATA of kind bridge
{
    VLAN_FILTERING = 7,
    MCAST_SNOOPING = 23,
    VLAN_DEFAULT_PVID = 39,
}

internal enum IFLA_BRPORT : ushort // inside IFLA_INFO_SLAVE_DATA of slave kind bridge, and inside IFLA_PROTINFO
{
    MODE = 4, // hairpin
    LEARNING = 8,
    UNICAST_FLOOD = 9,
    NO = 18,
    MCAST_FLOOD = 27,
    NEIGH_SUPPRESS = 32,
    ISOLATED = 33,
}

[Flags]
internal enum RTEXT_FILTER : uint // linux/rtnetlink.h, in IFLA_EXT_MASK
{
    SKIP_STATS = 8,
}
