using System.Globalization;
using System.Net.Sockets;
using Twill.Linux.Netlink;

namespace Twill.Linux.Routes;

/// <summary><c>ip [-4|-6] route show [table T] [proto P] [dev LINK]</c>. The kernel filters from 4.20 on; <see cref="Matches"/> does the
/// rest.</summary>
public readonly record struct ListRoutes : INetlinkRequest
{
    /// <inheritdoc/>
    public static ushort Type => RTM.GETROUTE;

    /// <inheritdoc/>
    public NetlinkFlags Flags => NetlinkFlags.Dump;

    /// <summary>Only routes of this family; Unspecified (0) for both.</summary>
    public AddressFamily Family { get; init; }

    /// <summary>Only routes in this table; 0 for all tables.</summary>
    public uint Table { get; init; }

    /// <summary>Only routes made by this protocol; 0 for all.</summary>
    public byte Protocol { get; init; }

    /// <summary>Only routes through the interface with this index; 0 for all.</summary>
    public int Index { get; init; }

    /// <summary>Only routes of this type; Unspecified (0) for all.</summary>
    public RouteType RouteType { get; init; }

    /// <inheritdoc/>
    public string ToCommand(CommandNames names) =>
        new CommandText(AF.Ip(Family))
            .Add("route show")
            .Add("table", Table == 0 ? "all" : Table.ToString(CultureInfo.InvariantCulture))
            .Add("proto", Protocol)
            .Add("dev", names.LinkOrNull(Index))
            .Add("type", RouteParts.TypeName(RouteType))
            .ToString();

    /// <inheritdoc/>
    public void Write(ref NetlinkWriter w)
    {
        w.Header(
            new RtMsg
            {
                Family = AF.Of(Family),
                Table = Table <= byte.MaxValue ? (byte)Table : (byte)0,
                Protocol = Protocol,
                Type = (byte)RouteType,
            }
        );
        if (Table != 0)
        {
            w.Put(RTA.TABLE, Table);
        }

        if (Index != 0)
        {
            w.Put(RTA.OIF, Index);
        }
    }

    /// <summary>Whether a route is one of those asked for: a kernel that does not filter sends all.</summary>
    public bool Matches(Route route) =>
        (Table == 0 || route.Table == Table)
        && (Protocol == 0 || route.Protocol == Protocol)
        && (RouteType == RouteType.Unspecified || route.RouteType == RouteType)
        && (Index == 0 || route.GoesThrough(Index));
}
