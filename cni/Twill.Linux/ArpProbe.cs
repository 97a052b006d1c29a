using System.Diagnostics;
using System.Net;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using Twill.System;
using static Tmds.Linux.LibC;

namespace Twill.Linux;

/// <summary>
/// Asks on a link whether another machine has an IPv4 address, before somebody is given it (RFC 5227, section 2.1.1):
/// <c>arping -D -c 3 -I LINK ADDRESS</c>. Three questions that name no sender, which changes nobody's table. What answers has the address,
/// and so has another one who asks the same at this moment.
/// </summary>
/// <remarks>The document's own pauses add up to seven seconds, for networks where a question may take one. Here it is asked every 0.2
/// seconds, and waited 0.6 in all.</remarks>
public static class ArpProbe
{
    private const int Questions = 3,
        Pause = 200; // milliseconds

    /// <summary>Asks. The calling thread's network namespace is that of the link.</summary>
    /// <param name="index">Interface index.</param>
    /// <param name="own">The link's hardware address.</param>
    /// <param name="address">The IPv4 address.</param>
    /// <returns>The hardware address of a machine that has it; null when none has answered.</returns>
    /// <exception cref="LibcException">There is no such link, it is down, or CAP_NET_RAW is missing.</exception>
    public static MacAddress? FindOwner(int index, MacAddress own, IPAddress address)
    {
        Span<byte> question = stackalloc byte[ArpAnnouncement.Length],
            heard = stackalloc byte[128],
            sender = stackalloc byte[Libc.LinkAddressLength];
        ArpAnnouncement.Write(question, address, own);
        question[14..18].Clear(); // no sender
        ReadOnlySpan<byte> everybody = Libc.LinkAddress(index, Libc.ETH_P_ARP, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        using SafeFileHandle socket = Libc.PacketSocket();
        Throw(Libc.BindOrConnect(socket, everybody, connects: false), index);
        for (int i = 0; i < Questions; i++)
        {
            Throw(Libc.SendPacket(socket, question, everybody), index);
            long asked = Stopwatch.GetTimestamp();
            while (Pause - (int)Stopwatch.GetElapsedTime(asked).TotalMilliseconds is > 0 and int left)
            {
                if (
                    Libc.Poll([new pollfd { fd = (int)socket.DangerousGetHandle(), events = POLLIN }], left)
                    && Libc.ReceivePacket(socket, heard, sender, out _) >= ArpAnnouncement.Length
                    && OwnerIn(heard, own, question[24..28]) is { } owner
                )
                {
                    return owner;
                }
            }
        }

        return null;
    }

    private static void Throw(Errno errno, int index)
    {
        if (errno != Errno.None)
        {
            throw new LibcException($"ARP probe on link #{index}", errno);
        }
    }

    /// <summary>Who says in a packet that the address is his, or asks for it as we do.</summary>
    internal static MacAddress? OwnerIn(ReadOnlySpan<byte> packet, MacAddress own, ReadOnlySpan<byte> address)
    {
        if (!packet[..6].SequenceEqual((ReadOnlySpan<byte>)[0x00, 0x01, 0x08, 0x00, MacAddress.Length, 4]))
        {
            return null; // not Ethernet and IPv4
        }

        MacAddress sender = new(packet[8..14]);
        bool has = packet[14..18].SequenceEqual(address),
            asks = packet[7] == 1 && packet[14..18].IndexOfAnyExcept((byte)0) < 0 && packet[24..28].SequenceEqual(address);
        return sender != own && (has || asks) ? sender : null;
    }
}
