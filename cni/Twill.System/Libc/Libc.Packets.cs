using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Twill.System;

/// <summary>Packets on a link, past IP.</summary>
internal static unsafe partial class Libc
{
    internal const ushort ETH_P_ARP = 0x0806,
        ETH_P_IPV6 = 0x86dd;

    /// <summary>Bytes of <see cref="LinkAddress"/>.</summary>
    internal static int LinkAddressLength => sizeof(sockaddr_ll);

    /// <summary>A socket for packets on a link, past IP. It is given none before it is bound to a <see cref="LinkAddress"/>.</summary>
    internal static SafeFileHandle PacketSocket() => Opened(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket(AF_PACKET)");

    /// <summary>A protocol on a link, and there a hardware address (struct sockaddr_ll).</summary>
    internal static byte[] LinkAddress(int index, ushort protocol, ReadOnlySpan<byte> mac)
    {
        sockaddr_ll address = new()
        {
            sll_family = (ushort)AF_PACKET,
            sll_protocol = BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(protocol) : protocol,
            sll_ifindex = index,
            sll_halen = (byte)mac.Length,
        };
        mac.CopyTo(new Span<byte>(address.sll_addr, mac.Length));
        return new ReadOnlySpan<byte>(&address, sizeof(sockaddr_ll)).ToArray();
    }

    /// <summary>As <see cref="SendTo"/>, to everybody on the link.</summary>
    internal static void Broadcast(int index, ushort protocol, ReadOnlySpan<byte> packet) =>
        SendTo(index, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff], protocol, packet);

    /// <summary>Sends one packet from a link of the calling thread's network namespace to a hardware address; the kernel puts the Ethernet
    /// header before it.</summary>
    /// <exception cref="LibcException">EPERM: CAP_NET_RAW is missing; ENXIO, ENETDOWN: there is no such link, or it is down.</exception>
    internal static void SendTo(int index, ReadOnlySpan<byte> mac, ushort protocol, ReadOnlySpan<byte> packet)
    {
        // Protocol 0: a socket that only sends is given nothing to read.
        using SafeFileHandle opened = Opened(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket(AF_PACKET)");

        sockaddr_ll to = new()
        {
            sll_family = (ushort)AF_PACKET,
            sll_protocol = BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(protocol) : protocol,
            sll_ifindex = index,
            sll_halen = (byte)mac.Length,
        };
        mac.CopyTo(new Span<byte>(to.sll_addr, mac.Length));
        fixed (byte* bytes = packet)
        {
            using Descriptor fd = new(opened);
            while (sendto(fd.Number, bytes, packet.Length, 0, (sockaddr*)&to, sizeof(sockaddr_ll)) < 0)
            {
                if (LastError != Errno.EINTR)
                {
                    throw LibcException.Last($"sendto(AF_PACKET, link #{index})");
                }
            }
        }
        // packet_release() waits until no processor can still be delivering to the socket: 4.7 to 12.7 ms (lower quartile and median of
        // 200), 0.1 with the child.
        CloseInChild(opened);
    }
}
