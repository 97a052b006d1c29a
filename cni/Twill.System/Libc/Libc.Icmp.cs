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
    /// <param name="address">Becomes the sender's; it may be empty.</param>
    /// <param name="error">EAGAIN when there is none; else why there can be none, which an ICMP error may have told.</param>
    /// <returns>Bytes received; -1 and <paramref name="error"/> when there is none.</returns>
    internal static int ReceivePacket(SafeFileHandle handle, Span<byte> buffer, Span<byte> address, out Errno error)
    {
        using Descriptor fd = new(handle);
        fixed (byte* bytes = buffer, from = address)
        {
            while (true)
            {
                socklen_t length = (socklen_t)(uint)address.Length;
                long count = recvfrom(fd.Number, bytes, buffer.Length, MSG_DONTWAIT, (sockaddr*)from, &length);
                error = count >= 0 ? Errno.None : LastError;
                if (error != Errno.EINTR)
                {
                    return (int)count;
                }
            }
        }
    }
}
