namespace Twill.Linux.Conntrack;

// The numbers of linux/netfilter/nfnetlink_conntrack.h under their kernel names, less the prefix that the enum carries.

/// <summary>enum cntl_msg_types, as nlmsg_type: the operation in the low byte, NFNL_SUBSYS_CTNETLINK (1) in the high byte.</summary>
internal enum IPCTNL_MSG : ushort
{
    CT_NEW = 0x0100,
    CT_GET = 0x0101,
    CT_DELETE = 0x0102,
}

internal enum CTA : ushort
{
    TUPLE_ORIG = 1,
    TUPLE_REPLY = 2,
    ID = 12,
    ZONE = 18,
    FILTER = 25, // Linux 5.8
}

internal enum CTA_TUPLE : ushort
{
    IP = 1,
    PROTO = 2,
}

internal enum CTA_IP : ushort
{
    V4_SRC = 1,
    V4_DST = 2,
    V6_SRC = 3,
    V6_DST = 4,
}

internal enum CTA_PROTO : ushort
{
    NUM = 1,
    SRC_PORT = 2,
    DST_PORT = 3,
}

internal enum CTA_FILTER : ushort
{
    ORIG_FLAGS = 1,
    REPLY_FLAGS = 2,
}

/// <summary>CTA_FILTER_FLAG() of net/netfilter/nf_internals.h: which parts of a tuple a list is narrowed down by.</summary>
[Flags]
internal enum FilterFlags : uint
{
    IpSource = 0x1,
    ProtoNum = 0x8,
    ProtoSourcePort = 0x10,
    ProtoDestinationPort = 0x20,
}
