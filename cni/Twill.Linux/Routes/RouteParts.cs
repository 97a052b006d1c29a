using System.Net;
using System.Net.Sockets;
using Twill.Linux.Netlink;

namespace Twill.Linux.Routes;

/// <summary>What requests about routes have in common.</summary>
internal static class RouteParts
{
    internal const uint RTNH_F_ONLINK = 4; // rtm_flags, nh_flags

    /// <summary>rtm_table: main unless said otherwise, 0 for tables above 255, which only RTA_TABLE can tell.</summary>
    internal static byte HeaderTable(uint table) =>
        table == 0 ? (byte)RouteTable.Main
        : table <= byte.MaxValue ? (byte)table
        : (byte)0;

    /// <summary><c>ip [-6] route VERB [TYPE] DESTINATION [via [inet6] GATEWAY]</c>.</summary>
    internal static CommandText Command(string verb, RouteType type, IPNetwork destination, IPAddress? gateway)
    {
        AddressFamily family = destination.BaseAddress.AddressFamily;
        CommandText command = new CommandText(family == AddressFamily.InterNetworkV6 ? "ip -6 route" : "ip route").Add(verb);
        command.AddIf(type is not (RouteType.Unspecified or RouteType.Unicast), TypeName(type) ?? "");
        command.Add(destination.PrefixLength == 0 ? "default" : destination.ToString());
        string? inet =
            gateway is null || gateway.AddressFamily == family ? null
            : gateway.AddressFamily == AddressFamily.InterNetworkV6 ? "inet6"
            : "inet";
        return command.Add(inet is null ? "via" : $"via {inet}", gateway);
    }

    /// <summary>As <c>ip</c> writes it; null for any.</summary>
    internal static string? TypeName(RouteType type) => type == RouteType.Unspecified ? null : type.ToString().ToLowerInvariant();

    /// <summary>As <c>ip</c> writes it; null for universe, which is what it takes without one.</summary>
    internal static string? ScopeName(RouteScope scope) => scope == RouteScope.Universe ? null : scope.ToString().ToLowerInvariant();

    internal static void PutDestination(ref NetlinkWriter w, IPNetwork destination)
    {
        if (destination.PrefixLength != 0)
        {
            w.Put(RTA.DST, destination.BaseAddress);
        }
    }

    /// <summary>RTA_GATEWAY, or RTA_VIA (struct rtvia) when the gateway is of another family than the destination.</summary>
    internal static void PutGateway(ref NetlinkWriter w, byte family, IPAddress gateway)
    {
        byte gatewayFamily = AF.Of(gateway);
        if (gatewayFamily == family)
        {
            w.Put(RTA.GATEWAY, gateway);
            return;
        }
        Span<byte> via = stackalloc byte[2 + 16];
        BitConverter.TryWriteBytes(via, (ushort)gatewayFamily);
        gateway.TryWriteBytes(via[2..], out int length);
        w.Put(RTA.VIA, via[..(2 + length)]);
    }

    internal static void PutMetricAndTable(ref NetlinkWriter w, uint metric, uint table)
    {
        if (metric != 0)
        {
            w.Put(RTA.PRIORITY, metric);
        }

        if (table > byte.MaxValue)
        {
            w.Put(RTA.TABLE, table);
        }
    }
}
