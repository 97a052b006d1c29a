using System.Net;
using System.Net.Sockets;
using Twill.Cni;
using Twill.Host;
using Twill.Host.Forwarding;
using Twill.Linux;
using Twill.Linux.Nftables;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.Plugin.Capabilities;

namespace Twill.Plugin;

/// <summary>What has to be on the host besides the bridge before a container's packets go anywhere: forwarding and the network's nftables
/// table.</summary>
internal static class HostSetup
{
    /// <summary>The parameter without which a host drops what is not for itself.</summary>
    public const string Forwarding = "net/ipv4/ip_forward";

    /// <summary><c>sysctl net.ipv4.ip_forward=1</c>, when it is not 1.</summary>
    public static void EnsureForwarding() => Sysctl.Ensure(Forwarding, "1");

    /// <summary>
    /// The network's table, and the accept among the rules of iptables where that would drop containers' packets; what was published is
    /// published
    /// again when the table had to be written.
    /// </summary>
    public static void EnsureFirewall(RouteSocket host, NetworkStateDir state, TwillConf conf)
    {
        using NftSocket nft = NftSocket.Open();
        if (Firewall.Ensure(nft, FirewallOf(conf)))
        {
            Ports.Restore(host, nft, state, conf.Name);
        }

        foreach (ForwardTraffic traffic in ForwardPaths.Of(conf, hasIPv6: false))
        {
            IptablesAccept.Ensure(nft, traffic);
        }
    }

    /// <summary>Where only the IPAM plugin knows which prefixes the containers are in, these are added to the table as they come.</summary>
    public static void AdmitAddresses(TwillConf conf, CniResult addresses)
    {
        if (!OnlyIpamKnows(conf))
        {
            return;
        }

        using NftSocket nft = NftSocket.Open();
        foreach (IPNetwork prefix in PrefixesOf(addresses))
        {
            Firewall.AddLocal(nft, conf.Name, prefix);
        }

        if (addresses.First(AddressFamily.InterNetworkV6) is not null)
        {
            IptablesAccept.Ensure(nft, ForwardPaths.Of(conf, hasIPv6: true)[^1]);
        }
    }

    /// <summary>What a host needs before one of its containers has an IPv6 address: forwarding, and a bridge that does not wait or listen
    /// to routers.</summary>
    /// <exception cref="CniException">code 7: with that MTU there is no IPv6</exception>
    public static void EnsureIPv6(TwillConf conf, CniIp address, int mtu)
    {
        if (mtu < IPv6Settings.MinMtu)
        {
            throw new CniException(
                CniErrorCode.InvalidNetworkConfig,
                $"with an MTU of {mtu} bytes there is no IPv6, and the IPAM plugin gave {address.Cidr}",
                conf.Mtu != 0
                    ? $"$.mtu: expected 0 or at least {IPv6Settings.MinMtu}, got '{mtu}'"
                    : $"$.mtu: the underlay leaves {mtu} bytes; raise its MTU, so that at least {IPv6Settings.MinMtu} are left, or "
                        + $"take IPv6 out of the IPAM plugin's configuration"
            );
        }

        IPv6Settings.EnsureForwarding();
        IPv6Settings.EnsureBridge(conf.Bridge);
    }

    /// <summary>The table that the configuration asks for.</summary>
    public static FirewallSpec FirewallOf(TwillConf conf) =>
        new(conf.Name, conf.Bridge, conf.IpMasq, conf.Ipam.Ranges, conf.NonMasqueradeCidrs)
        {
            MayHaveIPv6 = OnlyIpamKnows(conf),
            Tunnel = conf.Backend.TunnelName,
        };

    /// <summary>Whether the table is as asked for and knows these addresses, and iptables lets packets through; null, or the first
    /// difference.</summary>
    public static string? FindFirewallDifference(TwillConf conf, CniResult addresses)
    {
        using NftSocket nft = NftSocket.Open();
        return Firewall.FindDifference(nft, FirewallOf(conf), OnlyIpamKnows(conf) ? PrefixesOf(addresses) : [])
            ?? FindAcceptDifference(nft, ForwardPaths.Of(conf, addresses.First(AddressFamily.InterNetworkV6) is not null));
    }

    private static string? FindAcceptDifference(NftSocket nft, List<ForwardTraffic> families)
    {
        foreach (ForwardTraffic traffic in families)
        {
            if (IptablesAccept.FindDifference(nft, traffic) is { } why)
            {
                return $"iptables lacks the accept for containers: {why}";
            }
        }
        return null;
    }

    /// <summary>Whether the configuration does not say which prefixes the containers are in.</summary>
    private static bool OnlyIpamKnows(TwillConf conf) => conf.Ipam.Ranges.Count == 0;

    private static List<IPNetwork> PrefixesOf(CniResult addresses)
    {
        List<IPNetwork> prefixes = new(addresses.Ips.Count);
        foreach (CniIp ip in addresses.Ips)
        {
            prefixes.Add(IpText.NetworkOf(ip.Address, ip.PrefixLength));
        }

        return prefixes;
    }
}
