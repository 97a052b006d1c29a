using System.Net;
using Twill.System;

namespace Twill.Linux;

/// <summary>
/// <c>arping -U -c 1 -s ADDRESS -I LINK ADDRESS</c>: tells everybody on a link at which hardware address an IPv4 address is now (RFC 5227,
/// section 3). Who knew it at another corrects that at once, instead of sending there until the entry ages out; nobody else takes note.
/// </summary>
public static class ArpAnnouncement
{
    /// <summary>Bytes of a packet.</summary>
    internal const int Length = 28;

    /// <summary>Sends it from a link of the calling thread's network namespace.</summary>
    /// <param name="index">Interface index.</param>
    /// <param name="address">The IPv4 address.</param>
    /// <param name="at">Where it is.</param>
    /// <exception cref="LibcException">There is no such link, it is down, or CAP_NET_RAW is missing.</exception>
    /// <exception cref="ArgumentException">The address is not an IPv4 address.</exception>
    public static void Send(int index, IPAddress address, MacAddress at)
    {
        Span<byte> packet = stackalloc byte[Length];
        Write(packet, address, at);
        Libc.Broadcast(index, Libc.ETH_P_ARP, packet);
    }

    /// <summary>The packet, RFC 826: a request in which the address asks for itself.</summary>
    internal static void Write(Span<byte> packet, IPAddress address, MacAddress at)
    {
        ReadOnlySpan<byte> head = [0x00, 0x01, 0x08, 0x00, MacAddress.Length, 4, 0x00, 0x01]; // Ethernet, IPv4, their lengths, request
        head.CopyTo(packet);
        at.CopyTo(packet[8..]);
        Span<byte> sender = packet[14..18];
        if (!address.TryWriteBytes(sender, out int written) || written != 4)
        {
            throw new ArgumentException($"{address} is not an IPv4 address", nameof(address));
        }

        packet[18..24].Clear(); // the hardware address that is asked for
        sender.CopyTo(packet[24..]);
    }
}
