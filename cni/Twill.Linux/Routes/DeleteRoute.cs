using System.Net;
using Twill.Linux.Netlink;

namespace Twill.Linux.Routes;

/// <summary>
/// <c>ip route del DESTINATION [nhid ID] [via GATEWAY] [dev LINK] [proto P] [metric M] [table T]</c>: the first route that has all
/// that is given. ESRCH when there is none.
/// </summary>
/// <param name="Destination">IPv4 or IPv6; of length 0 for the default route.</param>
public readonly record struct DeleteRoute(IPNetwork Destination) : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.DELROUTE;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.None;

    /// <summary>Next hop; null for any.</summary>
    public IPAddress? Gateway { get; init; }

    /// <summary>Interface index of the link; 0 for any.</summary>
    public int Index { get; init; }

    /// <summary>The nexthop object that it names; 0 for any. A route that names one has no gateway and no link to the kernel's
    /// mind.</summary>
    public uint NexthopId { get; init; }

    /// <summary>Who made the route (rtm_protocol); 0 for anyone.</summary>
    public byte Protocol { get; init; }

    /// <summary>Routing table; 0 for main.</summary>
    public uint Table { get; init; }

    /// <summary>Metric; 0 for any.</summary>
    public uint Metric { get; init; }

    /// <summary>What it does with a packet; Unspecified (0) for any.</summary>
    public RouteType RouteType { get; init; }

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) =>
        RouteParts
            .Command("del", RouteType, Destination, Gateway)
            .Add("nhid", NexthopId)
            .Add("dev", names.LinkOrNull(Index))
            .Add("proto", Protocol)
            .Add("metric", Metric)
            .Add("table", Table)
            .ToString();

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        byte family = AF.Of(Destination.BaseAddress);
        w.Header(
            new RtMsg
            {
                Family = family,
                DestinationLength = (byte)Destination.PrefixLength,
                Table = RouteParts.HeaderTable(Table),
                Protocol = Protocol,
                Scope = (byte)RouteScope.Nowhere,
                Type = (byte)RouteType,
            }
        );
        RouteParts.PutDestination(ref w, Destination);
        if (Gateway is not null)
        {
            RouteParts.PutGateway(ref w, family, Gateway);
        }

        RouteParts.PutMetricAndTable(ref w, Metric, Table);
        if (Index != 0)
        {
            w.Put(RTA.OIF, Index);
        }

        if (NexthopId != 0)
        {
            w.Put(RTA.NH_ID, NexthopId);
        }
    }
}
