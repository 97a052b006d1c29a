using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Twill.Cluster;

/// <summary>Addresses as flannel (Go's net.IP) writes them, and arithmetic with them. .NET writes some IPv6 addresses with a dotted tail
/// where Go writes groups only, and keys in etcd are compared byte by byte.</summary>
internal static class FlannelText
{
    /// <summary>Lower-case, the longest run of two or more zero groups as <c>::</c>, never a dotted tail (but for ::ffff:0:0/96, as Go
    /// does).</summary>
    public static string Of(IPAddress address)
    {
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            return address.ToString();
        }

        if (address.IsIPv4MappedToIPv6)
        {
            return address.MapToIPv4().ToString();
        }

        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        (int zeros, int count) = LongestZeros(bytes);
        var text = new StringBuilder(40);
        for (int i = 0; i < 8; i++)
        {
            if (i == zeros)
            {
                text.Append("::");
                i += count - 1;
                continue;
            }
            if (text.Length > 0 && text[^1] != ':')
            {
                text.Append(':');
            }

            text.Append(CultureInfo.InvariantCulture, $"{BinaryPrimitives.ReadUInt16BigEndian(bytes[(2 * i)..]):x}");
        }
        return text.ToString();
    }

    /// <summary>A prefix, <c>10.244.0.0/16</c>.</summary>
    public static string Of(IPNetwork network) =>
        string.Create(CultureInfo.InvariantCulture, $"{Of(network.BaseAddress)}/{network.PrefixLength}");

    /// <summary>32 or 128.</summary>
    public static int Bits(AddressFamily family) => family == AddressFamily.InterNetwork ? 32 : 128;

    /// <summary>The address as a number in host order, so that addresses can be counted. IPv4 fills the low 32 bits.</summary>
    public static UInt128 Number(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int length);
        return length == 4 ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    /// <summary>The address of a number in host order; of IPv4 the low 32 bits count.</summary>
    public static IPAddress Address(UInt128 number, AddressFamily family)
    {
        Span<byte> bytes = stackalloc byte[16];
        if (family == AddressFamily.InterNetwork)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes, (uint)number);
            return new IPAddress(bytes[..4]);
        }
        BinaryPrimitives.WriteUInt128BigEndian(bytes, number);
        return new IPAddress(bytes);
    }

    /// <summary>The bits beyond a prefix.</summary>
    public static UInt128 HostMask(IPNetwork network)
    {
        int bits = Bits(network.BaseAddress.AddressFamily) - network.PrefixLength;
        return bits == 128 ? UInt128.MaxValue : (UInt128.One << bits) - 1;
    }

    /// <summary>Whether two prefixes have an address in common.</summary>
    public static bool Overlap(IPNetwork one, IPNetwork other) => one.Contains(other.BaseAddress) || other.Contains(one.BaseAddress);

    /// <summary>An address of this family, spelt as Go takes it.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, AddressFamily family, out IPAddress address) =>
        family == AddressFamily.InterNetwork ? TryParseIPv4(text, out address) : TryParseIPv6(text, out address);

    /// <summary>Four decimal numbers, nothing else: .NET's own parser also takes "10.1", hexadecimal and octal.</summary>
    public static bool TryParseIPv4(ReadOnlySpan<char> text, out IPAddress address)
    {
        address = IPAddress.None;
        uint number = 0;
        int parts = 0;
        foreach (Range part in text.Split('.'))
        {
            if (++parts > 4 || !TryParseByte(text[part], out byte value))
            {
                return false;
            }

            number = number << 8 | value;
        }
        if (parts != 4)
        {
            return false;
        }

        address = Address(number, AddressFamily.InterNetwork);
        return true;
    }

    /// <summary>An IPv6 address without zone and brackets.</summary>
    public static bool TryParseIPv6(ReadOnlySpan<char> text, out IPAddress address)
    {
        address = IPAddress.IPv6None;
        if (text.IndexOfAny('%', '[', '/') >= 0 || !IPAddress.TryParse(text, out IPAddress? parsed))
        {
            return false;
        }

        if (parsed.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return false;
        }

        address = parsed;
        return true;
    }

    /// <summary>The network of that length which holds the address: bits below the prefix are cleared.</summary>
    public static IPNetwork Network(IPAddress address, int length)
    {
        byte[] bytes = address.GetAddressBytes();
        for (int bit = length; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        }

        return new IPNetwork(new IPAddress(bytes), length);
    }

    private static bool TryParseByte(ReadOnlySpan<char> text, out byte value) =>
        byte.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && text.Length <= 3;

    private static (int Start, int Count) LongestZeros(ReadOnlySpan<byte> bytes)
    {
        (int start, int count) = (-1, 1);
        for (int i = 0; i < 8; i++)
        {
            int run = 0;
            while (i + run < 8 && bytes[2 * (i + run)] == 0 && bytes[2 * (i + run) + 1] == 0)
            {
                run++;
            }

            if (run > count)
            {
                (start, count) = (i, run);
            }

            i += run;
        }
        return (start, count);
    }
}
