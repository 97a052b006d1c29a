using System.Net;

namespace Twill.Linux.Routes;

/// <summary>One of the ways of a route that has several.</summary>
/// <param name="Index">Interface index.</param>
/// <param name="Gateway">Next hop; null when the destination is on the link.</param>
/// <param name="Weight">Its share of the packets, 1 to 256.</param>
/// <param name="Flags">RTNH_F_* of linux/rtnetlink.h.</param>
public sealed record NextHop(int Index, IPAddress? Gateway, int Weight, byte Flags)
{
    /// <summary>The gateway is taken to be on the link (RTNH_F_ONLINK).</summary>
    public bool IsOnlink => (Flags & 4) != 0;

    /// <summary>It is used: its link is neither down (RTNH_F_DEAD) nor without carrier (RTNH_F_LINKDOWN).</summary>
    public bool IsAlive => (Flags & (1 | 16)) == 0;
}
