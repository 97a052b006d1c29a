using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Twill.System;

/// <summary>
/// What <see cref="IPNetwork"/> lacks: prefixes read strictly, how they lie to each other, and addresses as numbers, so that "the next one"
/// is an addition.
/// </summary>
public static class IPPrefix
{
    /// <summary>Bits in an address of the family: 32 or 128.</summary>
    public static int Bits(AddressFamily family) => family == AddressFamily.InterNetwork ? 32 : 128;

    /// <summary>The prefix of so many bits that the address lies in: the bits beyond are cleared.</summary>
    public static IPNetwork Of(IPAddress address, int length)
    {
        AddressFamily family = address.AddressFamily;
        return new IPNetwork(AddressOf(NumberOf(address) & ~HostMask(family, length), family), length);
    }

    /// <summary>Whether every address of <paramref name="inner"/> is one of <paramref name="outer"/>.</summary>
    public static bool Covers(this IPNetwork outer, IPNetwork inner) =>
        outer.PrefixLength <= inner.PrefixLength && outer.Contains(inner.BaseAddress);

    /// <summary>Whether two prefixes have an address in common.</summary>
    public static bool Overlaps(this IPNetwork one, IPNetwork other) => one.Contains(other.BaseAddress) || other.Contains(one.BaseAddress);

    /// <summary>The number of a prefix's first address.</summary>
    public static UInt128 First(this IPNetwork prefix) => NumberOf(prefix.BaseAddress);

    /// <summary>The number of a prefix's last address: in IPv4 the broadcast address.</summary>
    public static UInt128 Last(this IPNetwork prefix) =>
        NumberOf(prefix.BaseAddress) | HostMask(prefix.BaseAddress.AddressFamily, prefix.PrefixLength);

    /// <summary>The first address of a subnet that a host can have: where the gateway is unless the configuration says otherwise.</summary>
    public static IPAddress FirstHost(this IPNetwork subnet) =>
        AddressOf(subnet.First() + (subnet.IsPair() ? 0u : 1u), subnet.BaseAddress.AddressFamily);

    /// <summary>The last address of a subnet that a host can have.</summary>
    public static IPAddress LastHost(this IPNetwork subnet) =>
        AddressOf(
            subnet.Last() - (subnet.IsPair() || subnet.BaseAddress.AddressFamily != AddressFamily.InterNetwork ? 0u : 1u),
            subnet.BaseAddress.AddressFamily
        );

    /// <summary>Whether it is of two addresses, which hosts can have both (RFC 3021, RFC 6164), or of one.</summary>
    public static bool IsPair(this IPNetwork subnet) => subnet.PrefixLength >= Bits(subnet.BaseAddress.AddressFamily) - 1;

    /// <summary>The first address of a family; null when there is none.</summary>
    public static IPAddress? Find(IReadOnlyList<IPAddress> addresses, AddressFamily family)
    {
        foreach (IPAddress address in addresses)
        {
            if (address.AddressFamily == family)
            {
                return address;
            }
        }

        return null;
    }

    /// <summary>An address as a number. IPv4 fills the low 32 bits, IPv6 all 128.</summary>
    public static UInt128 NumberOf(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int length);
        return length == 4 ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    /// <summary>The reverse of <see cref="NumberOf"/>; of IPv4 the low 32 bits count.</summary>
    public static IPAddress AddressOf(UInt128 number, AddressFamily family)
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

    /// <summary>
    /// Reads one address strictly: IPv4 is four decimal numbers without leading zeros (IPAddress.Parse takes <c>10.1</c>, <c>0x7f.1</c> and
    /// reads <c>010.0.0.1</c> as octal), IPv6 has no zone and no brackets.
    /// </summary>
    public static bool TryParseAddress(ReadOnlySpan<char> text, out IPAddress address)
    {
        address = IPAddress.None;
        if (text.Contains(':'))
        {
            if (text.IndexOfAny('%', '[', '/') >= 0 || !IPAddress.TryParse(text, out IPAddress? six))
            {
                return false;
            }

            address = six;
            return true;
        }

        uint number = 0;
        int part = 0,
            digits = 0,
            value = 0;
        foreach (char c in text)
        {
            if (c == '.' && digits > 0 && part < 3)
            {
                number = number << 8 | (uint)value;
                part++;
                digits = value = 0;
                continue;
            }
            if (!char.IsAsciiDigit(c) || digits > 0 && value == 0 || (value = value * 10 + (c - '0')) > 255)
            {
                return false;
            }

            digits++;
        }
        if (part != 3 || digits == 0)
        {
            return false;
        }

        address = AddressOf(number << 8 | (uint)value, AddressFamily.InterNetwork);
        return true;
    }

    /// <summary>Reads one address of a family strictly.</summary>
    public static bool TryParseAddress(ReadOnlySpan<char> text, AddressFamily family, out IPAddress address) =>
        TryParseAddress(text, out address) && address.AddressFamily == family;

    /// <summary>Reads <c>address/length</c> strictly; the address may have bits beyond the length.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out IPAddress address, out int length)
    {
        length = 0;
        address = IPAddress.None;
        int slash = text.IndexOf('/');
        return slash >= 0
            && TryParseAddress(text[..slash], out address)
            && TryParseLength(text[(slash + 1)..], address.AddressFamily, out length);
    }

    /// <summary>Reads a prefix's length strictly: decimal, without leading zeros, no longer than an address of the family.</summary>
    public static bool TryParseLength(ReadOnlySpan<char> text, AddressFamily family, out int length)
    {
        length = 0;
        if (text.Length is 0 or > 3 || text.Length > 1 && text[0] == '0')
        {
            return false;
        }

        foreach (char c in text)
        {
            if (!char.IsAsciiDigit(c))
            {
                return false;
            }

            length = length * 10 + (c - '0');
        }
        return length <= Bits(family);
    }

    private static UInt128 HostMask(AddressFamily family, int length)
    {
        int bits = Bits(family) - length;
        return bits == 128 ? UInt128.MaxValue : (UInt128.One << bits) - 1;
    }
}
