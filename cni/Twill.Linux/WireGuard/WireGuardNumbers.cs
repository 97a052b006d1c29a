namespace Twill.Linux.WireGuard;

// The numbers of linux/wireguard.h under their kernel names, less the prefix that the enum carries.

internal enum WG_CMD : byte
{
    GET_DEVICE = 0,
    SET_DEVICE = 1,
}

internal enum WGDEVICE_A : ushort
{
    IFINDEX = 1,
    IFNAME = 2,
    PRIVATE_KEY = 3,
    PUBLIC_KEY = 4,
    FLAGS = 5,
    LISTEN_PORT = 6,
    FWMARK = 7,
    PEERS = 8,
}

internal enum WGPEER_A : ushort
{
    PUBLIC_KEY = 1,
    PRESHARED_KEY = 2,
    FLAGS = 3,
    ENDPOINT = 4,
    PERSISTENT_KEEPALIVE_INTERVAL = 5,
    LAST_HANDSHAKE_TIME = 6,
    RX_BYTES = 7,
    TX_BYTES = 8,
    ALLOWEDIPS = 9,
}

[Flags]
internal enum WGPEER_F : uint
{
    REMOVE_ME = 1,
    REPLACE_ALLOWEDIPS = 2,
    UPDATE_ONLY = 4,
}

internal enum WGALLOWEDIP_A : ushort
{
    FAMILY = 1,
    IPADDR = 2,
    CIDR_MASK = 3,
}

/// <summary>A list's elements carry no number of their own.</summary>
internal enum WG_LIST : ushort
{
    ELEMENT = 0,
}
