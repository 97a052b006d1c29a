namespace Twill.Agent.Names;

/// <summary>Numbers of DNS messages (RFC 1035, RFC 6891; IANA, "Domain Name System (DNS) Parameters"). All fields are in network byte
/// order.</summary>
internal static class DnsMessage
{
    /// <summary>Octets of the header.</summary>
    internal const int Header = 12;

    /// <summary>Octets of a UDP message where nobody said otherwise.</summary>
    internal const int SmallUdp = 512;

    /// <summary>Octets of a UDP message that fits into every packet (DNS flag day 2020).</summary>
    internal const int LargestUdp = 1232;

    /// <summary>Octets of a message over TCP.</summary>
    internal const int Largest = 65_535;

    /// <summary>Octets of a name, its lengths included.</summary>
    internal const int LongestName = 255;

    /// <summary>In the second 16 bits of the header: a response, truncated, and what it says of its server.</summary>
    internal const ushort Response = 0x8000,
        OpcodeMask = 0x7800,
        Authoritative = 0x0400,
        Truncated = 0x0200,
        RecursionDesired = 0x0100,
        RecursionAvailable = 0x0080,
        CheckingDisabled = 0x0010;

    /// <summary>The class of everything that there is.</summary>
    internal const ushort ClassIn = 1;

    /// <summary>Seconds that an answer may be kept.</summary>
    internal const int Ttl = 5;
}

/// <summary>Types of records.</summary>
internal enum DnsType : ushort
{
    A = 1,
    Ns = 2,
    Soa = 6,
    Ptr = 12,
    Aaaa = 28,
    Srv = 33,
    Opt = 41,
    Any = 255,
}

/// <summary>Response codes.</summary>
internal enum DnsCode : byte
{
    NoError = 0,
    FormatError = 1,
    ServerFailure = 2,
    NoSuchName = 3,
    NotImplemented = 4,
    Refused = 5,

    /// <summary>With a high part in the record OPT: 16.</summary>
    BadVersion = 16,
}
