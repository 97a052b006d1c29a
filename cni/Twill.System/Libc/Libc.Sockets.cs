using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Twill.System;

/// <summary>Netlink sockets.</summary>
internal static unsafe partial class Libc
{
    internal const int AF_NETLINK = 16;
    internal const int SOCK_RAW = 3;
    internal const int SOCK_CLOEXEC = 0x80000;
    internal const int SOL_SOCKET = 1;
    internal const int SO_RCVBUF = 8;
    internal const int SO_SNDBUFFORCE = 32;
    internal const int SO_RCVBUFFORCE = 33;
    internal const int SOL_NETLINK = 270;
    internal const int MSG_TRUNC = 0x20;
    internal const int MSG_DONTWAIT = 0x40;

    [StructLayout(LayoutKind.Sequential)]
    internal struct SockAddrNetlink // struct sockaddr_nl
    {
        internal ushort Family; // nl_family
        internal ushort Pad; // nl_pad
        internal uint PortId; // nl_pid
        internal uint Groups; // nl_groups
    }

    internal static SafeFileHandle NetlinkSocket(int protocol) =>
        Opened(Libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol), $"socket(AF_NETLINK, protocol {protocol})");

    internal static void Bind(SafeFileHandle socket, uint groups)
    {
        SockAddrNetlink address = new() { Family = AF_NETLINK, Groups = groups };
        using Descriptor fd = new(socket);
        if (bind(fd.Number, &address, (uint)sizeof(SockAddrNetlink)) != 0)
        {
            throw LibcException.Last("bind(AF_NETLINK)");
        }
    }

    /// <summary>The port id of a netlink socket; 0 as long as it has neither sent nor been bound.</summary>
    internal static uint PortId(SafeFileHandle socket)
    {
        SockAddrNetlink address = default;
        uint length = (uint)sizeof(SockAddrNetlink);
        using Descriptor fd = new(socket);
        return getsockname(fd.Number, &address, &length) == 0 ? address.PortId : throw LibcException.Last("getsockname(AF_NETLINK)");
    }

    internal static bool TrySetOption(SafeFileHandle socket, int level, int option, int value)
    {
        using Descriptor fd = new(socket);
        return setsockopt(fd.Number, level, option, &value, sizeof(int)) == 0;
    }

    internal static void Send(SafeFileHandle socket, ReadOnlySpan<byte> datagram)
    {
        using Descriptor fd = new(socket);
        fixed (byte* bytes = datagram)
        {
            while (send(fd.Number, bytes, (nuint)datagram.Length, 0) < 0)
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
    internal static int TryReceive(SafeFileHandle socket, Span<byte> buffer, out uint sender)
    {
        SockAddrNetlink address = default;
        uint addressLength = (uint)sizeof(SockAddrNetlink);
        using Descriptor fd = new(socket);
        fixed (byte* bytes = buffer)
        {
            while (true)
            {
                nint length = recvfrom(fd.Number, bytes, (nuint)buffer.Length, MSG_DONTWAIT | MSG_TRUNC, &address, &addressLength);
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
