using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Twill.Cni;

/// <summary>Addresses as numbers, so that "the next one" is an addition. IPv4 fills the low 32 bits, IPv6 all 128.</summary>
public static class AddressNumber
{
    /// <summary>The number of an address.</summary>
    public static UInt128 Of(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int length);
        return length == 4 ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    /// <summary>The reverse of <see cref="Of"/>; of IPv4 the low 32 bits count.</summary>
    public static IPAddress ToAddress(UInt128 number, AddressFamily family)
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

    /// <summary>The number of the last address of a prefix: the broadcast address in IPv4.</summary>
    public static UInt128 LastOf(IPNetwork subnet)
    {
        int hostBits = (subnet.BaseAddress.AddressFamily == AddressFamily.InterNetwork ? 32 : 128) - subnet.PrefixLength;
        UInt128 hostMask = hostBits == 128 ? UInt128.MaxValue : (UInt128.One << hostBits) - 1;
        return Of(subnet.BaseAddress) | hostMask;
    }
}
