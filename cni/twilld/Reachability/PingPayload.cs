using System.Buffers.Binary;

namespace Twill.Agent;

/// <summary>What an agent says of its host with each ping.</summary>
[Flags]
internal enum PingFlags : byte
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Something fails there: its status and log say what.</summary>
    Fails = 1,

    /// <summary>It gets no answer from the host that it pings.</summary>
    HearsNothing = 2,
}

/// <summary>
/// The data of the agents' pings: <c>twilld</c>, a zero, the version 1, eight random bytes of the process, the packet's number (four
/// bytes, network byte order) and a byte of flags. The rest is zero.
/// </summary>
internal static class PingPayload
{
    /// <summary>Bytes that say something.</summary>
    internal const int Length = 21;

    /// <summary>Data of a small packet, as ping sends it.</summary>
    internal const int SmallLength = 56;

    private static ReadOnlySpan<byte> Magic => "twilld\0\x01"u8;

    internal static void Write(Span<byte> data, ulong process, uint number, PingFlags flags)
    {
        Magic.CopyTo(data);
        BinaryPrimitives.WriteUInt64BigEndian(data[8..], process);
        BinaryPrimitives.WriteUInt32BigEndian(data[16..], number);
        data[20] = (byte)flags;
    }

    /// <summary>False when it is no agent's.</summary>
    internal static bool TryRead(ReadOnlySpan<byte> data, out ulong process, out uint number, out PingFlags flags)
    {
        (process, number, flags) = (0, 0, PingFlags.None);
        if (data.Length < Length || !data.StartsWith(Magic))
        {
            return false;
        }

        process = BinaryPrimitives.ReadUInt64BigEndian(data[8..]);
        number = BinaryPrimitives.ReadUInt32BigEndian(data[16..]);
        flags = (PingFlags)data[20];
        return true;
    }
}
