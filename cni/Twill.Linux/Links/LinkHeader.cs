using System.Runtime.InteropServices;

namespace Twill.Linux.Links;

[StructLayout(LayoutKind.Sequential)]
internal struct IfInfoMsg // struct ifinfomsg
{
    internal byte Family; // ifi_family
    internal byte Pad;
    internal ushort Type; // ifi_type, ARPHRD_*
    internal int Index; // ifi_index
    internal IFF Flags; // ifi_flags
    internal IFF Change; // ifi_change: which of the flags are meant

    internal void SetUp(bool up) => Set(IFF.UP, up);

    internal void Set(IFF flag, bool on)
    {
        Flags |= on ? flag : IFF.None;
        Change |= flag;
    }
}

[Flags]
internal enum IFF : uint // linux/if.h
{
    None = 0,
    UP = 1,
    LOOPBACK = 8,
    RUNNING = 0x40,
    PROMISC = 0x100,
    LOWER_UP = 0x10000,
}
