using System.Net;
using Twill.Linux.Netlink;
using Twill.System;

namespace Twill.Linux.Routes;

/// <summary>A route as the kernel describes it (RTM_NEWROUTE): what <c>ip route show</c> shows.</summary>
public sealed class Route
{
    private const uint RTNH_F_DEAD = 1,
        RTNH_F_LINKDOWN = 16;

    private uint _flags;

    /// <summary>Where to; of length 0 for the default route.</summary>
    public IPNetwork Destination { get; private set; }

    /// <summary>Next hop; null when the destination is on the link, or there are several.</summary>
    public IPAddress? Gateway { get; private set; }

    /// <summary>Interface index; 0 for none (blackhole ..) or several.</summary>
    public int Index { get; private set; }

    /// <summary>The ways of a route that has several; empty for others.</summary>
    public IReadOnlyList<NextHop> NextHops { get; private set; } = [];

    /// <summary>The nexthop object that it names; 0 for none. Where net.ipv4.nexthop_compat_mode is 0, the kernel tells neither
    /// gateway nor link of such a route: the object has them.</summary>
    public uint NexthopId { get; private set; }

    /// <summary>Preferred source address; null for the link's.</summary>
    public IPAddress? Source { get; private set; }

    /// <summary>Routing table.</summary>
    public uint Table { get; private set; }

    /// <summary>Who made it (rtm_protocol), 2 for the kernel.</summary>
    public byte Protocol { get; private set; }

    /// <summary>How far away the destination is.</summary>
    public RouteScope Scope { get; private set; }

    /// <summary>What it does with a packet.</summary>
    public RouteType RouteType { get; private set; }

    /// <summary>The lower, the sooner it is taken.</summary>
    public uint Metric { get; private set; }

    /// <summary>MTU of the path in bytes; 0 for the link's.</summary>
    public uint Mtu { get; private set; }

    /// <summary>Advertised TCP segment size in bytes; 0 for what the MTU allows.</summary>
    public uint AdvMss { get; private set; }

    /// <summary>The gateway is taken to be on the link.</summary>
    public bool Onlink => (_flags & RouteParts.RTNH_F_ONLINK) != 0;

    /// <summary>It is not used: its link is down (RTNH_F_DEAD) or without carrier (RTNH_F_LINKDOWN).</summary>
    public bool IsDead => (_flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN)) != 0;

    /// <summary>Whether it, or one of its ways, goes through the interface.</summary>
    public bool GoesThrough(int index)
    {
        if (Index == index)
        {
            return true;
        }

        foreach (NextHop hop in NextHops)
        {
            if (hop.Index == index)
            {
                return true;
            }
        }
        return false;
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Destination}{(Gateway is null ? "" : $" via {Gateway}")} dev #{Index}";

    /// <summary>Reads RTM_NEWROUTE (or RTM_DELROUTE). Attributes that are not known are skipped.</summary>
    /// <returns>Null for any other message, and for routes of other families than IPv4 and IPv6.</returns>
    /// <exception cref="NetlinkFormatException">The message is malformed.</exception>
    public static Route? Decode(in NetlinkMessage message)
    {
        if (message.Type is not (RTM.NEWROUTE or RTM.DELROUTE))
        {
            return null;
        }

        NetlinkReader reader = message.Reader;
        RtMsg header = reader.Header<RtMsg>();
        if (header.Family is not (AF.INET or AF.INET6))
        {
            return null;
        }

        Route route = new()
        {
            Table = header.Table,
            Protocol = header.Protocol,
            Scope = (RouteScope)header.Scope,
            RouteType = (RouteType)header.Type,
            _flags = header.Flags,
        };
        IPAddress destination = AF.Any(header.Family);
        while (reader.TryRead(out NetlinkAttribute a))
        {
            switch ((RTA)a.Type)
            {
                case RTA.DST:
                    destination = a.Address();
                    break;
                case RTA.GATEWAY:
                    route.Gateway = a.Address();
                    break;
                case RTA.VIA:
                    route.Gateway = Via(in a);
                    break;
                case RTA.OIF:
                    route.Index = a.S32();
                    break;
                case RTA.PREFSRC:
                    route.Source = a.Address();
                    break;
                case RTA.TABLE:
                    route.Table = a.U32();
                    break;
                case RTA.PRIORITY:
                    route.Metric = a.U32();
                    break;
                case RTA.METRICS:
                    route.DecodeMetrics(a.Nested);
                    break;
                case RTA.NH_ID:
                    route.NexthopId = a.U32();
                    break;
                case RTA.MULTIPATH:
                    route.NextHops = DecodeHops(a.Value);
                    break;
            }
        }
        Prefixes.Check(destination, header.DestinationLength);
        route.Destination = IPPrefix.Of(destination, header.DestinationLength);
        return route;
    }

    private void DecodeMetrics(NetlinkReader reader)
    {
        while (reader.TryRead(out NetlinkAttribute a))
        {
            switch ((RTAX)a.Type)
            {
                case RTAX.MTU:
                    Mtu = a.U32();
                    break;
                case RTAX.ADVMSS:
                    AdvMss = a.U32();
                    break;
            }
        }
    }

    // struct rtvia: the family, then the address.
    private static IPAddress Via(in NetlinkAttribute a) =>
        a.Value.Length is 2 + 4 or 2 + 16
            ? new IPAddress(a.Value[2..])
            : throw new NetlinkFormatException($"RTA_VIA of {a.Value.Length} bytes: expected a family and an address.");

    // RTA_MULTIPATH: struct rtnexthop, each followed by attributes of its own.
    private static List<NextHop> DecodeHops(ReadOnlySpan<byte> value)
    {
        List<NextHop> hops = [];
        while (!value.IsEmpty)
        {
            NetlinkReader sizes = new(value);
            RtNexthop hop = sizes.Header<RtNexthop>();
            if (hop.Length < 8 || hop.Length > value.Length)
            {
                throw new NetlinkFormatException($"A next hop says it has {hop.Length} bytes, of which there are {value.Length}.");
            }

            NetlinkReader reader = new(value[8..hop.Length]);
            IPAddress? gateway = null;
            while (reader.TryRead(out NetlinkAttribute a))
            {
                switch ((RTA)a.Type)
                {
                    case RTA.GATEWAY:
                        gateway = a.Address();
                        break;
                    case RTA.VIA:
                        gateway = Via(in a);
                        break;
                }
            }
            hops.Add(new NextHop(hop.Index, gateway, hop.Hops + 1, hop.Flags));
            value = value[Math.Min((hop.Length + 3) & ~3, value.Length)..];
        }
        return hops;
    }
}
