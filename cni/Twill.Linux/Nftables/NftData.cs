using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;

namespace Twill.Linux.Nftables;

/// <summary>
/// Up to 64 bytes as they lie in registers and set elements: addresses and ports in network byte order, marks, interface indexes and
/// enumerations in the host's. Compared by value.
/// </summary>
public readonly struct NftData : IEquatable<NftData>
{
    /// <summary>NFT_DATA_VALUE_MAXLEN: what a value may have at most, in bytes.</summary>
    public const int MaxLength = 64;

    /// <summary>IFNAMSIZ: an interface name in a register, padded with NUL, in bytes.</summary>
    private const int InterfaceNameLength = 16;

    private readonly byte[]? _bytes;

    /// <summary>A copy of these bytes.</summary>
    /// <exception cref="ArgumentException">More than 64 bytes.</exception>
    public NftData(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > MaxLength)
        {
            throw new ArgumentException($"nf_tables data of {bytes.Length} bytes: at most {MaxLength} fit into registers");
        }

        _bytes = bytes.ToArray();
    }

    /// <summary>Length in bytes.</summary>
    public int Length => Span.Length;

    /// <summary>The bytes.</summary>
    public ReadOnlySpan<byte> Span => _bytes;

    /// <summary>The 4 or 16 bytes of an address.</summary>
    public static NftData Of(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int length);
        return new NftData(bytes[..length]);
    }

    /// <summary>One byte, such as an IP protocol number.</summary>
    public static NftData Of(byte value) => new([value]);

    /// <summary>A port or another 16 bit number that packets carry: network byte order.</summary>
    public static NftData OfPort(ushort port)
    {
        Span<byte> bytes = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, port);
        return new NftData(bytes);
    }

    /// <summary>A 32 bit number that the kernel made: a mark, an interface index, an address type, connection states. Host byte
    /// order.</summary>
    public static NftData OfHost(uint value) => new(MemoryMarshal.AsBytes(new ReadOnlySpan<uint>(ref value)));

    /// <summary>The six bytes of a hardware address.</summary>
    public static NftData Of(MacAddress mac)
    {
        Span<byte> bytes = stackalloc byte[MacAddress.Length];
        mac.CopyTo(bytes);
        return new NftData(bytes);
    }

    /// <summary>An interface name, padded to 16 bytes.</summary>
    /// <exception cref="ArgumentException">Empty, or longer than the 15 bytes that the kernel allows.</exception>
    public static NftData OfInterface(string name)
    {
        Span<byte> bytes = stackalloc byte[InterfaceNameLength];
        if (name.Length is 0 or >= InterfaceNameLength || !Encoding.UTF8.TryGetBytes(name, bytes[..(InterfaceNameLength - 1)], out _))
        {
            throw new ArgumentException($"interface name '{name}': expected 1 to 15 bytes");
        }

        return new NftData(bytes);
    }

    /// <summary>A concatenation (`a . b . c`): each field padded to a multiple of 4 bytes.</summary>
    public static NftData Concat(params ReadOnlySpan<NftData> fields)
    {
        Span<byte> bytes = stackalloc byte[MaxLength];
        bytes.Clear();
        int length = 0;
        foreach (NftData field in fields)
        {
            if (length + field.Length > MaxLength)
            {
                throw new ArgumentException($"a concatenation of {fields.Length} fields has more than {MaxLength} bytes");
            }

            field.Span.CopyTo(bytes[length..]);
            length += NftType.Padded(field.Length);
        }

        return new NftData(bytes[..length]);
    }

    /// <summary>The big-endian successor, or false when all bits are one: there is nothing after it.</summary>
    internal bool TryNext(out NftData next)
    {
        Span<byte> bytes = stackalloc byte[MaxLength];
        bytes = bytes[..Length];
        Span.CopyTo(bytes);
        for (int i = bytes.Length - 1; i >= 0; i--)
        {
            if (++bytes[i] != 0)
            {
                next = new NftData(bytes);
                return true;
            }
        }

        next = default;
        return false;
    }

    /// <summary>The big-endian predecessor; of zero, all bits one.</summary>
    internal NftData Previous()
    {
        Span<byte> bytes = stackalloc byte[MaxLength];
        bytes = bytes[..Length];
        Span.CopyTo(bytes);
        for (int i = bytes.Length - 1; i >= 0; i--)
        {
            if (bytes[i]-- != 0)
            {
                break;
            }
        }

        return new NftData(bytes);
    }

    /// <inheritdoc/>
    public bool Equals(NftData other) => Span.SequenceEqual(other.Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is NftData other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        HashCode hash = new();
        hash.AddBytes(Span);
        return hash.ToHashCode();
    }

    /// <summary>Hexadecimal: `0x0af40700`.</summary>
    public override string ToString() => $"0x{Convert.ToHexStringLower(Span)}";

    /// <summary>Same bytes.</summary>
    public static bool operator ==(NftData left, NftData right) => left.Equals(right);

    /// <summary>Other bytes.</summary>
    public static bool operator !=(NftData left, NftData right) => !left.Equals(right);
}
