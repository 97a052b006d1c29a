using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace Twill.Linux;

/// <summary>A hardware address of six bytes (EUI-48).</summary>
public readonly struct MacAddress : IEquatable<MacAddress>
{
    /// <summary>Bytes in an address (ETH_ALEN).</summary>
    public const int Length = 6;

    private readonly ulong _value; // the six bytes as a big-endian number

    private MacAddress(ulong value) => _value = value;

    /// <summary>Takes the address from six bytes in the order in which they are sent.</summary>
    /// <exception cref="ArgumentException">There are not exactly six bytes.</exception>
    public MacAddress(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Length)
        {
            throw new ArgumentException($"A hardware address has {Length} bytes, not {bytes.Length}.", nameof(bytes));
        }

        foreach (byte b in bytes)
        {
            _value = _value << 8 | b;
        }
    }

    /// <summary>00:00:00:00:00:00, which in a vxlan FDB means "any address not listed".</summary>
    public static MacAddress Zero => default;

    /// <summary>ff:ff:ff:ff:ff:ff.</summary>
    public static MacAddress Broadcast => new(0xffff_ffff_ffff);

    /// <summary>True for broadcast and multicast addresses: the first byte's lowest bit is set.</summary>
    public bool IsMulticast => (_value >> 40 & 1) != 0;

    /// <summary>True for addresses that no manufacturer assigned: the first byte's second lowest bit is set.</summary>
    public bool IsLocallyAdministered => (_value >> 40 & 2) != 0;

    /// <summary>
    /// The link-local address of a device with this hardware address: fe80::/64 and the modified EUI-64, of which the second lowest bit of
    /// the first byte is turned over (RFC 4291, appendix A).
    /// </summary>
    public IPAddress ToLinkLocal()
    {
        Span<byte> mac = stackalloc byte[Length];
        CopyTo(mac);
        return new IPAddress([0xfe, 0x80, 0, 0, 0, 0, 0, 0, (byte)(mac[0] ^ 2), mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]]);
    }

    /// <summary>Writes the six bytes, first byte first.</summary>
    /// <param name="destination">Room for at least six bytes.</param>
    public void CopyTo(Span<byte> destination)
    {
        for (int i = 0; i < Length; i++)
        {
            destination[i] = (byte)(_value >> (40 - 8 * i));
        }
    }

    /// <summary>Reads six pairs of hexadecimal digits divided by colons, in either case.</summary>
    /// <exception cref="FormatException">The text is anything else.</exception>
    public static MacAddress Parse(string text) =>
        TryParse(text, out MacAddress mac)
            ? mac
            : throw new FormatException($"Expected a hardware address like 02:74:0a:f4:07:02, got '{text}'.");

    /// <summary>Reads six pairs of hexadecimal digits divided by colons, in either case.</summary>
    /// <returns>False when the text is anything else.</returns>
    public static bool TryParse([NotNullWhen(true)] string? text, out MacAddress mac)
    {
        mac = default;
        if (text is null || text.Length != 3 * Length - 1)
        {
            return false;
        }

        ulong value = 0;
        for (int i = 0; i < text.Length; i += 3)
        {
            if (i > 0 && text[i - 1] != ':')
            {
                return false;
            }

            if (!byte.TryParse(text.AsSpan(i, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte b))
            {
                return false;
            }

            value = value << 8 | b;
        }
        mac = new MacAddress(value);
        return true;
    }

    /// <summary>Lower-case, divided by colons: <c>02:74:0a:f4:07:02</c>.</summary>
    public override string ToString() => string.Create(3 * Length - 1, _value, static (text, value) =>
        {
            for (int i = 0; i < Length; i++)
            {
                int b = (int)(value >> (40 - 8 * i)) & 0xff;
                text[3 * i] = "0123456789abcdef"[b >> 4];
                text[3 * i + 1] = "0123456789abcdef"[b & 15];
                if (i < Length - 1)
                {
                    text[3 * i + 2] = ':';
                }
            }
        });

    /// <inheritdoc/>
    public bool Equals(MacAddress other) => _value == other._value;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is MacAddress other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _value.GetHashCode();

    /// <summary>True when all six bytes are equal.</summary>
    public static bool operator ==(MacAddress left, MacAddress right) => left._value == right._value;

    /// <summary>True when any byte differs.</summary>
    public static bool operator !=(MacAddress left, MacAddress right) => left._value != right._value;
}
