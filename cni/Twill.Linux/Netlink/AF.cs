using System.Net;
using System.Net.Sockets;

namespace Twill.Linux.Netlink;

/// <summary>Address families as the kernel numbers them, linux/socket.h.</summary>
internal static class AF
{
    internal const byte UNSPEC = 0,
        INET = 2,
        BRIDGE = 7,
        INET6 = 10;

    internal static byte Of(IPAddress address) => Of(address.AddressFamily);

    /// <exception cref="ArgumentException">Neither IPv4, IPv6 nor unspecified.</exception>
    internal static byte Of(AddressFamily family) =>
        family switch
        {
            AddressFamily.InterNetwork => INET,
            AddressFamily.InterNetworkV6 => INET6,
            AddressFamily.Unspecified => UNSPEC,
            _ => throw new ArgumentException($"Address family {family}: expected IPv4 or IPv6."),
        };

    /// <summary>How a command for the family starts: <c>ip</c>, <c>ip -4</c> or <c>ip -6</c>.</summary>
    internal static string Ip(AddressFamily family) =>
        family switch
        {
            AddressFamily.InterNetwork => "ip -4",
            AddressFamily.InterNetworkV6 => "ip -6",
            _ => "ip",
        };

    /// <summary>Bits in an address of the family.</summary>
    internal static int Bits(byte family) => family == INET ? 32 : 128;

    /// <summary>The all-zero address of the family.</summary>
    internal static IPAddress Any(byte family) => family == INET ? IPAddress.Any : IPAddress.IPv6Any;
}
