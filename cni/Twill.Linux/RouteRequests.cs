using System.Globalization;
using System.Net;
using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.Linux.Neighbours;
using Twill.Linux.Netlink;
using Twill.Linux.Nexthops;
using Twill.Linux.Routes;
using Twill.Linux.Rules;
using Twill.Linux.TrafficControl;

namespace Twill.Linux;

/// <summary>
/// Names requests for errors, from the bytes that were sent: <c>new link tw1a2b (veth)</c>, <c>new route 10.1.0.0/24 via 10.1.0.0 dev
/// #7</c>.
/// </summary>
internal static class RouteRequests
{
    internal static string Describe(ReadOnlySpan<byte> request)
    {
        if (!new NetlinkMessages(request).TryRead(out NetlinkMessage message))
        {
            return "empty request";
        }

        string verb = (message.Type & 3) switch
        {
            0 => "new",
            1 => "delete",
            2 => (message.Flags & NetlinkFlags.Dump) == NetlinkFlags.Dump ? "list" : "get",
            _ => "set",
        };
        return (message.Type & ~3) switch
        {
            RTM.NEWLINK => DescribeLink(verb, in message),
            RTM.NEWADDR => DescribeAddress(verb, in message),
            RTM.NEWMULTICAST => $"{verb} multicast groups",
            RTM.NEWROUTE => DescribeRoute(verb, in message),
            RTM.NEWRULE => DescribeRule(verb, in message),
            RTM.NEWNEIGH => DescribeNeighbour(verb, in message),
            RTM.NEWQDISC => DescribeQueue(verb, "qdisc", in message),
            RTM.NEWNEXTHOP => DescribeNexthop(verb, in message),
            RTM.NEWTFILTER => DescribeQueue(verb, "filter", in message),
            _ => $"rtnetlink request {message.Type.ToString(CultureInfo.InvariantCulture)}",
        };
    }

    private static string DescribeLink(string verb, in NetlinkMessage message)
    {
        NetlinkReader reader = message.Reader;
        IfInfoMsg header = reader.Header<IfInfoMsg>();
        if (header.Family == AF.BRIDGE)
        {
            return $"{verb} bridge port #{header.Index}";
        }

        string? name = null,
            kind = null;
        while (reader.TryRead(out NetlinkAttribute a))
        {
            switch ((IFLA)a.Type)
            {
                case IFLA.IFNAME or IFLA.ALT_IFNAME:
                    name = a.Text();
                    break;
                case IFLA.LINKINFO:
                    kind = Kind(a.Nested);
                    break;
            }
        }
        if (verb == "list")
        {
            return "list links";
        }

        if (verb == "new" && (message.Flags & NetlinkFlags.Create) == 0)
        {
            verb = "set";
        }

        string which =
            name is null ? $"#{header.Index}"
            : verb == "set" && header.Index != 0 ? $"#{header.Index} name {name}"
            : name;
        return $"{verb} link {which}{(kind is null ? "" : $" ({kind})")}";
    }

    private static string? Kind(NetlinkReader reader)
    {
        while (reader.TryRead(out NetlinkAttribute a))
        {
            if ((IFLA_INFO)a.Type == IFLA_INFO.KIND)
            {
                return a.Text();
            }
        }
        return null;
    }

    private static string DescribeAddress(string verb, in NetlinkMessage message)
    {
        NetlinkReader reader = message.Reader;
        IfAddrMsg header = reader.Header<IfAddrMsg>();
        IPAddress? address = null;
        while (reader.TryRead(out NetlinkAttribute a))
        {
            if ((IFA)a.Type == IFA.LOCAL)
            {
                address = a.Address();
            }
        }
        return verb == "list" ? "list addresses" : $"{verb} address {address}/{header.PrefixLength} dev #{header.Index}";
    }

    private static string DescribeRoute(string verb, in NetlinkMessage message)
    {
        NetlinkReader reader = message.Reader;
        RtMsg header = reader.Header<RtMsg>();
        IPAddress destination = AF.Any(header.Family);
        IPAddress? gateway = null;
        int index = 0;
        uint table = header.Table,
            nexthop = 0;
        while (reader.TryRead(out NetlinkAttribute a))
        {
            switch ((RTA)a.Type)
            {
                case RTA.DST:
                    destination = a.Address();
                    break;
                case RTA.GATEWAY:
                    gateway = a.Address();
                    break;
                case RTA.OIF:
                    index = a.S32();
                    break;
                case RTA.TABLE:
                    table = a.U32();
                    break;
                case RTA.NH_ID:
                    nexthop = a.U32();
                    break;
            }
        }
        if (verb == "list")
        {
            return "list routes";
        }

        return $"{verb} route {destination}/{header.DestinationLength}{(gateway is null ? "" : $" via {gateway}")}"
            + $"{(nexthop == 0 ? "" : $" nhid {nexthop}")}{(index == 0 ? "" : $" dev #{index}")}"
            + $"{(table is 0 or RouteTable.Main ? "" : $" table {table}")}";
    }

    private static string DescribeRule(string verb, in NetlinkMessage message)
    {
        NetlinkReader reader = message.Reader;
        FibRuleHdr header = reader.Header<FibRuleHdr>();
        IPAddress? source = null;
        uint table = header.Table;
        while (reader.TryRead(out NetlinkAttribute a))
        {
            switch ((FRA)a.Type)
            {
                case FRA.SRC:
                    source = a.Address();
                    break;
                case FRA.TABLE:
                    table = a.U32();
                    break;
            }
        }
        return verb == "list"
            ? "list policy rules"
            : string.Create(CultureInfo.InvariantCulture, $"{verb} policy rule from {source}/{header.SourceLength} lookup {table}");
    }

    private static string DescribeNexthop(string verb, in NetlinkMessage message)
    {
        NetlinkReader reader = message.Reader;
        reader.Header<NhMsg>();
        uint id = 0;
        IPAddress? gateway = null;
        int index = 0;
        while (reader.TryRead(out NetlinkAttribute a))
        {
            switch ((NHA)a.Type)
            {
                case NHA.ID:
                    id = a.U32();
                    break;
                case NHA.GATEWAY:
                    gateway = a.Address();
                    break;
                case NHA.OIF:
                    index = a.S32();
                    break;
            }
        }

        return verb == "list"
            ? "list nexthops"
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{verb} nexthop {id}{(gateway is null ? "" : $" via {gateway}")}{(index == 0 ? "" : $" dev #{index}")}"
            );
    }

    private static string DescribeNeighbour(string verb, in NetlinkMessage message)
    {
        NetlinkReader reader = message.Reader;
        NdMsg header = reader.Header<NdMsg>();
        string what = header.Family == AF.BRIDGE ? "FDB entry" : "neighbour";
        IPAddress? address = null;
        MacAddress? mac = null;
        while (reader.TryRead(out NetlinkAttribute a))
        {
            switch ((NDA)a.Type)
            {
                case NDA.DST:
                    address = a.Address();
                    break;
                case NDA.LLADDR:
                    mac = a.Mac();
                    break;
            }
        }
        if (verb == "list")
        {
            return header.Family == AF.BRIDGE ? "list FDB entries" : "list neighbours";
        }

        string who =
            header.Family == AF.BRIDGE
                ? $"{mac}{(address is null ? "" : $" dst {address}")}"
                : $"{address}{(mac is null ? "" : $" lladdr {mac}")}";
        return $"{verb} {what} {who} dev #{header.Index}";
    }

    private static string DescribeQueue(string verb, string what, in NetlinkMessage message)
    {
        NetlinkReader reader = message.Reader;
        TcMsg header = reader.Header<TcMsg>();
        string? kind = null;
        while (reader.TryRead(out NetlinkAttribute a))
        {
            if ((TCA)a.Type == TCA.KIND)
            {
                kind = a.Text();
            }
        }
        string where = header.Parent switch
        {
            TcHandle.Root => "root",
            TcHandle.Ingress or TcHandle.IngressQdisc => "ingress",
            _ => $"parent {header.Parent:x}",
        };
        return $"{verb} {what}{(verb == "list" ? "s" : "")}{(kind is null || kind == where ? "" : " " + kind)} {where} dev #{header.Index}";
    }
}
