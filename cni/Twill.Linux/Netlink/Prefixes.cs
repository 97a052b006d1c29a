using System.Net;

namespace Twill.Linux.Netlink;

/// <summary>Addresses and the prefixes that they lie in.</summary>
public static class Prefixes
{
    /// <summary>The prefix of so many bits that the address lies in.</summary>
    public static IPNetwork Of(IPAddress address, int length)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out int count);
        for (int bit = length; bit < 8 * count; bit++)
        {
            bytes[bit / 8] &= (byte)~(0x80 >> bit % 8);
        }

        return new IPNetwork(new IPAddress(bytes[..count]), length);
    }

    /// <summary>Looks that an address has as many bits as a message says.</summary>
    /// <exception cref="NetlinkFormatException">The address does not have that many bits.</exception>
    internal static void Check(IPAddress address, int length)
    {
        if (length > AF.Bits(AF.Of(address)))
        {
            throw new NetlinkFormatException($"A prefix length of {length} with the address {address}.");
        }
    }
}
