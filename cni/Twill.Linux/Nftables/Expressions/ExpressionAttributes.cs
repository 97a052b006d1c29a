namespace Twill.Linux.Nftables.Expressions;

// The attributes inside NFTA_EXPR_DATA, one enum per kind of expression, as in linux/netfilter/nf_tables.h.

internal enum NFTA_PAYLOAD : ushort
{
    DREG = 1,
    BASE = 2,
    OFFSET = 3,
    LEN = 4,
}

internal enum NFTA_META : ushort
{
    DREG = 1,
    KEY = 2,
    SREG = 3,
}

internal enum NFTA_CT : ushort
{
    DREG = 1,
    KEY = 2,
    DIRECTION = 3,
    SREG = 4,
}

internal enum NFTA_CMP : ushort
{
    SREG = 1,
    OP = 2,
    DATA = 3,
}

internal enum NFTA_BITWISE : ushort
{
    SREG = 1,
    DREG = 2,
    LEN = 3,
    MASK = 4,
    XOR = 5,
    OP = 6,
}

internal enum NFTA_RANGE : ushort
{
    SREG = 1,
    OP = 2,
    FROM_DATA = 3,
    TO_DATA = 4,
}

internal enum NFTA_LOOKUP : ushort
{
    SET = 1,
    SREG = 2,
    DREG = 3,
    SET_ID = 4,
    FLAGS = 5,
}

internal enum NFTA_IMMEDIATE : ushort
{
    DREG = 1,
    DATA = 2,
}

internal enum NFTA_COUNTER : ushort
{
    BYTES = 1,
    PACKETS = 2,
}

internal enum NFTA_NAT : ushort
{
    TYPE = 1,
    FAMILY = 2,
    REG_ADDR_MIN = 3,
    REG_ADDR_MAX = 4,
    REG_PROTO_MIN = 5,
    REG_PROTO_MAX = 6,
    FLAGS = 7,
}

internal enum NFTA_MASQ : ushort
{
    FLAGS = 1,
    REG_PROTO_MIN = 2,
}

internal enum NFTA_FIB : ushort
{
    DREG = 1,
    RESULT = 2,
    FLAGS = 3,
}
