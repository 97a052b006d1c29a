using System.Runtime.InteropServices;

namespace Twill.Linux.Nexthops;

[StructLayout(LayoutKind.Sequential)]
internal struct NhMsg // struct nhmsg
{
    internal byte Family; // nh_family
    internal byte Scope; // nh_scope: told by the kernel, 0 in requests
    internal byte Protocol; // nh_protocol
    internal byte Reserved; // resvd
    internal uint Flags; // nh_flags: RTNH_F_*
}

internal enum NHA : ushort // linux/nexthop.h
{
    ID = 1,
    OIF = 5,
    GATEWAY = 6,
}
