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

    internal void SetUp(bool up)
    {
        Flags = up ? IFF.UP : IFF.None;
        Change = IFF.UP;
    }
}

[Flags]
internal enum IFF : uint // linux/if.h
{
    None = 0,
    UP = 1,
    LOOPBACK = 8,
    RUNNING = 0x40,
    LOWER_UP = 0x10000,
}
