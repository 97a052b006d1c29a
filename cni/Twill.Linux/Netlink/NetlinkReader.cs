using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Twill.Linux.Netlink;

/// <summary>
/// Reads a message's payload: the family's header, then attribute by attribute. Never reads past what was received; lengths that
/// cannot be true are a <see cref="NetlinkFormatException"/>.
/// </summary>
/// <param name="bytes">A message's payload, or a nested attribute's value.</param>
public ref struct NetlinkReader(ReadOnlySpan<byte> bytes)
{
    private const ushort TypeMask = 0x3fff; // NLA_TYPE_MASK: without NLA_F_NESTED and NLA_F_NET_BYTEORDER
    private readonly ReadOnlySpan<byte> _bytes = bytes;
    private int _offset;

    /// <summary>Reads the family's fixed header, e.g. struct ifinfomsg.</summary>
    /// <exception cref="NetlinkFormatException">There are fewer bytes than that.</exception>
    public T Header<T>()
        where T : unmanaged
    {
        int size = Unsafe.SizeOf<T>();
        if (_bytes.Length - _offset < size)
        {
            throw new NetlinkFormatException($"A netlink message has {_bytes.Length - _offset} bytes where a header of {size} should be.");
        }

        T header = MemoryMarshal.Read<T>(_bytes[_offset..]);
        Advance(size);
        return header;
    }

    /// <summary>Takes the next attribute.</summary>
    /// <returns>False when there are no more.</returns>
    /// <exception cref="NetlinkFormatException">The rest is shorter than an attribute's header, or than that says.</exception>
    public bool TryRead(out NetlinkAttribute attribute)
    {
        ReadOnlySpan<byte> rest = _bytes[_offset..];
        attribute = default;
        if (rest.IsEmpty)
        {
            return false;
        }

        if (rest.Length < NetlinkWriter.AttributeHeader)
        {
            throw new NetlinkFormatException($"{rest.Length} bytes are left at offset {_offset}, fewer than an attribute's header has.");
        }

        ushort length = MemoryMarshal.Read<ushort>(rest);
        ushort type = MemoryMarshal.Read<ushort>(rest[2..]);
        if (length < NetlinkWriter.AttributeHeader || length > rest.Length)
        {
            throw new NetlinkFormatException(
                $"Attribute {type & TypeMask} at offset {_offset} says it has {length} bytes, of which there are {rest.Length}."
            );
        }
        attribute = new NetlinkAttribute((ushort)(type & TypeMask), rest[NetlinkWriter.AttributeHeader..length]);
        Advance(length);
        return true;
    }

    private void Advance(int length) => _offset += Math.Min((length + 3) & ~3, _bytes.Length - _offset);
}
