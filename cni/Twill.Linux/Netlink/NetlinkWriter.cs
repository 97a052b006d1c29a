using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Twill.Linux.Netlink;

/// <summary>
/// Writes messages into a span: header, family header, attributes, nested attributes. Everything starts at a multiple of four bytes
/// and padding is zero. The span never grows: what does not fit is dropped and <see cref="IsFull"/> says so, for the caller
/// to write the message again into a larger one. Numbers are in the machine's byte order unless the method says Be (big endian).
/// </summary>
public ref struct NetlinkWriter
{
    internal const int HeaderLength = 16; // struct nlmsghdr
    internal const int AttributeHeader = 4; // struct nlattr
    internal const ushort NestedFlag = 0x8000; // NLA_F_NESTED

    private readonly Span<byte> _buffer;
    private int _length;
    private int _message; // where the open message starts, -1 when none is open
    private int _depth; // nests that are open

    /// <summary>Starts at the beginning of the span.</summary>
    public NetlinkWriter(Span<byte> buffer)
    {
        _buffer = buffer;
        _message = -1;
    }

    /// <summary>True when something did not fit. The bytes written are then of no use.</summary>
    public bool IsFull { get; private set; }

    /// <summary>Bytes written.</summary>
    public readonly int Length => _length;

    /// <summary>The bytes written.</summary>
    public readonly ReadOnlySpan<byte> Written => _buffer[.._length];

    /// <summary>Starts a message: struct nlmsghdr. Its length is set by <see cref="EndMessage"/>; the port id is left to the
    /// kernel.</summary>
    /// <param name="type">nlmsg_type.</param>
    /// <param name="flags">nlmsg_flags, complete.</param>
    /// <param name="sequence">nlmsg_seq, which the answer carries.</param>
    public void BeginMessage(ushort type, NetlinkFlags flags, uint sequence)
    {
        if (_message >= 0)
        {
            throw new InvalidOperationException("A netlink message was begun inside another.");
        }

        _message = _length;
        Span<byte> header = Take(HeaderLength);
        if (header.IsEmpty)
        {
            return;
        }

        header.Clear();
        MemoryMarshal.Write(header[4..], type);
        MemoryMarshal.Write(header[6..], (ushort)flags);
        MemoryMarshal.Write(header[8..], sequence);
    }

    /// <summary>Ends the message and fills in its length.</summary>
    /// <returns>The message's length in bytes.</returns>
    /// <exception cref="InvalidOperationException">No message is open, or a nest in it still is.</exception>
    public int EndMessage()
    {
        if (_message < 0 || _depth != 0)
        {
            throw new InvalidOperationException(
                _message < 0 ? "No netlink message is open." : $"{_depth} nested attributes were not ended."
            );
        }

        int length = _length - _message;
        if (!IsFull)
        {
            MemoryMarshal.Write(_buffer[_message..], (uint)length);
        }

        _message = -1;
        return length;
    }

    /// <summary>Writes the family's fixed header, e.g. struct ifinfomsg, as it lies in memory.</summary>
    public void Header<T>(in T header)
        where T : unmanaged
    {
        Span<byte> room = Take(Unsafe.SizeOf<T>());
        if (!room.IsEmpty)
        {
            MemoryMarshal.Write(room, in header);
        }
    }

    /// <summary>Starts an attribute that holds attributes (NLA_F_NESTED is set).</summary>
    /// <returns>The token that <see cref="End"/> wants.</returns>
    public Nest Begin<T>(T attribute)
        where T : unmanaged, Enum => BeginNest(Number(attribute));

    /// <summary>Ends a nested attribute and fills in its length.</summary>
    /// <exception cref="InvalidOperationException">Nests were ended in the wrong order, or it exceeds the 65,535 bytes of an
    /// attribute.</exception>
    public void End(Nest nest)
    {
        if (nest.Depth != _depth)
        {
            throw new InvalidOperationException("Nested attributes were ended in another order than they were begun in.");
        }

        _depth--;
        if (IsFull)
        {
            return;
        }

        int length = _length - nest.Offset;
        if (length > ushort.MaxValue)
        {
            throw new InvalidOperationException($"A nested attribute of {length} bytes: the most is {ushort.MaxValue}.");
        }

        MemoryMarshal.Write(_buffer[nest.Offset..], (ushort)length);
    }

    /// <summary>Writes an attribute without a value: it is there, or not.</summary>
    public void Put<T>(T attribute)
        where T : unmanaged, Enum => Attribute(Number(attribute), 0);

    /// <summary>Writes a u8 of 0 or 1.</summary>
    public void Put<T>(T attribute, bool value)
        where T : unmanaged, Enum => PutNumber(Number(attribute), value ? (byte)1 : (byte)0);

    /// <summary>Writes a u8.</summary>
    public void Put<T>(T attribute, byte value)
        where T : unmanaged, Enum => PutNumber(Number(attribute), value);

    /// <summary>Writes a u16.</summary>
    public void Put<T>(T attribute, ushort value)
        where T : unmanaged, Enum => PutNumber(Number(attribute), value);

    /// <summary>Writes a u32.</summary>
    public void Put<T>(T attribute, uint value)
        where T : unmanaged, Enum => PutNumber(Number(attribute), value);

    /// <summary>Writes an s32, e.g. an interface index or a descriptor.</summary>
    public void Put<T>(T attribute, int value)
        where T : unmanaged, Enum => PutNumber(Number(attribute), value);

    /// <summary>Writes a u64.</summary>
    public void Put<T>(T attribute, ulong value)
        where T : unmanaged, Enum => PutNumber(Number(attribute), value);

    /// <summary>Writes a u16, big endian.</summary>
    public void PutBe16<T>(T attribute, ushort value)
        where T : unmanaged, Enum => Put(attribute, BigEndian(value));

    /// <summary>Writes a u32, big endian.</summary>
    public void PutBe32<T>(T attribute, uint value)
        where T : unmanaged, Enum => Put(attribute, BigEndian(value));

    /// <summary>Writes a u64, big endian.</summary>
    public void PutBe64<T>(T attribute, ulong value)
        where T : unmanaged, Enum => Put(attribute, BigEndian(value));

    /// <summary>Writes the bytes as they are.</summary>
    public void Put<T>(T attribute, scoped ReadOnlySpan<byte> value)
        where T : unmanaged, Enum => PutBytes(Number(attribute), value);

    /// <summary>Writes a text in UTF-8 with its terminating NUL.</summary>
    /// <exception cref="ArgumentException">The text holds a NUL.</exception>
    public void Put<T>(T attribute, string value)
        where T : unmanaged, Enum => PutText(Number(attribute), value);

    /// <summary>Writes an address of 4 or 16 bytes, first byte first.</summary>
    public void Put<T>(T attribute, IPAddress value)
        where T : unmanaged, Enum => PutAddress(Number(attribute), value);

    /// <summary>Writes a hardware address of six bytes.</summary>
    public void Put<T>(T attribute, MacAddress value)
        where T : unmanaged, Enum => PutMac(Number(attribute), value);

    /// <summary>Writes a descriptor's number as an s32. The handle must stay open until the message was sent.</summary>
    public void Put<T>(T attribute, SafeHandle value)
        where T : unmanaged, Enum => Put(attribute, (int)value.DangerousGetHandle());

    // The enum's number. Attribute enums are declared ": ushort"; the cast compiles to nothing.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ushort Number<T>(T attribute)
        where T : unmanaged, Enum => Unsafe.BitCast<T, ushort>(attribute);

    private static ushort BigEndian(ushort value) => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value;

    private static uint BigEndian(uint value) => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value;

    private static ulong BigEndian(ulong value) => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value;

    private Nest BeginNest(ushort attribute)
    {
        int offset = _length;
        Attribute((ushort)(attribute | NestedFlag), 0);
        return new Nest(offset, ++_depth);
    }

    private void PutNumber<T>(ushort attribute, T value)
        where T : unmanaged
    {
        Span<byte> room = Attribute(attribute, Unsafe.SizeOf<T>());
        if (!room.IsEmpty)
        {
            MemoryMarshal.Write(room, in value);
        }
    }

    private void PutBytes(ushort attribute, scoped ReadOnlySpan<byte> value)
    {
        Span<byte> room = Attribute(attribute, value.Length);
        if (!room.IsEmpty)
        {
            value.CopyTo(room);
        }
    }

    private void PutText(ushort attribute, string value)
    {
        if (value.Contains('\0'))
        {
            throw new ArgumentException($"A text for the kernel must not hold a NUL: '{value.Replace("\0", "\\0")}'.", nameof(value));
        }

        Span<byte> room = Attribute(attribute, Encoding.UTF8.GetByteCount(value) + 1);
        if (!room.IsEmpty)
        {
            room[Encoding.UTF8.GetBytes(value, room)] = 0;
        }
    }

    private void PutAddress(ushort attribute, IPAddress value)
    {
        Span<byte> room = Attribute(attribute, value.AddressFamily == AddressFamily.InterNetwork ? 4 : 16);
        if (!room.IsEmpty)
        {
            value.TryWriteBytes(room, out _);
        }
    }

    private void PutMac(ushort attribute, MacAddress value)
    {
        Span<byte> room = Attribute(attribute, MacAddress.Length);
        if (!room.IsEmpty)
        {
            value.CopyTo(room);
        }
    }

    // Writes struct nlattr and returns the room for the value: empty when it does not fit.
    private Span<byte> Attribute(ushort attribute, int length)
    {
        if (length > ushort.MaxValue - AttributeHeader)
        {
            throw new ArgumentException($"Attribute {attribute} of {length} bytes: the most is {ushort.MaxValue - AttributeHeader}.");
        }

        Span<byte> room = Take(AttributeHeader + length);
        if (room.IsEmpty)
        {
            return default;
        }

        MemoryMarshal.Write(room, (ushort)(AttributeHeader + length));
        MemoryMarshal.Write(room[2..], attribute);
        return room[AttributeHeader..];
    }

    private Span<byte> Take(int length)
    {
        int aligned = (length + 3) & ~3;
        if (IsFull || aligned > _buffer.Length - _length)
        {
            IsFull = true;
            return default;
        }
        Span<byte> room = _buffer.Slice(_length, aligned);
        room[length..].Clear();
        _length += aligned;
        return room[..length];
    }
}
