namespace Twill.Host;

/// <summary>
/// Who put a route or neighbour into the kernel (rtm_protocol, NDA_PROTOCOL): the mark by which twill knows its own entries from
/// those of people and other programs. `ip route show proto 116` lists them.
/// </summary>
public static class RouteProtocol
{
    /// <summary>The number that twill puts on everything it writes; free in the kernel's and iproute2's `rt_protos`.</summary>
    public const byte Twill = 116;

    /// <summary>That of routes to single containers of this host, which no backend keeps.</summary>
    public const byte Container = 117;
}
