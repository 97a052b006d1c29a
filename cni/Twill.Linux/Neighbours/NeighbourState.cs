namespace Twill.Linux.Neighbours;

/// <summary>How sure the kernel is of a neighbour, NUD_* of linux/neighbour.h.</summary>
[Flags]
public enum NeighbourState : ushort
{
    /// <summary>NUD_NONE.</summary>
    None = 0,

    /// <summary>NUD_INCOMPLETE: asked for, not answered yet.</summary>
    Incomplete = 0x01,

    /// <summary>NUD_REACHABLE: confirmed lately.</summary>
    Reachable = 0x02,

    /// <summary>NUD_STALE: confirmed long ago.</summary>
    Stale = 0x04,

    /// <summary>NUD_DELAY: will be asked soon.</summary>
    Delay = 0x08,

    /// <summary>NUD_PROBE: being asked again.</summary>
    Probe = 0x10,

    /// <summary>NUD_FAILED: did not answer.</summary>
    Failed = 0x20,

    /// <summary>NUD_NOARP: needs no asking; of an FDB: not from learning.</summary>
    NoArp = 0x40,

    /// <summary>NUD_PERMANENT: set by hand, never ages.</summary>
    Permanent = 0x80,
}
