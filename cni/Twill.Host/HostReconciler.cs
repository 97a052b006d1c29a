using System.Net;
using Twill.Host.Backends;
using Twill.Host.Forwarding;
using Twill.Host.Ports;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Nftables;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Host;

/// <summary>What a host had before its configuration changed.</summary>
/// <param name="Subnets">Subnets that are not its own any more: their addresses go from the bridge, whatever network they were of.</param>
/// <param name="KeepsFirewall">Whether a table that was made for another configuration stays: nobody has agreed to the new one.</param>
public sealed record FormerHost(IReadOnlyList<IPNetwork> Subnets, bool KeepsFirewall)
{
    /// <summary>A host that had nothing before.</summary>
    public static FormerHost None { get; } = new([], false);
}

/// <summary>
/// What must be on a host whatever other hosts do: forwarding, the bridge with its addresses, the network's nftables table, published
/// ports. An ADD ensures what its container needs, by a few short questions; the agent compares all of it. Who waits and who logs is the
/// caller's part.
/// </summary>
public static partial class HostReconciler
{
    /// <summary>The parameter without which a host drops what is not for itself.</summary>
    public const string Forwarding = "net/ipv4/ip_forward";

    /// <summary><c>sysctl net.ipv4.ip_forward=1</c>, when it is not 1.</summary>
    /// <returns>True when it was written.</returns>
    public static bool EnsureForwarding() => Sysctl.Ensure(Forwarding, "1");

    /// <summary>The table that a network's configuration asks for.</summary>
    /// <param name="conf">The network.</param>
    /// <param name="node">What other hosts know of this one: while etcd has not agreed to another backend, that of the former. Null: as
    /// configured.</param>
    public static FirewallSpec FirewallOf(TwillConf conf, NodeFile? node = null)
    {
        BackendConf? backend = node is null ? conf.Backend : BackendTable.All.Find(node.BackendType);
        return new(conf.Name, conf.Bridge, conf.IpMasq, conf.Ipam.Ranges, conf.NonMasqueradeCidrs)
        {
            MayHaveIPv6 = OnlyIpamKnows(conf),
            IsolatedBut = conf.IsIsolated ? conf.Backend.DeviceNames : null,
            Icc = conf.Icc,
            Tunnel = node is null ? backend?.TunnelName : backend?.TunnelNameIn(node),
            TunnelPort = node is null ? backend?.TunnelPort : backend?.TunnelPortIn(node),
        };
    }

    /// <summary>
    /// The network's table, and the accept among the rules of iptables where that would drop containers' packets. Ports are published again
    /// when the table had to be written. For an ADD: a few short questions when all is there.
    /// </summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="state">Where the network's published ports are on record.</param>
    /// <param name="conf">The network.</param>
    /// <param name="keepsFormer">Whether a table of another configuration stays for now: etcd may not agree to the new one.</param>
    /// <returns>Whether it did.</returns>
    public static bool EnsureFirewall(RouteSocket route, NetworkStateDir state, TwillConf conf, bool keepsFormer)
    {
        if (conf.Lan is not null)
        {
            return false; // nothing of theirs is translated or kept apart
        }

        using NftSocket nft = NftSocket.Open();
        if (Firewall.Ensure(nft, FirewallOf(conf), TunnelPeers.InUse(route, conf.Name), keepsFormer, out bool isKept))
        {
            new PortRecords(state.PortsPath).Restore(nft, route, conf.Name);
        }

        foreach (ForwardTraffic traffic in ForwardPaths.Of(conf, hasIPv6: false))
        {
            IptablesAccept.Ensure(nft, traffic);
        }

        return isKept;
    }

    /// <summary>Adds the containers' prefixes to the table as they come, where only the IPAM plugin knows them.</summary>
    /// <param name="conf">The network.</param>
    /// <param name="prefixes">The prefixes of a container's addresses.</param>
    public static void AddContainerPrefixes(TwillConf conf, IReadOnlyList<IPNetwork> prefixes)
    {
        if (!OnlyIpamKnows(conf) || conf.Lan is not null)
        {
            return;
        }

        using NftSocket nft = NftSocket.Open();
        foreach (IPNetwork prefix in prefixes)
        {
            Firewall.AddLocal(nft, conf.Name, prefix);
        }

        if (HasIPv6(prefixes))
        {
            IptablesAccept.Ensure(nft, ForwardPaths.Of(conf, hasIPv6: true)[^1]);
        }
    }

    /// <summary>Whether the host forwards what a network's containers send: on a bridge of a LAN they send it themselves.</summary>
    public static bool Forwards(TwillConf conf) => conf.Lan is null or { IsRouted: true };

    /// <summary>Makes the bridge, as <see cref="HostBridge.Ensure"/>, and deaf to routers that containers announce. Where containers are
    /// kept apart it gets no ports: all go past it, so that each packet between them passes the firewall.</summary>
    /// <param name="route">A socket in the host's namespace, which is the calling thread's.</param>
    /// <param name="conf">The network.</param>
    /// <param name="mtu">Bytes.</param>
    /// <exception cref="HostException">A device of that name is no bridge, or the LAN's bridge cannot be used.</exception>
    public static Link EnsureBridge(RouteSocket route, TwillConf conf, int mtu)
    {
        if (conf.Lan is not null)
        {
            return LanLink.Find(route, conf);
        }

        Link bridge = HostBridge.Ensure(route, conf.Bridge, mtu);
        EnsurePromiscuous(route, conf, bridge);
        RouterAnnouncements.Refuse(route, bridge, MayHaveIPv6(conf));
        return conf.Icc || bridge.ProxyArp || !RoutedVeth.EnableProxyArp(conf.Bridge) ? bridge : route.GetLink(bridge.Index);
    }

    /// <summary>Whether containers of a network have IPv6 addresses, or may have: only another IPAM plugin knows.</summary>
    public static bool MayHaveIPv6(TwillConf conf) => conf.Ipam.IPv6 is not null || OnlyIpamKnows(conf);

    /// <summary>What a host needs before one of its containers has an IPv6 address: forwarding, and a bridge that does not wait for
    /// addresses or listen to routers.</summary>
    /// <returns>What had to be done, each a phrase for the log.</returns>
    /// <exception cref="HostException">This kernel runs without IPv6.</exception>
    public static List<string> EnsureIPv6(TwillConf conf)
    {
        List<string> changes = [];
        if (conf.Lan is not null)
        {
            return changes;
        }

        if (IPv6Settings.EnsureForwarding())
        {
            changes.Add("IPv6 forwarding turned on");
        }

        if (IPv6Settings.EnsureBridge(conf.Bridge))
        {
            changes.Add($"bridge {conf.Bridge} set to the IPv6 addresses that it is given");
        }

        return changes;
    }

    /// <summary>Whether the table is as asked for and knows these prefixes, and iptables lets packets through.</summary>
    /// <param name="conf">The network.</param>
    /// <param name="prefixes">The prefixes of a container's addresses.</param>
    /// <returns>The first difference, in words; null when there is none.</returns>
    public static string? FindFirewallDifference(TwillConf conf, IReadOnlyList<IPNetwork> prefixes)
    {
        if (conf.Lan is not null)
        {
            return null;
        }

        using NftSocket nft = NftSocket.Open();
        FirewallSpec spec = FirewallOf(conf);
        if (Firewall.FindDifference(nft, spec, OnlyIpamKnows(conf) ? prefixes : []) is { } difference)
        {
            return difference;
        }

        foreach (ForwardTraffic traffic in ForwardPaths.Of(conf, HasIPv6(prefixes)))
        {
            if (IptablesAccept.FindDifference(nft, traffic) is { } why)
            {
                return $"iptables lacks the accept for containers: {why}";
            }
        }

        return null;
    }

    /// <summary>For the agent: compares bridge, forwarding, firewall and published ports, and corrects what is not as it should
    /// be.</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="state">Where the network's published ports are on record.</param>
    /// <param name="conf">The network.</param>
    /// <param name="subnets">The subnets this host holds; empty while that is not known.</param>
    /// <param name="local">Asked, after the bridge was looked at, for all subnets that containers here may have addresses of.</param>
    /// <param name="mtu">MTU of the bridge in bytes.</param>
    /// <param name="node">What other hosts know of this one; null while that is not known.</param>
    /// <param name="former">What the host had before.</param>
    /// <returns>What had to be done, each a phrase for the log.</returns>
    public static List<string> Ensure(
        RouteSocket route,
        NetworkStateDir state,
        TwillConf conf,
        IReadOnlyList<IPNetwork> subnets,
        Func<IReadOnlyList<IPNetwork>> local,
        int mtu,
        NodeFile? node,
        FormerHost former
    )
    {
        List<string> changes = [];
        OverlapException? overlap = EnsureBridge(route, conf, subnets, local, former.Subnets, mtu, changes);
        EnsureForwarding(conf, changes);
        if (EnsureFirewall(route, conf, node, former.KeepsFirewall) is { } difference)
        {
            changes.Add($"firewall written, because {difference}");
        }

        using NftSocket nft = NftSocket.Open();
        PortRecords records = new(state.PortsPath);
        foreach (PodPorts pod in records.Restore(nft, route, conf.Name))
        {
            changes.Add($"{string.Join(", ", pod.Ports)} (interface {pod.IfName} of container {pod.ContainerId}) published again");
        }

        if (RouteLocalnet.Follow(conf.Bridge, records) is { } turnedOn)
        {
            changes.Add(
                turnedOn
                    ? $"published ports can be reached at 127.0.0.1 again: route_localnet of {conf.Bridge} turned on"
                    : $"route_localnet of {conf.Bridge} turned off: no published port needs it"
            );
        }

        foreach (string end in RouteLocalnet.EnsurePast(route, conf.Bridge, records))
        {
            changes.Add($"published ports can be reached at 127.0.0.1 again: route_localnet of {end} turned on");
        }

        return overlap is null ? changes : throw overlap;
    }

    /// <summary>Writes the network's nftables table anew when something is wrong with it.</summary>
    /// <returns>What was wrong; null when it was right.</returns>
    private static string? EnsureFirewall(RouteSocket route, TwillConf conf, NodeFile? node, bool keepsFormer)
    {
        if (OnlyIpamKnows(conf))
        {
            return null; // another IPAM plugin: only an ADD knows which prefixes the containers are in
        }

        FirewallSpec spec = FirewallOf(conf, node);
        using NftSocket nft = NftSocket.Open();
        if (keepsFormer && Firewall.IsOfAnother(nft, spec))
        {
            return null;
        }

        string? difference = Firewall.FindDifference(nft, spec, []);
        if (difference is not null)
        {
            Firewall.Write(nft, spec, TunnelPeers.InUse(route, conf.Name));
        }

        return difference;
    }

    /// <summary>Of each link that packets to and from containers arrive by; one that does not exist yet gets it from the kernel's
    /// default.</summary>
    private static void EnsureForwarding(TwillConf conf, List<string> changes)
    {
        if (EnsureForwarding())
        {
            changes.Add("IPv4 forwarding turned on");
        }

        foreach (string link in (IEnumerable<string>)[conf.Bridge, .. conf.Backend.DeviceNames])
        {
            EnsureForwarding("IPv4", $"net/ipv4/conf/{link}/forwarding", link, changes);
            if (conf.Ipam.IPv6 is not null)
            {
                EnsureForwarding("IPv6", $"net/ipv6/conf/{link}/forwarding", link, changes);
            }
        }
    }

    private static void EnsureForwarding(string family, string parameter, string link, List<string> changes)
    {
        try
        {
            if (Sysctl.Ensure(parameter, "1"))
            {
                changes.Add($"{family} forwarding of {link} turned on");
            }
        }
        catch (LibcException e) when (e.Errno == Errno.ENOENT)
        {
            // There is no such link yet.
        }
    }

    /// <summary>Whether the configuration does not say which prefixes the containers are in.</summary>
    private static bool OnlyIpamKnows(TwillConf conf) => conf.Ipam.Ranges.Count == 0;

    private static bool HasIPv6(IReadOnlyList<IPNetwork> prefixes) => prefixes.Exists(prefix => IPv6Settings.IsIPv6(prefix.BaseAddress));
}
