namespace Twill.Linux.Neighbours;

/// <summary>Flags of a neighbour or FDB entry, NTF_* of linux/neighbour.h.</summary>
[Flags]
public enum NeighbourFlags : byte
{
    /// <summary>No flag.</summary>
    None = 0,

    /// <summary>NTF_USE: as if a packet had used it.</summary>
    Use = 0x01,

    /// <summary>NTF_SELF: in the device's own table (of a vxlan device: the hosts).</summary>
    Self = 0x02,

    /// <summary>NTF_MASTER: in the table of the bridge that the device is a port of.</summary>
    Master = 0x04,

    /// <summary>NTF_PROXY: answered on behalf of another.</summary>
    Proxy = 0x08,

    /// <summary>NTF_EXT_LEARNED: learnt and kept by a program; does not age.</summary>
    ExternallyLearned = 0x10,

    /// <summary>NTF_OFFLOADED: also in hardware.</summary>
    Offloaded = 0x20,

    /// <summary>NTF_STICKY: does not move to another port.</summary>
    Sticky = 0x40,

    /// <summary>NTF_ROUTER (IPv6): it is a router.</summary>
    Router = 0x80,
}
