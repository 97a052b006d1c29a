using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using Twill.System;
using static Tmds.Linux.LibC;

namespace Twill.Linux;

/// <summary>
/// Sends and receives echo requests and replies of one address family, from one address of this host (<c>ping -I ADDRESS -M probe</c>):
/// packets carry DF, and the path MTU that the kernel has learned does not stop them, as it is what is measured. Not thread-safe.
/// </summary>
public sealed class EchoSocket : IDisposable
{
    /// <summary>As many hops as the host allows its packets.</summary>
    public const int DefaultHops = -1;

    private const int SolRaw = 255, // SOL_RAW, linux/icmp.h
        IcmpFilter = 1,
        IpprotoIp = 0,
        IpTtl = 2, // IP_TTL, linux/in.h
        IpPktInfo = 8, // IP_PKTINFO
        IpMtuDiscover = 10, // IP_MTU_DISCOVER
        PmtuDiscProbe = 3, // IP_PMTUDISC_PROBE, IPV6_PMTUDISC_PROBE
        IpprotoIpv6 = 41,
        Ipv6UnicastHops = 16,
        Ipv6MtuDiscover = 23,
        Ipv6RecvPktInfo = 49,
        Ipv6DontFragment = 62,
        IpprotoIcmpv6 = 58,
        Icmp6Filter = 1;

    private readonly SafeFileHandle _handle;
    private readonly byte[] _address;
    private int _hops = DefaultHops;

    private EchoSocket(SafeFileHandle handle, bool isIPv6) =>
        (_handle, IsIPv6, _address) = (handle, isIPv6, new byte[AddressLength(isIPv6)]);

    /// <summary>Whether it speaks ICMPv6.</summary>
    public bool IsIPv6 { get; }

    /// <summary>Opens one that sends from an address, and receives what is sent to it.</summary>
    /// <param name="source">An address of this host.</param>
    /// <returns>Null when no interface has that address, or may not use it yet.</returns>
    /// <exception cref="LibcException">EPERM: CAP_NET_RAW is missing; EAFNOSUPPORT: no IPv6.</exception>
    public static EchoSocket? TryOpen(IPAddress source)
    {
        EchoSocket socket = Open(source.AddressFamily);
        Span<byte> address = stackalloc byte[AddressLength(socket.IsIPv6)];
        WriteAddress(address, source);
        if (Libc.BindOrConnect(socket._handle, address, connects: false) == Errno.None)
        {
            return socket;
        }

        socket.Dispose();
        return null;
    }

    /// <summary>Opens one whose packets the kernel gives a source address.</summary>
    /// <param name="family">IPv4 or IPv6.</param>
    /// <exception cref="LibcException">EPERM: CAP_NET_RAW is missing; EAFNOSUPPORT: no IPv6.</exception>
    public static EchoSocket Open(AddressFamily family)
    {
        bool isIPv6 = family == AddressFamily.InterNetworkV6;
        EchoSocket socket = new(Libc.RawIcmp(isIPv6), isIPv6);
        Span<byte> filter = stackalloc byte[isIPv6 ? 32 : 4]; // a bit for each type, set: not received
        filter.Fill(0xff);
        if (isIPv6)
        {
            filter[0] &= 0b1111_0111; // time exceeded
            filter[128 / 8] &= 0b1111_1100; // echo request and reply; struct icmp6_filter has words of 32 bits in host order
            Libc.TrySetOption(socket._handle, IpprotoIcmpv6, Icmp6Filter, filter);
            Libc.TrySetOption(socket._handle, IpprotoIpv6, Ipv6MtuDiscover, PmtuDiscProbe);
            Libc.TrySetOption(socket._handle, IpprotoIpv6, Ipv6DontFragment, 1);
            Libc.TrySetOption(socket._handle, IpprotoIpv6, Ipv6RecvPktInfo, 1);
        }
        else
        {
            BinaryPrimitives.WriteUInt32LittleEndian(filter, ~((1u << 0) | (1u << 8) | (1u << 11))); // reply, request, time exceeded
            Libc.TrySetOption(socket._handle, SolRaw, IcmpFilter, filter);
            Libc.TrySetOption(socket._handle, IpprotoIp, IpMtuDiscover, PmtuDiscProbe);
            Libc.TrySetOption(socket._handle, IpprotoIp, IpPktInfo, 1);
        }

        Libc.TryDropOwn(socket._handle);
        return socket;
    }

    /// <summary>Sends one packet.</summary>
    /// <param name="destination">Where to, as a number: IPv4 in the low 32 bits.</param>
    /// <param name="packet">See <see cref="EchoPacket.WriteRequest"/>.</param>
    /// <param name="hops">The most hosts and routers that it may reach: the last of them answers that it has expired, if it is for
    /// another.</param>
    /// <returns>None; or why the kernel did not send it: EPERM (a rule at OUTPUT), EMSGSIZE, ENETUNREACH, EHOSTUNREACH..</returns>
    public Errno Send(UInt128 destination, ReadOnlySpan<byte> packet, int hops = DefaultHops)
    {
        if (hops != _hops)
        {
            Libc.TrySetOption(_handle, IsIPv6 ? IpprotoIpv6 : IpprotoIp, IsIPv6 ? Ipv6UnicastHops : IpTtl, hops);
            _hops = hops;
        }

        WriteAddress(_address, destination, IsIPv6);
        return Libc.SendPacket(_handle, packet, _address);
    }

    /// <summary>Takes one packet if one waits. What this host sends to itself is never received.</summary>
    /// <param name="buffer">Where to; what exceeds it is dropped.</param>
    /// <param name="echo">The echo.</param>
    /// <param name="source">Who sent it, as a number: IPv4 in the low 32 bits.</param>
    /// <param name="link">Index of the link that it came by.</param>
    /// <returns>False when none waits.</returns>
    public bool TryReceive(Span<byte> buffer, out Echo echo, out UInt128 source, out int link)
    {
        int length;
        while ((length = Libc.ReceivePacket(_handle, buffer, _address, out link)) >= 0)
        {
            if (EchoPacket.TryRead(buffer[..length], IsIPv6, out echo))
            {
                source = IsIPv6
                    ? BinaryPrimitives.ReadUInt128BigEndian(_address.AsSpan(8))
                    : BinaryPrimitives.ReadUInt32BigEndian(_address.AsSpan(4));
                return true;
            }
        }

        echo = default;
        source = default;
        return false;
    }

    /// <summary>Waits until one of them has received something.</summary>
    /// <param name="sockets">At most four.</param>
    /// <param name="milliseconds">The longest wait.</param>
    public static void Wait(IReadOnlyList<EchoSocket> sockets, int milliseconds)
    {
        Span<pollfd> fds = stackalloc pollfd[4];
        for (int i = 0; i < sockets.Count; i++)
        {
            fds[i] = new pollfd { fd = (int)sockets[i]._handle.DangerousGetHandle(), events = POLLIN };
        }

        Libc.Poll(fds[..sockets.Count], milliseconds);
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    /// <summary>struct sockaddr_in has 16 bytes, struct sockaddr_in6 28.</summary>
    internal static int AddressLength(bool isIPv6) => isIPv6 ? 28 : 16;

    internal static void WriteAddress(Span<byte> to, IPAddress address, ushort port = 0)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int length);
        UInt128 number = length == 4 ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt128BigEndian(bytes);
        WriteAddress(to, number, length == 16);
        BinaryPrimitives.WriteUInt16BigEndian(to[2..], port);
    }

    private static void WriteAddress(Span<byte> to, UInt128 number, bool isIPv6)
    {
        to.Clear();
        BitConverter.TryWriteBytes(to, (ushort)(isIPv6 ? AF_INET6 : AF_INET)); // in host byte order
        if (isIPv6)
        {
            BinaryPrimitives.WriteUInt128BigEndian(to[8..], number);
        }
        else
        {
            BinaryPrimitives.WriteUInt32BigEndian(to[4..], (uint)number);
        }
    }
}
