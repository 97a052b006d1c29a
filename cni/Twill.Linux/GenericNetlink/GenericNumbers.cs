using System.Runtime.InteropServices;

namespace Twill.Linux.GenericNetlink;

// The numbers of linux/genetlink.h under their kernel names, less the prefix that the enum carries.

internal enum CTRL_CMD : byte
{
    NEWFAMILY = 1,
    GETFAMILY = 3,
}

internal enum CTRL_ATTR : ushort
{
    FAMILY_ID = 1,
    FAMILY_NAME = 2,
}

/// <summary>What every message of generic netlink starts with: the family is in nlmsg_type, what is asked of it in here.</summary>
/// <param name="command">The family's command.</param>
/// <param name="version">The version of the family that the asker knows.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct GenlMsgHdr(byte command, byte version) // struct genlmsghdr
{
    internal readonly byte Command = command; // cmd
    internal readonly byte Version = version; // version
    internal readonly ushort Reserved; // reserved
}
