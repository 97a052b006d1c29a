using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Twill.Cni;

/// <summary>
/// Addresses and prefixes as text, read strictly: IPv4 is four decimal numbers without leading zeros (IPAddress.Parse takes
/// <c>10.1</c>, <c>0x7f.1</c> and reads <c>010.0.0.1</c> as octal), IPv6 has no zone and no brackets.
/// </summary>
public static class IpText
{
    /// <summary>Reads one address.</summary>
    public static bool TryParseAddress(string text, out IPAddress address)
    {
        address = IPAddress.None;
        if (text.Contains(':'))
        {
            if (text.AsSpan().IndexOfAny('%', '[', '/') >= 0 || !IPAddress.TryParse(text, out IPAddress? six))
            {
                return false;
            }

            address = six;
            return true;
        }
        Span<byte> bytes = stackalloc byte[4];
        int part = 0,
            digits = 0,
            value = 0;
        foreach (char c in text)
        {
            if (c == '.' && digits > 0 && part < 3)
            {
                bytes[part++] = (byte)value;
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

        bytes[3] = (byte)value;
        address = new IPAddress(bytes);
        return true;
    }

    /// <summary>Reads <c>address/length</c>; the address may have bits beyond the length.</summary>
    public static bool TryParsePrefix(string text, out IPAddress address, out int length)
    {
        length = 0;
        address = IPAddress.None;
        int slash = text.IndexOf('/');
        if (slash < 0 || !TryParseAddress(text[..slash], out address))
        {
            return false;
        }

        ReadOnlySpan<char> digits = text.AsSpan(slash + 1);
        if (digits.Length is 0 or > 3 || digits.Length > 1 && digits[0] == '0')
        {
            return false;
        }

        foreach (char c in digits)
        {
            if (!char.IsAsciiDigit(c))
            {
                return false;
            }

            length = length * 10 + (c - '0');
        }
        return length <= Bits(address);
    }

    /// <summary>32 or 128.</summary>
    public static int Bits(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;

    /// <summary>The network an address is in: the bits beyond the length cleared.</summary>
    public static IPNetwork NetworkOf(IPAddress address, int length)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int count);
        for (int bit = length; bit < count * 8; bit++)
        {
            bytes[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        }

        return new IPNetwork(new IPAddress(bytes[..count]), length);
    }

    /// <summary>The first address of a subnet that a host can have: where the gateway is unless the configuration says otherwise.</summary>
    public static IPAddress FirstHost(IPNetwork subnet) =>
        AddressNumber.ToAddress(AddressNumber.Of(subnet.BaseAddress) + 1, subnet.BaseAddress.AddressFamily);

    /// <summary>An IPv4 address as a number in host byte order, for comparing and counting.</summary>
    public static uint ToNumber(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[4];
        if (address.AddressFamily != AddressFamily.InterNetwork || !address.TryWriteBytes(bytes, out _))
        {
            throw new ArgumentException($"expected an IPv4 address, got {address}", nameof(address));
        }

        return BinaryPrimitives.ReadUInt32BigEndian(bytes);
    }

    /// <summary>The reverse of <see cref="ToNumber"/>.</summary>
    public static IPAddress FromNumber(uint number)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, number);
        return new IPAddress(bytes);
    }
}
