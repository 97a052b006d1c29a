using System.Buffers.Binary;
using System.Net;
using Twill.Linux;

namespace Twill.EndToEnd.Tests.Spoofing;

/// <summary>Ethernet frames that say what they should not, in hexadecimal.</summary>
internal static class Frame
{
    private const byte Udp = 17,
        Icmpv6 = 58;

    /// <summary>An ARP answer: the address is at the frame's source.</summary>
    internal static string ArpAnswer(MacAddress from, MacAddress to, string claimed, string asker)
    {
        byte[] arp = [0, 1, 8, 0, 6, 4, 0, 2, .. Bytes(from), .. Bytes(claimed), .. Bytes(to), .. Bytes(asker)];
        return Of(from, to, 0x0806, arp);
    }

    /// <summary>A neighbour advertisement, solicited, with the override flag: the address is at the frame's source.</summary>
    internal static string NeighbourAdvertisement(MacAddress from, MacAddress to, string source, string claimed, string asker)
    {
        byte[] message = [136, 0, 0, 0, 0x60, 0, 0, 0, .. Bytes(claimed), 2, 1, .. Bytes(from)];
        return Of(from, to, 0x86dd, IPv6(source, asker, Icmpv6, hopLimit: 255, message));
    }

    /// <summary>A UDP datagram to the port 9.</summary>
    internal static string Datagram(MacAddress from, MacAddress to, string source, string destination)
    {
        byte[] udp = [0xc0, 0, 0, 9, 0, 8, 0, 0];
        return source.Contains(':')
            ? Of(from, to, 0x86dd, IPv6(source, destination, Udp, hopLimit: 64, udp))
            : Of(from, to, 0x0800, IPv4(source, destination, udp));
    }

    /// <summary>A router advertisement to all nodes, preference high (RFC 4861, section 4.2; RFC 4191, section 2.2).</summary>
    internal static string RouterAdvertisement(MacAddress from, string source)
    {
        byte[] message = [134, 0, 0, 0, 64, 0x08, 0x07, 0x08, 0, 0, 0, 0, 0, 0, 0, 0];
        return Of(from, MacAddress.Parse("33:33:00:00:00:01"), 0x86dd, IPv6(source, "ff02::1", Icmpv6, hopLimit: 255, message));
    }

    /// <summary>The frame behind VLAN tags, in hexadecimal as it is.</summary>
    internal static string Tagged(string frame, string tags) => frame[..24] + tags + frame[24..];

    private static byte[] IPv4(string source, string destination, byte[] udp)
    {
        byte[] packet = [0x45, 0, 0, (byte)(20 + udp.Length), 0, 0, 0, 0, 64, Udp, 0, 0, .. Bytes(source), .. Bytes(destination), .. udp];
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(10), Checksum(packet.AsSpan(0, 20)));
        return packet; // without a checksum of UDP's own, which is allowed
    }

    private static byte[] IPv6(string source, string destination, byte protocol, byte hopLimit, byte[] payload)
    {
        byte[] pseudo = [.. Bytes(source), .. Bytes(destination), 0, 0, 0, (byte)payload.Length, 0, 0, 0, protocol, .. payload];
        BinaryPrimitives.WriteUInt16BigEndian(payload.AsSpan(protocol == Udp ? 6 : 2), Checksum(pseudo));
        return [0x60, 0, 0, 0, 0, (byte)payload.Length, protocol, hopLimit, .. Bytes(source), .. Bytes(destination), .. payload];
    }

    private static string Of(MacAddress from, MacAddress to, ushort etherType, byte[] payload) =>
        Convert.ToHexString([.. Bytes(to), .. Bytes(from), (byte)(etherType >> 8), (byte)etherType, .. payload]);

    private static byte[] Bytes(string address) => IPAddress.Parse(address).GetAddressBytes();

    private static byte[] Bytes(MacAddress mac)
    {
        byte[] bytes = new byte[MacAddress.Length];
        mac.CopyTo(bytes);
        return bytes;
    }

    private static ushort Checksum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (int i = 0; i < bytes.Length; i += 2)
        {
            sum += (uint)(bytes[i] << 8 | (i + 1 < bytes.Length ? bytes[i + 1] : 0));
        }

        while (sum >> 16 != 0)
        {
            sum = (sum & 0xffff) + (sum >> 16);
        }

        return (ushort)~sum;
    }
}
