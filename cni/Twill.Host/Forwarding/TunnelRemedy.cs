using System.Globalization;
using System.Net.Sockets;
using Twill.Linux.Nftables;

namespace Twill.Host.Forwarding;

/// <summary>The commands that open a chain of another program to what carries a network between hosts.</summary>
internal static class TunnelRemedy
{
    private const string ZoneStart = "filter_IN_";

    /// <summary>For the tunnel's UDP port.</summary>
    internal static string For(NftSocket nft, NftChain chain, ProbePacket packet, ushort port, bool isInput)
    {
        string number = port.ToString(CultureInfo.InvariantCulture);
        if (chain.Table.Name == "firewalld" && isInput)
        {
            string zone = ZoneOf(nft, chain, packet) is { } name ? " --zone=" + name : "";
            return "firewall-cmd --permanent" + zone + " --add-port=" + number + "/udp && firewall-cmd --reload";
        }

        if (IptablesOf(chain, isInput) is not { } iptables)
        {
            return Insert(chain) + "udp dport " + number + " accept";
        }

        string ofUfw = (chain.Table.Family == NftFamily.Ip6 ? "ufw6-user-" : "ufw-user-") + (isInput ? "input" : "output");
        return nft.TryGetChain(chain.Table, ofUfw, out _)
            ? (isInput ? "ufw allow " : "ufw allow out ") + number + "/udp"
            : iptables + " -I " + chain.Name + " -p udp --dport " + number + " -j ACCEPT";
    }

    /// <summary>For pings inside.</summary>
    internal static string ForPings(NftChain chain, string overlay, AddressFamily inner, bool isInput)
    {
        string icmp = inner == AddressFamily.InterNetworkV6 ? "icmpv6" : "icmp";
        return IptablesOf(chain, isInput) is { } iptables
            ? iptables + " -I " + chain.Name + (isInput ? " -i " : " -o ") + overlay + " -p " + icmp + " -j ACCEPT"
            : Insert(chain) + (isInput ? "iifname " : "oifname ") + overlay + " meta l4proto " + icmp + " accept";
    }

    private static string Insert(NftChain chain) => "nft insert rule " + chain.Table.ToString() + " " + chain.Name + " ";

    private static string? IptablesOf(NftChain chain, bool isInput) =>
        chain.Table is { Family: NftFamily.Ip or NftFamily.Ip6, Name: "filter" } && chain.Name == (isInput ? "INPUT" : "OUTPUT")
            ? IptablesChains.NameOf(chain.Table)
            : null;

    /// <summary>firewalld has a chain for each zone, <c>filter_IN_public</c>: the first that the packet is led into.</summary>
    private static string? ZoneOf(NftSocket nft, NftChain chain, ProbePacket packet)
    {
        List<string> entered = [];
        ChainWalk walk = new(
            name =>
            {
                entered.Add(name);
                return nft.ListRules(chain.Table, name);
            },
            name => nft.TryGetSet(chain.Table, name, out NftSet? set) ? nft.ListElements(set) : null
        );
        walk.Take(chain.Name, ChainPolicy.Accept, packet);
        return entered.Find(name => name.StartsWith(ZoneStart, StringComparison.Ordinal))?[ZoneStart.Length..];
    }
}
