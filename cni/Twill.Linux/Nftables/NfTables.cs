namespace Twill.Linux.Nftables;

// The numbers of linux/netfilter/nf_tables.h and nfnetlink.h under their kernel names, less the prefix that the enum carries.

/// <summary>enum nf_tables_msg_types, as nlmsg_type: the operation in the low byte, NFNL_SUBSYS_NFTABLES (10) in the high byte.</summary>
internal enum NFT_MSG : ushort
{
    NEWTABLE = 0x0a00,
    GETTABLE = 0x0a01,
    DELTABLE = 0x0a02,
    NEWCHAIN = 0x0a03,
    GETCHAIN = 0x0a04,
    DELCHAIN = 0x0a05,
    NEWRULE = 0x0a06,
    GETRULE = 0x0a07,
    DELRULE = 0x0a08,
    NEWSET = 0x0a09,
    GETSET = 0x0a0a,
    DELSET = 0x0a0b,
    NEWSETELEM = 0x0a0c,
    GETSETELEM = 0x0a0d,
    DELSETELEM = 0x0a0e,
    NEWGEN = 0x0a0f,
    GETGEN = 0x0a10,
    DESTROYSETELEM = 0x0a1e, // Linux 6.3
}

/// <summary>Reserved control messages of nfnetlink.h: what lies between them is one transaction.</summary>
internal enum NFNL_MSG : ushort
{
    BATCH_BEGIN = 0x10,
    BATCH_END = 0x11,
}

internal enum NFNL_BATCH : ushort
{
    GENID = 1,
}

internal enum NFTA_TABLE : ushort
{
    NAME = 1,
    FLAGS = 2,
    USE = 3,
    HANDLE = 4,
    USERDATA = 6,
}

internal enum NFTA_CHAIN : ushort
{
    TABLE = 1,
    HANDLE = 2,
    NAME = 3,
    HOOK = 4,
    POLICY = 5,
    USE = 6,
    TYPE = 7,
    USERDATA = 12,
}

internal enum NFTA_HOOK : ushort
{
    HOOKNUM = 1,
    PRIORITY = 2,
    DEV = 3,
}

internal enum NFTA_RULE : ushort
{
    TABLE = 1,
    CHAIN = 2,
    HANDLE = 3,
    EXPRESSIONS = 4,
    POSITION = 6,
    USERDATA = 7,
}

internal enum NFTA_SET : ushort
{
    TABLE = 1,
    NAME = 2,
    FLAGS = 3,
    KEY_TYPE = 4,
    KEY_LEN = 5,
    DATA_TYPE = 6,
    DATA_LEN = 7,
    DESC = 9,
    ID = 10,
    USERDATA = 13,
    HANDLE = 16,
}

internal enum NFTA_SET_DESC : ushort
{
    SIZE = 1,
    CONCAT = 2,
}

internal enum NFTA_SET_FIELD : ushort
{
    LEN = 1,
}

/// <summary>enum nft_set_flags.</summary>
[Flags]
internal enum NFT_SET : uint
{
    ANONYMOUS = 0x1,
    CONSTANT = 0x2,
    INTERVAL = 0x4,
    MAP = 0x8,
    CONCAT = 0x80,
}

internal enum NFTA_SET_ELEM_LIST : ushort
{
    TABLE = 1,
    SET = 2,
    ELEMENTS = 3,
    SET_ID = 4,
}

internal enum NFTA_SET_ELEM : ushort
{
    KEY = 1,
    DATA = 2,
    FLAGS = 3,
    USERDATA = 6,
    KEY_END = 10,
}

[Flags]
internal enum NFT_SET_ELEM : uint
{
    INTERVAL_END = 1,
    CATCHALL = 2,
}

internal enum NFTA_LIST : ushort
{
    ELEM = 1,
}

internal enum NFTA_DATA : ushort
{
    VALUE = 1,
    VERDICT = 2,
}

internal enum NFTA_VERDICT : ushort
{
    CODE = 1,
    CHAIN = 2,
}

internal enum NFTA_EXPR : ushort
{
    NAME = 1,
    DATA = 2,
}

internal enum NFTA_GEN : ushort
{
    ID = 1,
}
