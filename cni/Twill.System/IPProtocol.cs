using System.Globalization;

namespace Twill.System;

/// <summary>Numbers of the protocols above IP (IANA, "Protocol Numbers"), and the names that the kernel's tools have for them.</summary>
public static class IPProtocol
{
    /// <summary>IPPROTO_ICMP and its like.</summary>
    public const byte Icmp = 1,
        Tcp = 6,
        Udp = 17,
        Icmpv6 = 58,
        Sctp = 132;

    /// <summary>The name as <c>nft</c> and <c>conntrack</c> write it; the number where this program uses no such protocol.</summary>
    public static string NameOf(byte protocol) =>
        protocol switch
        {
            Icmp => "icmp",
            Tcp => "tcp",
            Udp => "udp",
            Icmpv6 => "ipv6-icmp",
            Sctp => "sctp",
            _ => protocol.ToString(CultureInfo.InvariantCulture),
        };

    /// <summary>The number of a protocol that has ports and can be published: tcp, udp, sctp, in upper or lower case.</summary>
    /// <returns>False for any other name.</returns>
    public static bool TryParseTransport(ReadOnlySpan<char> name, out byte protocol)
    {
        protocol =
            name.Equals("tcp", StringComparison.OrdinalIgnoreCase) ? Tcp
            : name.Equals("udp", StringComparison.OrdinalIgnoreCase) ? Udp
            : name.Equals("sctp", StringComparison.OrdinalIgnoreCase) ? Sctp
            : (byte)0;
        return protocol != 0;
    }
}
