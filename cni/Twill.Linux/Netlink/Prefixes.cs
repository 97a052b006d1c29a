using System.Net;

namespace Twill.Linux.Netlink;

/// <summary>Prefixes in messages.</summary>
internal static class Prefixes
{
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
