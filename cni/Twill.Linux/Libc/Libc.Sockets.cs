using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Twill.Linux;

/// <summary>Calls into the C library. Callers see spans, handles and exceptions; errno is read here, right after each call.</summary>
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
    internal const short POLLIN = 1;

    [StructLayout(LayoutKind.Sequential)]
    internal struct SockAddrNetlink // struct sockaddr_nl
    {
        internal ushort Family; // nl_family
        internal ushort Pad; // nl_pad
        internal uint PortId; // nl_pid
        internal uint Groups; // nl_groups
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct PollFd // struct pollfd
    {
        internal int Fd; // fd
        internal short Events; // events
        internal short Returned; // revents
    }

    internal static SafeFileHandle NetlinkSocket(int protocol)
    {
        SafeFileHandle fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
        if (!fd.IsInvalid)
        {
            return fd;
        }

        var failure = LibcException.Last($"socket(AF_NETLINK, protocol {protocol})");
        fd.Dispose();
        throw failure;
    }

    internal static void Bind(SafeFileHandle fd, uint groups)
    {
        SockAddrNetlink address = new() { Family = AF_NETLINK, Groups = groups };
        if (bind(fd, &address, (uint)sizeof(SockAddrNetlink)) != 0)
        {
            throw LibcException.Last("bind(AF_NETLINK)");
        }
    }

    /// <summary>The port id of a netlink socket; 0 as long as it has neither sent nor been bound.</summary>
    internal static uint PortId(SafeFileHandle fd)
    {
        SockAddrNetlink address = default;
        uint length = (uint)sizeof(SockAddrNetlink);
        return getsockname(fd, &address, &length) == 0 ? address.PortId : throw LibcException.Last("getsockname(AF_NETLINK)");
    }

    internal static bool TrySetOption(SafeFileHandle fd, int level, int option, int value) =>
        setsockopt(fd, level, option, &value, sizeof(int)) == 0;

    internal static void Send(SafeFileHandle fd, ReadOnlySpan<byte> datagram)
    {
        fixed (byte* bytes = datagram)
        {
            while (send(fd, bytes, (nuint)datagram.Length, 0) < 0)
            {
                if (Marshal.GetLastPInvokeError() != (int)Errno.EINTR)
                {
                    throw LibcException.Last("send(AF_NETLINK)");
                }
            }
        }
    }

    /// <summary>Takes one datagram if one waits.</summary>
    /// <returns>Its true length, which exceeds the buffer's when it was cut; -1 when there is none.</returns>
    internal static int TryReceive(SafeFileHandle fd, Span<byte> buffer, out uint sender)
    {
        SockAddrNetlink address = default;
        uint addressLength = (uint)sizeof(SockAddrNetlink);
        fixed (byte* bytes = buffer)
        {
            while (true)
            {
                nint length = recvfrom(fd, bytes, (nuint)buffer.Length, MSG_DONTWAIT | MSG_TRUNC, &address, &addressLength);
                sender = address.PortId;
                if (length >= 0)
                {
                    return (int)length;
                }

                Errno errno = (Errno)Marshal.GetLastPInvokeError();
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

    /// <summary>Waits until one of the descriptors can be read.</summary>
    /// <param name="fds">The descriptors; what happened to each is in its <see cref="PollFd.Returned"/>.</param>
    /// <param name="milliseconds">The longest wait; -1 for no limit.</param>
    /// <returns>False when the time was over or a signal arrived.</returns>
    internal static bool Poll(Span<PollFd> fds, int milliseconds)
    {
        fixed (PollFd* first = fds)
        {
            int ready = poll(first, (nuint)fds.Length, milliseconds);
            if (ready < 0 && Marshal.GetLastPInvokeError() != (int)Errno.EINTR)
            {
                throw LibcException.Last("poll");
            }

            return ready > 0;
        }
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial SafeFileHandle socket(int domain, int type, int protocol);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int bind(SafeFileHandle fd, SockAddrNetlink* address, uint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int getsockname(SafeFileHandle fd, SockAddrNetlink* address, uint* length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setsockopt(SafeFileHandle fd, int level, int option, void* value, uint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint send(SafeFileHandle fd, byte* bytes, nuint length, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint recvfrom(SafeFileHandle fd, byte* bytes, nuint length, int flags, SockAddrNetlink* from, uint* fromLength);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int poll(PollFd* fds, nuint count, int milliseconds);
}
