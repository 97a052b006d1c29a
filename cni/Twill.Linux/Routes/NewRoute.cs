using System.Net;
using Twill.Linux.Netlink;

namespace Twill.Linux.Routes;

/// <summary><c>ip route add|replace DESTINATION [nhid ID | [via GATEWAY] [dev LINK] [onlink]] [proto P] [metric M] [mtu MTU] [advmss MSS]
/// [src ADDRESS] [scope S] [table T]</c></summary>
/// <param name="Destination">IPv4 or IPv6; of length 0 for the default route.</param>
public readonly record struct NewRoute(IPNetwork Destination) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.NEWROUTE;

    /// <inheritdoc/>
    public NetlinkFlags Flags =>
        NetlinkFlags.Create
        | Mode switch
        {
            RouteMode.Replace => NetlinkFlags.Replace,
            RouteMode.Append => NetlinkFlags.Append,
            RouteMode.Prepend => NetlinkFlags.None,
            _ => NetlinkFlags.Excl,
        };

    /// <summary>What becomes of a route that exists.</summary>
    public RouteMode Mode { get; init; }

    /// <summary>Next hop; null when the destination is on the link itself.</summary>
    public IPAddress? Gateway { get; init; }

    /// <summary>Interface index of the link; 0 lets the gateway decide.</summary>
    public int Index { get; init; }

    /// <summary>The gateway is taken to be on the link, though no prefix of the link says so.</summary>
    public bool Onlink { get; init; }

    /// <summary>The nexthop object that says gateway and link in their place; 0 for none. EINVAL when there is no such object.</summary>
    public uint NexthopId { get; init; }

    /// <summary>Who made the route (rtm_protocol); 0 for RTPROT_BOOT, as <c>ip</c> does.</summary>
    public byte Protocol { get; init; }

    /// <summary>
    /// How far away the destination is; null for link when IPv4 goes without a gateway, host for type local, and universe else, as
    /// <c>ip</c> does.
    /// </summary>
    public RouteScope? Scope { get; init; }

    /// <summary>What it does with a packet; Unspecified (0) for unicast.</summary>
    public RouteType RouteType { get; init; }

    /// <summary>Routing table; 0 for main.</summary>
    public uint Table { get; init; }

    /// <summary>The lower, the sooner it is taken; 0 for the kernel's default (IPv4 0, IPv6 1024).</summary>
    public uint Metric { get; init; }

    /// <summary>MTU of the path in bytes; 0 for the link's.</summary>
    public uint Mtu { get; init; }

    /// <summary>The TCP segment size to advertise, in bytes; 0 for what the MTU allows.</summary>
    public uint AdvMss { get; init; }

    /// <summary>The source address that this host prefers; null for the link's.</summary>
    public IPAddress? Source { get; init; }

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) =>
        RouteParts
            .Command(
                Mode switch
                {
                    RouteMode.Replace => "replace",
                    RouteMode.Append => "append",
                    RouteMode.Prepend => "prepend",
                    _ => "add",
                },
                RouteType,
                Destination,
                Gateway
            )
            .Add("nhid", NexthopId)
            .Add("dev", names.LinkOrNull(Index))
            .AddIf(Onlink, "onlink")
            .Add("proto", Protocol)
            .Add("metric", Metric)
            .Add("mtu", Mtu)
            .Add("advmss", AdvMss)
            .Add("src", Source)
            .Add("scope", Scope is { } scope ? RouteParts.ScopeName(scope) ?? "global" : null)
            .Add("table", Table)
            .ToString();

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        const byte RTPROT_BOOT = 3;
        byte family = AF.Of(Destination.BaseAddress);
        RouteType type = RouteType == RouteType.Unspecified ? RouteType.Unicast : RouteType;
        w.Header(
            new RtMsg
            {
                Family = family,
                DestinationLength = (byte)Destination.PrefixLength,
                Table = RouteParts.HeaderTable(Table),
                Protocol = Protocol == 0 ? RTPROT_BOOT : Protocol,
                Scope = (byte)(Scope ?? DefaultScope(family, type)),
                Type = (byte)type,
                Flags = Onlink ? RouteParts.RTNH_F_ONLINK : 0,
            }
        );
        RouteParts.PutDestination(ref w, Destination);
        if (Gateway is not null)
        {
            RouteParts.PutGateway(ref w, family, Gateway);
        }

        RouteParts.PutMetricAndTable(ref w, Metric, Table);
        if (Source is not null)
        {
            w.Put(RTA.PREFSRC, Source);
        }

        if (Index != 0)
        {
            w.Put(RTA.OIF, Index);
        }

        if (NexthopId != 0)
        {
            w.Put(RTA.NH_ID, NexthopId);
        }

        if (Mtu != 0 || AdvMss != 0)
        {
            Nest metrics = w.Begin(RTA.METRICS);
            if (Mtu != 0)
            {
                w.Put(RTAX.MTU, Mtu);
            }

            if (AdvMss != 0)
            {
                w.Put(RTAX.ADVMSS, AdvMss);
            }

            w.End(metrics);
        }
    }

    private RouteScope DefaultScope(byte family, RouteType type) =>
        type switch
        {
            RouteType.Local => RouteScope.Host,
            RouteType.Unicast when family == AF.INET && Gateway is null && NexthopId == 0 => RouteScope.Link,
            _ => RouteScope.Universe,
        };
}
