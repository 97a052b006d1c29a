using System.Net;
using Twill.Cni;
using Twill.Cni.Configuration;
using Twill.Cni.State;
using Twill.Host;
using Twill.Host.Forwarding;
using Twill.Linux;
using Twill.Linux.Nftables;
using Twill.Plugin.Capabilities;

namespace Twill.Plugin;

/// <summary>What has to be on the host besides the bridge before a container's packets go anywhere: forwarding and the network's nftables table.</summary>
internal static class HostSetup
{
    /// <summary>The parameter without which a host drops what is not for itself.</summary>
    public const string Forwarding = "net/ipv4/ip_forward";

    /// <summary><c>sysctl net.ipv4.ip_forward=1</c>, when it is not 1.</summary>
    public static void EnsureForwarding() => Sysctl.Ensure(Forwarding, "1");

    /// <summary>
    /// The network's table, and the accept among the rules of iptables where that would drop containers' packets; what was published is published
    /// again when the table had to be written.
    /// </summary>
    public static void EnsureFirewall(RouteSocket host, NetworkState state, TwillConf conf)
    {
        using NftSocket nft = NftSocket.Open();
        if (Firewall.Ensure(nft, FirewallOf(conf)))
            Ports.Restore(host, nft, state, conf.Name);
        IptablesAccept.Ensure(nft, ForwardPaths.Of(conf));
    }

    /// <summary>Where only the IPAM plugin knows which prefixes the containers are in, these are added to the table as they come.</summary>
    public static void AdmitAddresses(TwillConf conf, CniResult addresses)
    {
        if (ClusterOf(conf) is not null)
            return;
        using NftSocket nft = NftSocket.Open();
        foreach (IPNetwork prefix in PrefixesOf(addresses))
            Firewall.AddLocal(nft, conf.Name, prefix);
    }

    /// <summary>The table that the configuration asks for.</summary>
    public static FirewallSpec FirewallOf(TwillConf conf) =>
        new(conf.Name, conf.Bridge, conf.IpMasq, ClusterOf(conf) is { } cluster ? [cluster] : [], conf.NonMasqueradeCidrs);

    /// <summary>Whether the table is as asked for and knows these addresses, and iptables lets packets through; null, or the first difference.</summary>
    public static string? FindFirewallDifference(TwillConf conf, CniResult addresses)
    {
        using NftSocket nft = NftSocket.Open();
        return Firewall.FindDifference(nft, FirewallOf(conf), ClusterOf(conf) is null ? PrefixesOf(addresses) : [])
            ?? (IptablesAccept.FindDifference(nft, ForwardPaths.Of(conf)) is { } why ? $"iptables lacks the accept for containers: {why}" : null);
    }

    /// <summary>The network that all containers are in, as far as the configuration says it.</summary>
    private static IPNetwork? ClusterOf(TwillConf conf) => conf.Ipam.Network ?? conf.Ipam.Subnet;

    private static List<IPNetwork> PrefixesOf(CniResult addresses)
    {
        List<IPNetwork> prefixes = new(addresses.Ips.Count);
        foreach (CniIp ip in addresses.Ips)
            prefixes.Add(IpText.NetworkOf(ip.Address, ip.PrefixLength));
        return prefixes;
    }
}
