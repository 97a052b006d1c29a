namespace Twill.Linux.Nftables;

/// <summary>The address family of a table: NFPROTO_* of linux/netfilter.h, by the names that `nft` uses.</summary>
public enum NftFamily : byte
{
    /// <summary>IPv4 and IPv6 in one table.</summary>
    Inet = 1,

    /// <summary>IPv4.</summary>
    Ip = 2,

    /// <summary>ARP.</summary>
    Arp = 3,

    /// <summary>Ingress and egress of devices.</summary>
    Netdev = 5,

    /// <summary>Frames that pass a bridge.</summary>
    Bridge = 7,

    /// <summary>IPv6.</summary>
    Ip6 = 10,
}
