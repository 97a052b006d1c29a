using System.Net;
using System.Net.Sockets;
using Twill.System;

namespace Twill.Network.Configuration;

/// <summary>
/// What one subnet gives to containers: the addresses <paramref name="First"/> to <paramref name="Last"/> (both included) less
/// the gateway. Empty when <paramref name="First"/> is past <paramref name="Last"/>.
/// </summary>
public readonly record struct AddressRange(IPNetwork Subnet, IPAddress Gateway, UInt128 First, UInt128 Last)
{
    /// <summary>The family of its addresses.</summary>
    public AddressFamily Family => Subnet.BaseAddress.AddressFamily;

    /// <summary>How many containers this range has room for.</summary>
    public UInt128 Capacity =>
        First > Last ? 0 : Last - First + 1 - (IPPrefix.NumberOf(Gateway) >= First && IPPrefix.NumberOf(Gateway) <= Last ? 1u : 0u);

    /// <summary>Whether it may hand out this very address.</summary>
    public bool Contains(IPAddress address) =>
        address.AddressFamily == Family
        && IPPrefix.NumberOf(address) >= First
        && IPPrefix.NumberOf(address) <= Last
        && !address.Equals(Gateway);

    /// <summary>A configured range, whose ends are cut to what hosts of its subnet can have.</summary>
    public static AddressRange Of(FixedRange range) => Of(range.Subnet, range.ConfiguredGateway, range.Start, range.End);

    /// <summary>
    /// The range of a subnet: everything but the network's own address, IPv4's broadcast address and the gateway, cut to what lies
    /// between <paramref name="start"/> and <paramref name="end"/>.
    /// </summary>
    /// <param name="subnet">the subnet; its prefix length goes into the results</param>
    /// <param name="gateway">the configured gateway; null, or one of another subnet: the subnet's first address</param>
    /// <param name="start">first address to hand out, null for no limit</param>
    /// <param name="end">last address to hand out, null for no limit</param>
    public static AddressRange Of(IPNetwork subnet, IPAddress? gateway, IPAddress? start, IPAddress? end)
    {
        UInt128 first = IPPrefix.NumberOf(subnet.FirstHost());
        UInt128 last = IPPrefix.NumberOf(subnet.LastHost());
        if (start is not null)
        {
            first = UInt128.Max(first, IPPrefix.NumberOf(start));
        }

        if (end is not null)
        {
            last = UInt128.Min(last, IPPrefix.NumberOf(end));
        }

        bool own = gateway is not null && subnet.Contains(gateway);
        return new AddressRange(subnet, own ? gateway! : subnet.FirstHost(), first, last);
    }
}
