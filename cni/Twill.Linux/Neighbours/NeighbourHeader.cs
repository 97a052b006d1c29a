using System.Runtime.InteropServices;

namespace Twill.Linux.Neighbours;

[StructLayout(LayoutKind.Sequential)]
internal struct NdMsg // struct ndmsg
{
    internal byte Family; // ndm_family
    internal byte Pad1;
    internal ushort Pad2;
    internal int Index; // ndm_ifindex
    internal ushort State; // ndm_state
    internal byte Flags; // ndm_flags
    internal byte Type; // ndm_type
}

internal enum NDA : ushort // linux/neighbour.h
{
    DST = 1,
    LLADDR = 2,
    VLAN = 5,
    PORT = 6, // big endian
    VNI = 7,
    MASTER = 9,
    IFINDEX = 8,
    SRC_VNI = 11,
    PROTOCOL = 12,
    NH_ID = 13,
}
