using System.Net;
using System.Net.Sockets;
using Twill.Cni;
using Twill.Host;
using Twill.Network.Configuration;

namespace Twill.Plugin;

/// <summary>Which routes a container gets: those of the IPAM plugin, and the way to the rest of the cluster network if none of them leads
/// there.</summary>
internal static class PodRoutes
{
    /// <summary>The routes as the result lists them, in the order in which they are made. Those of an address family that the container has
    /// no address of (<c>::/0</c> beside IPv4 alone) are left out: nothing could take them.</summary>
    public static List<CniRoute> For(TwillConf conf, CniResult addresses)
    {
        List<CniRoute> routes = Detailed(conf, addresses.Routes);
        routes.RemoveAll(route => addresses.First(route.Dst.BaseAddress.AddressFamily) is null);
        if (conf.IsDefaultGateway)
        {
            AddDefaults(routes, addresses);
        }

        routes.AddRange(MissingWays(conf, addresses, routes));
        return routes;
    }

    /// <summary>What leads to the rest of the cluster network where another network's default route comes before this one's: packets would
    /// leave by that network, which drops them.</summary>
    /// <param name="conf">The network.</param>
    /// <param name="addresses">The container's addresses in it.</param>
    /// <param name="routes">The routes that it has.</param>
    /// <param name="behind">The families in which it is so.</param>
    public static List<CniRoute> BesideDefault(
        TwillConf conf,
        CniResult addresses,
        List<CniRoute> routes,
        List<AddressFamily> behind
    )
    {
        List<CniRoute> ways = MissingWays(conf, addresses, routes.FindAll(route => route.Dst.PrefixLength > 0));
        ways.RemoveAll(way => !behind.Contains(way.Dst.BaseAddress.AddressFamily));
        return ways;
    }

    /// <summary>A route to the cluster network of each family to which none of these leads.</summary>
    private static List<CniRoute> MissingWays(TwillConf conf, CniResult addresses, List<CniRoute> routes)
    {
        List<CniRoute> missing = [];
        foreach (IpamFamily family in conf.Ipam.Families)
        {
            if (family.Network is { } cluster && GatewayFor(family.Family, addresses) is not null && !Covered(cluster, routes))
            {
                missing.Add(new CniRoute(cluster));
            }
        }

        return missing;
    }

    /// <summary><c>isDefaultGateway</c>: a default route of each family that has a gateway, unless there is one.</summary>
    private static void AddDefaults(List<CniRoute> routes, CniResult addresses)
    {
        foreach (IPAddress any in (ReadOnlySpan<IPAddress>)[IPAddress.Any, IPAddress.IPv6Any])
        {
            IPNetwork everything = new(any, 0);
            if (
                GatewayFor(any.AddressFamily, addresses) is { } gateway
                && !routes.Exists(route => route.Table is null && route.Dst.Equals(everything))
            )
            {
                routes.Add(new CniRoute(everything, gateway));
            }
        }
    }

    /// <summary>
    /// The routes of a result with what results before 1.1.0 have no words for: MTU, metric, table and scope. The configuration has it,
    /// when the IPAM plugin is ours.
    /// </summary>
    public static List<CniRoute> Detailed(TwillConf conf, IReadOnlyList<CniRoute> routes)
    {
        if (conf.CniVersion >= CniVersion.V1_1_0 || conf.Ipam.IsForeign)
        {
            return [.. routes];
        }

        List<CniRoute> configured = [.. conf.Ipam.Routes],
            detailed = new(routes.Count);
        foreach (CniRoute route in routes)
        {
            int at = configured.FindIndex(c => c.Dst.Equals(route.Dst) && Equals(c.Gw, route.Gw));
            detailed.Add(at < 0 ? route : configured[at]);
            if (at >= 0)
            {
                configured.RemoveAt(at);
            }
        }
        return detailed;
    }

    /// <summary>What the kernel is told: a route without a next hop goes to the gateway of the addresses of its family, if there is
    /// one.</summary>
    public static List<PodRoute> ForKernel(List<CniRoute> routes, CniResult addresses)
    {
        List<PodRoute> all = new(routes.Count);
        foreach (CniRoute route in routes)
        {
            bool onLink = route.Scope is 253; // RT_SCOPE_LINK: asked for without a next hop
            IPAddress? gateway = route.Gw ?? (onLink ? null : GatewayFor(route.Dst.BaseAddress.AddressFamily, addresses));
            all.Add(new PodRoute(route.Dst, gateway, route.Mtu, route.AdvMss, route.Priority, route.Table, route.Scope));
        }
        return all;
    }

    private static IPAddress? GatewayFor(AddressFamily family, CniResult addresses)
    {
        foreach (CniIp ip in addresses.Ips)
        {
            if (ip.Gateway is { } gateway && gateway.AddressFamily == family)
            {
                return gateway;
            }
        }
        return null;
    }

    private static bool Covered(IPNetwork network, List<CniRoute> routes)
    {
        foreach (CniRoute route in routes)
        {
            if (route.Table is null && route.Dst.PrefixLength <= network.PrefixLength && route.Dst.Contains(network.BaseAddress))
            {
                return true;
            }
        }
        return false;
    }
}
