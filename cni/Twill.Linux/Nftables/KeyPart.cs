namespace Twill.Linux.Nftables;

/// <summary>What of a packet a key is made of, in the order of the set's fields.</summary>
public enum KeyPart
{
    /// <summary>`ip saddr` or `ip6 saddr`, as the set's field says.</summary>
    Saddr,

    /// <summary>`ip daddr` or `ip6 daddr`, as the set's field says.</summary>
    Daddr,

    /// <summary>`meta l4proto`.</summary>
    L4Proto,

    /// <summary>`th sport`: the source port of TCP, UDP, SCTP.</summary>
    Sport,

    /// <summary>`th dport`.</summary>
    Dport,

    /// <summary>`ct original proto-dst`: the destination port of the connection's first packet, before any translation.</summary>
    OriginalDport,

    /// <summary>`iifname`.</summary>
    IifName,

    /// <summary>`oifname`.</summary>
    OifName,

    /// <summary>`meta mark`.</summary>
    Mark,

    /// <summary>`ether saddr`: the frame's source, in tables of the family bridge.</summary>
    EtherSaddr,

    /// <summary>`arp saddr ether`: whom an ARP packet over Ethernet names as its sender.</summary>
    ArpSenderMac,

    /// <summary>`arp saddr ip`.</summary>
    ArpSenderAddress,

    /// <summary>`icmpv6 taddr`: the target of a neighbour solicitation or advertisement (RFC 4861, sections 4.3 and 4.4).</summary>
    NeighbourTarget,
}
