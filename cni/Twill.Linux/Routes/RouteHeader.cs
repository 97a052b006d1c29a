using System.Runtime.InteropServices;

namespace Twill.Linux.Routes;

[StructLayout(LayoutKind.Sequential)]
internal struct RtMsg // struct rtmsg
{
    internal byte Family; // rtm_family
    internal byte DestinationLength; // rtm_dst_len
    internal byte SourceLength; // rtm_src_len
    internal byte Tos; // rtm_tos
    internal byte Table; // rtm_table: 0 when RTA_TABLE has it
    internal byte Protocol; // rtm_protocol
    internal byte Scope; // rtm_scope
    internal byte Type; // rtm_type
    internal uint Flags; // rtm_flags
}

[StructLayout(LayoutKind.Sequential)]
internal struct RtNexthop // struct rtnexthop
{
    internal ushort Length; // rtnh_len
    internal byte Flags; // rtnh_flags
    internal byte Hops; // rtnh_hops: weight less 1
    internal int Index; // rtnh_ifindex
}

internal enum RTA : ushort // linux/rtnetlink.h
{
    DST = 1,
    SRC = 2,
    IIF = 3,
    OIF = 4,
    GATEWAY = 5,
    PRIORITY = 6,
    PREFSRC = 7,
    METRICS = 8,
    MULTIPATH = 9,
    TABLE = 15,
    VIA = 18,
    IP_PROTO = 27,
    DPORT = 29,
    NH_ID = 30,
}

internal enum RTAX : ushort // inside RTA_METRICS
{
    MTU = 2,
    ADVMSS = 8,
}
