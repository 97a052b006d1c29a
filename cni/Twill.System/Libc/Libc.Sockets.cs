using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Twill.System;

/// <summary>Netlink sockets.</summary>
internal static unsafe partial class Libc
{
    [StructLayout(LayoutKind.Sequential)]
    internal struct SockAddrNetlink // struct sockaddr_nl
    {
        internal ushort Family; // nl_family
        internal ushort Pad; // nl_pad
        internal uint PortId; // nl_pid
        internal uint Groups; // nl_groups
    }

    internal static SafeFileHandle NetlinkSocket(int protocol) =>
        Opened(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), $"socket(AF_NETLINK, protocol {protocol})");

    internal static void Bind(SafeFileHandle handle, uint groups)
    {
        SockAddrNetlink address = new() { Family = (ushort)AF_NETLINK, Groups = groups };
        using Descriptor fd = new(handle);
        if (bind(fd.Number, (sockaddr*)&address, sizeof(SockAddrNetlink)) != 0)
        {
            throw LibcException.Last("bind(AF_NETLINK)");
        }
    }

    /// <summary>The port id of a netlink socket; 0 as long as it has neither sent nor been bound.</summary>
    internal static uint PortId(SafeFileHandle handle)
    {
        SockAddrNetlink address = default;
        socklen_t length = sizeof(SockAddrNetlink);
        using Descriptor fd = new(handle);
        return getsockname(fd.Number, (sockaddr*)&address, &length) == 0
            ? address.PortId
            : throw LibcException.Last("getsockname(AF_NETLINK)");
    }

    internal static bool TrySetOption(SafeFileHandle handle, int level, int option, int value)
    {
        using Descriptor fd = new(handle);
        return setsockopt(fd.Number, level, option, &value, sizeof(int)) == 0;
    }

    internal static void Send(SafeFileHandle handle, ReadOnlySpan<byte> datagram)
    {
        using Descriptor fd = new(handle);
        fixed (byte* bytes = datagram)
        {
            while (send(fd.Number, bytes, datagram.Length, 0) < 0)
            {
                if (LastError != Errno.EINTR)
                {
                    throw LibcException.Last("send(AF_NETLINK)");
                }
            }
        }
    }

    /// <summary>Takes one datagram if one waits.</summary>
    /// <returns>Its true length, which exceeds the buffer's when it was cut; -1 when there is none.</returns>
    internal static int TryReceive(SafeFileHandle handle, Span<byte> buffer, out uint sender)
    {
        SockAddrNetlink address = default;
        socklen_t addressLength = sizeof(SockAddrNetlink);
        using Descriptor fd = new(handle);
        fixed (byte* bytes = buffer)
        {
            while (true)
            {
                long length = recvfrom(fd.Number, bytes, buffer.Length, MSG_DONTWAIT | MSG_TRUNC, (sockaddr*)&address, &addressLength);
                sender = address.PortId;
                if (length >= 0)
                {
                    return (int)length;
                }

                Errno errno = LastError;
                if (errno == Errno.EAGAIN)
                {
                    return -1;
                }

                if (errno != Errno.EINTR)
                {
                    throw new LibcException("recv(AF_NETLINK)", errno);
                }
            }
        }
    }
}
