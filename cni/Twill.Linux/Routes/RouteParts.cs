using System.Net;
using Twill.Linux.Netlink;

namespace Twill.Linux.Routes;

/// <summary>What requests about routes have in common.</summary>
internal static class RouteParts
{
    /// <summary>rtm_table: main unless said otherwise, 0 for tables above 255, which only RTA_TABLE can tell.</summary>
    internal static byte HeaderTable(uint table) =>
        table == 0 ? (byte)RouteTable.Main
        : table <= byte.MaxValue ? (byte)table
        : (byte)0;

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
