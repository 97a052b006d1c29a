using System.Net;
using Twill.Linux.Netlink;
using Twill.System;

namespace Twill.Linux.Routes;

/// <summary><c>ip route get DESTINATION [from SOURCE [iif LINK]]</c>: which way a packet would take. ENETUNREACH when there is
/// none.</summary>
/// <param name="Destination">IPv4 or IPv6.</param>
public readonly record struct GetRoute(IPAddress Destination) : INetlinkRequest
{
    private const uint RTM_F_LOOKUP_TABLE = 0x1000; // tell the table that the route was found in

    /// <inheritdoc/>
    public static ushort Type => RTM.GETROUTE;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.None;

    /// <summary>The packet's source address; null: the kernel's choice. One of this host's own, unless <see cref="Iif"/> is set.</summary>
    public IPAddress? Source { get; init; }

    /// <summary>Index of the interface that the packet comes in by; 0: it is this host's own.</summary>
    public int Iif { get; init; }

    /// <summary>The port that a UDP packet goes to; 0: a packet of which nothing is known.</summary>
    public ushort UdpPort { get; init; }

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) =>
        new CommandText($"ip route get {Destination}")
            .Add("from", Source)
            .Add("iif", names.LinkOrNull(Iif))
            .AddIf(UdpPort != 0, "ipproto udp")
            .Add("dport", UdpPort)
            .ToString();

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
                SourceLength = Source is null ? (byte)0 : (byte)AF.Bits(family),
                Flags = family == AF.INET ? RTM_F_LOOKUP_TABLE : 0,
            }
        );
        w.Put(RTA.DST, Destination);
        if (Source is not null)
        {
            w.Put(RTA.SRC, Source);
        }

        if (UdpPort != 0)
        {
            w.Put(RTA.IP_PROTO, IPProtocol.Udp);
            w.PutBe16(RTA.DPORT, UdpPort);
        }

        if (Iif != 0)
        {
            w.Put(RTA.IIF, Iif);
        }
    }
}
