using System.Net;
using Twill.Linux;
using Twill.System;

namespace Twill.Host;

/// <summary>
/// Hardware addresses that twill derives instead of drawing them: the same object gets the same address when it is made again, so no
/// neighbour's ARP entry goes stale, and no rule of udev (<c>MACAddressPolicy=persistent</c>) has a random one to rewrite.
/// All are locally administered unicast addresses (bit 1 of the first octet set, bit 0 clear).
/// </summary>
public static class HostMacs
{
    /// <summary>A container's end of the pair: <c>02:74</c> and the four bytes of its IPv4 address, in network order; without one, from its
    /// IPv6 address.</summary>
    public static MacAddress ForContainer(IPAddress address)
    {
        if (IPv6Settings.IsIPv6(address))
        {
            return Derived(0x0e, StableHash.Of("", address.ToString()));
        }

        Span<byte> mac = stackalloc byte[6];
        mac[0] = 0x02;
        mac[1] = 0x74;
        address.TryWriteBytes(mac[2..], out _);
        return new MacAddress(mac);
    }

    /// <summary>The host's end of the pair, from the same hash as its name.</summary>
    public static MacAddress ForHostEnd(string containerId, string ifName) => Derived(0x06, StableHash.Of(containerId, ifName));

    /// <summary>The same on an administrator's bridge. A bridge without an address of its own takes the lowest of its ports', and is to
    /// keep that of the host's interface: this one is higher than any that a manufacturer gives.</summary>
    public static MacAddress ForLanEnd(string containerId, string ifName) => Derived(0xfe, StableHash.Of(containerId, ifName));

    /// <summary>Whether an address is of that kind.</summary>
    public static bool IsLanEnd(MacAddress? mac)
    {
        Span<byte> bytes = stackalloc byte[MacAddress.Length];
        (mac ?? MacAddress.Zero).CopyTo(bytes);
        return bytes[0] == 0xfe;
    }

    /// <summary>A bridge: the same on one host as long as its host name and the bridge's name stay.</summary>
    public static MacAddress ForBridge(string bridge) => Derived(0x0a, StableHash.Of(Environment.MachineName, bridge));

    private static MacAddress Derived(byte first, ulong hash)
    {
        Span<byte> mac = [first, (byte)(hash >> 32), (byte)(hash >> 24), (byte)(hash >> 16), (byte)(hash >> 8), (byte)hash];
        return new MacAddress(mac);
    }
}
