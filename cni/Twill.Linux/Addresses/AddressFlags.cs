namespace Twill.Linux.Addresses;

/// <summary>Flags of an address, IFA_F_* of linux/if_addr.h.</summary>
[Flags]
public enum AddressFlags : uint
{
    /// <summary>No flag.</summary>
    None = 0,

    /// <summary>IFA_F_SECONDARY (IPv4): a further address of a prefix that the interface has already. IPv6 calls the same bit
    /// IFA_F_TEMPORARY: for privacy, and soon another.</summary>
    Secondary = 0x01,

    /// <summary>IFA_F_NODAD (IPv6): usable at once, without asking whether someone else has it.</summary>
    NoDad = 0x02,

    /// <summary>IFA_F_DADFAILED (IPv6): someone else has it.</summary>
    DadFailed = 0x08,

    /// <summary>IFA_F_DEPRECATED (IPv6): not for new connections.</summary>
    Deprecated = 0x20,

    /// <summary>IFA_F_TENTATIVE (IPv6): not usable yet.</summary>
    Tentative = 0x40,

    /// <summary>IFA_F_PERMANENT: without end of its lifetime.</summary>
    Permanent = 0x80,

    /// <summary>IFA_F_NOPREFIXROUTE: the kernel makes no route for its prefix.</summary>
    NoPrefixRoute = 0x200,
}
