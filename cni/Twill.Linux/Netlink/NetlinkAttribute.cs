using System.Buffers.Binary;
using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Twill.Linux.Netlink;

/// <summary>One received attribute. Each method reads the whole value as one type and refuses any other length.</summary>
public readonly ref struct NetlinkAttribute
{
    internal NetlinkAttribute(ushort type, ReadOnlySpan<byte> value)
    {
        Type = type;
        Value = value;
    }

    /// <summary>The attribute's number, without the flag bits.</summary>
    public ushort Type { get; }

    /// <summary>The value as it was received, without padding.</summary>
    public ReadOnlySpan<byte> Value { get; }

    /// <summary>A reader for the attributes inside.</summary>
    public NetlinkReader Nested => new(Value);

    /// <summary>A u8.</summary>
    public byte U8() => Read<byte>();

    /// <summary>A u8 that is not 0.</summary>
    public bool Bool() => Read<byte>() != 0;

    /// <summary>A u16.</summary>
    public ushort U16() => Read<ushort>();

    /// <summary>A u32.</summary>
    public uint U32() => Read<uint>();

    /// <summary>An s32.</summary>
    public int S32() => Read<int>();

    /// <summary>A u64.</summary>
    public ulong U64() => Read<ulong>();

    /// <summary>A u16, big endian.</summary>
    public ushort Be16() => BinaryPrimitives.ReadUInt16BigEndian(Exactly(2));

    /// <summary>A u32, big endian.</summary>
    public uint Be32() => BinaryPrimitives.ReadUInt32BigEndian(Exactly(4));

    /// <summary>A u64, big endian.</summary>
    public ulong Be64() => BinaryPrimitives.ReadUInt64BigEndian(Exactly(8));

    /// <summary>A struct as it lies in memory. A longer value is taken as a newer kernel's: what follows is ignored.</summary>
    public T Struct<T>()
        where T : unmanaged => Value.Length >= Unsafe.SizeOf<T>() ? MemoryMarshal.Read<T>(Value) : throw WrongLength(Unsafe.SizeOf<T>());

    /// <summary>A text in UTF-8 up to its NUL, or to the end when there is none.</summary>
    public string Text()
    {
        int end = Value.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? Value : Value[..end]);
    }

    /// <summary>An address of 4 or 16 bytes.</summary>
    public IPAddress Address() =>
        Value.Length is 4 or 16
            ? new IPAddress(Value)
            : throw new NetlinkFormatException($"Attribute {Type}: expected an IP address of 4 or 16 bytes, got {Value.Length} bytes.");

    /// <summary>A hardware address of six bytes.</summary>
    public MacAddress Mac() => new(Exactly(MacAddress.Length));

    private T Read<T>()
        where T : unmanaged => MemoryMarshal.Read<T>(Exactly(Unsafe.SizeOf<T>()));

    private ReadOnlySpan<byte> Exactly(int length) => Value.Length == length ? Value : throw WrongLength(length);

    private NetlinkFormatException WrongLength(int expected) => new($"Attribute {Type}: expected {expected} bytes, got {Value.Length}.");
}
