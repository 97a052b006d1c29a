using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Twill.System;

/// <summary>Raw sockets for ICMP and ICMPv6 echo (raw(7), icmp(7)). Addresses are a struct sockaddr_in or sockaddr_in6 as bytes.</summary>
internal static unsafe partial class Libc
{
    /// <summary>A non-blocking raw socket of IPPROTO_ICMP or IPPROTO_ICMPV6.</summary>
    /// <exception cref="LibcException">EPERM: CAP_NET_RAW is missing; EAFNOSUPPORT: no IPv6.</exception>
    internal static SafeFileHandle RawIcmp(bool isIPv6)
    {
        int type = SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK;
        return isIPv6
            ? Opened(socket(AF_INET6, type, IPProtocol.Icmpv6), "socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6)")
            : Opened(socket(AF_INET, type, IPProtocol.Icmp), "socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)");
    }

    /// <summary>A UDP socket.</summary>
    internal static SafeFileHandle Udp(bool isIPv6) =>
        Opened(socket(isIPv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket(SOCK_DGRAM)");

    /// <summary>Sets an option of several bytes.</summary>
    internal static bool TrySetOption(SafeFileHandle handle, int level, int option, ReadOnlySpan<byte> value)
    {
        using Descriptor fd = new(handle);
        fixed (byte* bytes = value)
        {
            return setsockopt(fd.Number, level, option, bytes, (socklen_t)(uint)value.Length) == 0;
        }
    }

    /// <summary>Lets a socket receive nothing that this host sent to itself. Where a packet came by, IP_PKTINFO does not tell of those:
    /// it names the device that has the address.</summary>
    internal static bool TryDropOwn(SafeFileHandle handle)
    {
        const ushort LoadWord = 0x20, // BPF_LD | BPF_W | BPF_ABS, linux/bpf_common.h
            JumpIfEqual = 0x15, // BPF_JMP | BPF_JEQ | BPF_K
            Return = 0x06; // BPF_RET | BPF_K
        const uint InterfaceIndex = 0xfffff008, // SKF_AD_OFF + SKF_AD_IFINDEX, linux/filter.h
            Loopback = 1; // in every network namespace
        const int SoAttachFilter = 26;

        SockFilter* program = stackalloc SockFilter[]
        {
            new(LoadWord, InterfaceIndex),
            new(JumpIfEqual, Loopback, ifTrue: 0, ifFalse: 1),
            new(Return, 0), // nothing of it
            new(Return, uint.MaxValue), // all of it
        };
        SockFprog what = new() { Length = 4, Filter = program };
        using Descriptor fd = new(handle);
        return setsockopt(fd.Number, SOL_SOCKET, SoAttachFilter, &what, (socklen_t)(uint)sizeof(SockFprog)) == 0;
    }

    /// <summary>struct sock_filter, linux/filter.h</summary>
    private readonly struct SockFilter(ushort code, uint value, byte ifTrue = 0, byte ifFalse = 0)
    {
        internal readonly ushort Code = code;
        internal readonly byte IfTrue = ifTrue,
            IfFalse = ifFalse;
        internal readonly uint Value = value;
    }

    /// <summary>struct sock_fprog</summary>
    private struct SockFprog
    {
        internal ushort Length;
        internal SockFilter* Filter;
    }

    /// <summary>Binds to an address, or connects to one.</summary>
    /// <returns>None, or why not: EADDRNOTAVAIL when no interface has the address.</returns>
    internal static Errno BindOrConnect(SafeFileHandle handle, ReadOnlySpan<byte> address, bool connects)
    {
        using Descriptor fd = new(handle);
        fixed (byte* bytes = address)
        {
            socklen_t length = (socklen_t)(uint)address.Length;
            int result = connects ? connect(fd.Number, (sockaddr*)bytes, length) : bind(fd.Number, (sockaddr*)bytes, length);
            return result == 0 ? Errno.None : LastError;
        }
    }

    /// <summary>Sends one packet to an address; an empty one: where the socket is connected to.</summary>
    /// <returns>None, or why it was not sent.</returns>
    internal static Errno SendPacket(SafeFileHandle handle, ReadOnlySpan<byte> packet, ReadOnlySpan<byte> address)
    {
        using Descriptor fd = new(handle);
        fixed (byte* bytes = packet, to = address)
        {
            while (sendto(fd.Number, bytes, packet.Length, MSG_DONTWAIT, (sockaddr*)to, (socklen_t)(uint)address.Length) < 0)
            {
                if (LastError != Errno.EINTR)
                {
                    return LastError;
                }
            }
        }

        return Errno.None;
    }

    /// <summary>Takes one packet if one waits; what exceeds the buffer is dropped.</summary>
    /// <param name="handle">The socket.</param>
    /// <param name="buffer">Where to.</param>
    /// <param name="address">Becomes the sender's.</param>
    /// <param name="link">Index of the link that it came by, where IP_PKTINFO or IPV6_RECVPKTINFO is on; else 0.</param>
    /// <returns>Bytes received; -1 when none waits, or none can be received.</returns>
    internal static int ReceivePacket(SafeFileHandle handle, Span<byte> buffer, Span<byte> address, out int link)
    {
        const int ControlLength = 64; // struct cmsghdr (16 bytes), and struct in_pktinfo (12) or in6_pktinfo (20)
        byte* control = stackalloc byte[ControlLength];
        using Descriptor fd = new(handle);
        fixed (byte* bytes = buffer, from = address)
        {
            iovec part = new() { iov_base = bytes, iov_len = buffer.Length };
            msghdr message;
            long count;
            do
            {
                message = new()
                {
                    msg_name = from,
                    msg_namelen = (socklen_t)(uint)address.Length,
                    msg_iov = &part,
                    msg_iovlen = 1,
                    msg_control = control,
                    msg_controllen = ControlLength,
                };
                count = recvmsg(fd.Number, &message, MSG_DONTWAIT);
            } while (count < 0 && LastError == Errno.EINTR);

            link = count < 0 ? 0 : LinkOf(&message);
            return (int)count;
        }
    }

    private static int LinkOf(msghdr* message)
    {
        for (cmsghdr* one = CMSG_FIRSTHDR(message); one is not null; one = CMSG_NXTHDR(message, one))
        {
            if (one->cmsg_level == IPPROTO_IP && one->cmsg_type == IP_PKTINFO)
            {
                return *(int*)CMSG_DATA(one); // ipi_ifindex
            }

            if (one->cmsg_level == IPPROTO_IPV6 && one->cmsg_type == IPV6_PKTINFO)
            {
                return *(int*)(CMSG_DATA(one) + 16); // ipi6_ifindex, behind ipi6_addr
            }
        }

        return 0;
    }
}
