using System.Net;
using Twill.Linux.Netlink;

namespace Twill.Linux.Routes;

/// <summary><c>ip route get DESTINATION</c>: which way a packet would take. ENETUNREACH when there is none.</summary>
/// <param name="Destination">IPv4 or IPv6.</param>
public readonly record struct GetRoute(IPAddress Destination) : INetlinkRequest
{
    private const uint RTM_F_LOOKUP_TABLE = 0x1000; // tell the table that the route was found in

    /// <inheritdoc/>
    public static ushort Type => RTM.GETROUTE;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.None;

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) => $"ip route get {Destination}";

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        byte family = AF.Of(Destination);
        // IPv6 tells the table anyway, and, where it checks requests strictly, refuses the flag: EINVAL.
        w.Header(
            new RtMsg
            {
                Family = family,
                DestinationLength = (byte)AF.Bits(family),
                Flags = family == AF.INET ? RTM_F_LOOKUP_TABLE : 0,
            }
        );
        w.Put(RTA.DST, Destination);
    }
}
