using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Twill.System;

/// <summary>Packets on a link, past IP.</summary>
internal static unsafe partial class Libc
{
    internal const ushort ETH_P_ARP = 0x0806,
        ETH_P_IPV6 = 0x86dd;
    private const int AF_PACKET = 17;
    private const int SOCK_DGRAM = 2;

    [StructLayout(LayoutKind.Sequential)]
    private struct SockAddrLink // struct sockaddr_ll
    {
        internal ushort Family; // sll_family
        internal ushort Protocol; // sll_protocol, big endian
        internal int Index; // sll_ifindex
        internal ushort HardwareType; // sll_hatype
        internal byte PacketType; // sll_pkttype
        internal byte AddressLength; // sll_halen
        internal fixed byte Address[8]; // sll_addr
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
        using SafeFileHandle socket = Opened(Libc.socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket(AF_PACKET)");

        SockAddrLink to = new()
        {
            Family = AF_PACKET,
            Protocol = BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(protocol) : protocol,
            Index = index,
            AddressLength = (byte)mac.Length,
        };
        mac.CopyTo(new Span<byte>(to.Address, mac.Length));
        fixed (byte* bytes = packet)
        {
            using Descriptor fd = new(socket);
            while (sendto(fd.Number, bytes, (nuint)packet.Length, 0, &to, (uint)sizeof(SockAddrLink)) < 0)
            {
                if (LastError != Errno.EINTR)
                {
                    throw LibcException.Last($"sendto(AF_PACKET, link #{index})");
                }
            }
        }
        CloseInChild(socket); // packet_release() waits until no processor can still be delivering to the socket
    }
}
