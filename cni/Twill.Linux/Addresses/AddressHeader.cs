using System.Runtime.InteropServices;

namespace Twill.Linux.Addresses;

[StructLayout(LayoutKind.Sequential)]
internal struct IfAddrMsg // struct ifaddrmsg
{
    internal byte Family; // ifa_family
    internal byte PrefixLength; // ifa_prefixlen
    internal byte Flags; // ifa_flags, the lower 8 bits
    internal byte Scope; // ifa_scope
    internal uint Index; // ifa_index
}

internal enum IFA : ushort // linux/if_addr.h
{
    ADDRESS = 1,
    LOCAL = 2,
    LABEL = 3,
    BROADCAST = 4,
    MULTICAST = 7,
    FLAGS = 8,
}
