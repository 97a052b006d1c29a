using System.Runtime.InteropServices;

namespace Twill.Linux.Netlink;

/// <summary>Cuts a datagram into its messages.</summary>
/// <param name="datagram">What was received.</param>
public ref struct NetlinkMessages(ReadOnlySpan<byte> datagram)
{
    private readonly ReadOnlySpan<byte> _datagram = datagram;
    private int _offset;

    /// <summary>Bytes that were not taken yet.</summary>
    internal readonly int Remaining => _datagram.Length - _offset;

    /// <summary>Takes the next message.</summary>
    /// <returns>False at the end of the datagram.</returns>
    /// <exception cref="NetlinkFormatException">The rest is shorter than a header, or than the header says.</exception>
    public bool TryRead(out NetlinkMessage message)
    {
        ReadOnlySpan<byte> rest = _datagram[_offset..];
        message = default;
        if (rest.IsEmpty)
        {
            return false;
        }

        if (rest.Length < NetlinkWriter.HeaderLength)
        {
            throw new NetlinkFormatException($"A netlink datagram of {_datagram.Length} bytes ends inside the header at offset {_offset}.");
        }

        uint length = MemoryMarshal.Read<uint>(rest);
        if (length < NetlinkWriter.HeaderLength || length > (uint)rest.Length)
        {
            throw new NetlinkFormatException(
                $"A netlink message at offset {_offset} says it has {length} bytes, of which there are {rest.Length}."
            );
        }
        message = new NetlinkMessage(
            MemoryMarshal.Read<ushort>(rest[4..]),
            (NetlinkFlags)MemoryMarshal.Read<ushort>(rest[6..]),
            MemoryMarshal.Read<uint>(rest[8..]),
            MemoryMarshal.Read<uint>(rest[12..]),
            rest[NetlinkWriter.HeaderLength..(int)length]
        );
        _offset += Math.Min(((int)length + 3) & ~3, rest.Length);
        return true;
    }
}
