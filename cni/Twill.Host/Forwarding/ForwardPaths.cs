using Twill.Linux;
using Twill.Linux.Nftables;
using Twill.Network.Configuration;
using Twill.Network.State;

namespace Twill.Host.Forwarding;

/// <summary>The ways of a network's packets through this host, and what other programs' firewalls make of them.</summary>
public static class ForwardPaths
{
    /// <summary>As far as the configuration tells: enough to let packets through.</summary>
    /// <param name="conf">the network</param>
    /// <param name="hasIPv6">whether its containers have IPv6 addresses, where only the IPAM plugin knows</param>
    /// <returns>the ways of each address family</returns>
    public static List<ForwardTraffic> Of(TwillConf conf, bool hasIPv6) =>
        ForwardTraffic
            .Of(conf.Name, new InterfaceRef(conf.Bridge), conf.Ipam.Ranges, hasIPv6)
            .ConvertAll(traffic =>
                traffic with
                {
                    HasOtherHosts = conf.Backend.JoinsHosts,
                    Across = conf.Backend.DeviceNameOver(traffic.Family) is { } device ? new InterfaceRef(device) : null,
                }
            );

    /// <summary>With the interfaces that are there: to tell who is in the way.</summary>
    /// <param name="route">a socket in the host's namespace</param>
    /// <param name="conf">the network</param>
    /// <param name="node">what this host is in it; null before that is known</param>
    public static List<ForwardTraffic> Find(RouteSocket route, TwillConf conf, NodeFile? node) =>
        conf.Lan is { } lan
            ? ForwardTraffic.OnLan(route, conf.Name, conf.Bridge, lan.IsRouted, conf.Ipam.Ranges)
            : ForwardTraffic.Find(
                route,
                conf.Name,
                conf.Bridge,
                conf.Ipam.Ranges,
                conf.Backend.JoinsHosts,
                inner => conf.Backend.DeviceNameOver(node?.OuterOf(inner) ?? inner),
                node?.Interface
            );

    /// <summary>The chains of others that drop containers' packets, or may.</summary>
    /// <param name="route">a socket in the host's namespace</param>
    /// <param name="conf">the network</param>
    /// <param name="node">what this host is in it; null before that is known</param>
    public static List<BlockingChain> FindBlockingChains(RouteSocket route, TwillConf conf, NodeFile? node)
    {
        using NftSocket nft = NftSocket.Open();
        return BlockingChains.Find(nft, Find(route, conf, node));
    }
}
