using System.Net;
using Twill.Host;
using Twill.Host.Ports;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.Linux.Nftables;
using Twill.Linux.Routes;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent;

/// <summary>What must be on the host whatever other hosts do: forwarding, the bridge with its addresses, the nftables table.</summary>
internal static class HostState
{
    private const string Forwarding = "net/ipv4/ip_forward";

    /// <summary>Brings bridge, forwarding, firewall and published ports in order.</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="state">Where the network's published ports are on record.</param>
    /// <param name="conf">The network.</param>
    /// <param name="subnets">The subnets this host holds; empty while that is not known.</param>
    /// <param name="local">Asked, after the bridge was looked at, for all subnets that containers here may have addresses of.</param>
    /// <param name="mtu">MTU of the bridge in bytes.</param>
    /// <param name="tunnel">The device that alone packets to other hosts may take; null: any.</param>
    /// <returns>What had to be done, each a phrase for the log.</returns>
    internal static List<string> Ensure(
        RouteSocket route,
        NetworkStateDir state,
        TwillConf conf,
        IReadOnlyList<IPNetwork> subnets,
        Func<IReadOnlyList<IPNetwork>> local,
        int mtu,
        string? tunnel
    )
    {
        List<string> changes = [];
        EnsureBridge(route, conf, subnets, local, mtu, changes);
        EnsureForwarding(conf, changes);
        if (EnsureFirewall(conf, tunnel) is { } difference)
        {
            changes.Add($"firewall written, because {difference}");
        }

        using NftSocket nft = NftSocket.Open();
        foreach (PodPorts pod in new PortRecords(state.PortsPath).Restore(nft, route, conf.Name))
        {
            changes.Add($"{string.Join(", ", pod.Ports)} (interface {pod.IfName} of container {pod.ContainerId}) published again");
        }

        return changes;
    }

    private static void EnsureBridge(
        RouteSocket route,
        TwillConf conf,
        IReadOnlyList<IPNetwork> subnets,
        Func<IReadOnlyList<IPNetwork>> local,
        int mtu,
        List<string> changes
    )
    {
        bool was = route.TryGetLink(conf.Bridge, out Link? before);
        Link bridge = HostBridge.Ensure(route, conf.Bridge, mtu);
        if (!was)
        {
            changes.Add($"bridge {conf.Bridge} made with MAC {bridge.Mac}, MTU {mtu}");
        }
        else if (!before!.IsUp || before.Mtu != mtu)
        {
            changes.Add($"bridge {conf.Bridge} is up with MTU {mtu} again");
        }

        if (!bridge.ProxyArp && RoutedVeth.AnyOn(route) && RoutedVeth.EnableProxyForAll(route, bridge, subnets))
        {
            changes.Add($"bridge {conf.Bridge} answers again for the containers past its ports");
        }

        EnsureIPv6(conf, changes);
        List<InterfaceAddress> present = route.ListAddresses(bridge.Index);
        foreach (IPNetwork subnet in subnets)
        {
            IPAddress gateway = GatewayOf(conf, subnet);
            if (!present.Exists(a => a.Address.Equals(gateway) && a.PrefixLength == subnet.PrefixLength))
            {
                route.TryExecute(HostBridge.Gateway(bridge.Index, gateway, subnet.PrefixLength), Errno.EEXIST);
                changes.Add($"address {gateway}/{subnet.PrefixLength} put on bridge {conf.Bridge}");
            }
        }

        EnsureRoutes(route, conf, bridge, subnets, changes);
        if (subnets.Count > 0 && conf.Ipam.Etcd is not null)
        {
            RemoveFormer(route, [.. present.Where(a => conf.Ipam.Ranges.Any(network => network.Contains(a.Address)))], local(), changes);
        }
    }

    /// <summary>The route to a local subnet that the kernel makes with the bridge's address, and does not make again when somebody deletes
    /// it.</summary>
    private static void EnsureRoutes(RouteSocket route, TwillConf conf, Link bridge, IReadOnlyList<IPNetwork> subnets, List<string> changes)
    {
        const byte RTPROT_KERNEL = 2;
        const uint IP6_RT_PRIO_ADDRCONF = 256;
        List<Route> present = route.ListRoutes(new() { Table = RouteTable.Main, Index = bridge.Index });
        foreach (IPNetwork subnet in subnets)
        {
            if (!present.Exists(r => r.Destination.Equals(subnet) && r.Gateway is null))
            {
                NewRoute missing = new(subnet)
                {
                    Index = bridge.Index,
                    Protocol = RTPROT_KERNEL,
                    Mode = RouteMode.Prepend,
                };
                route.TryExecute(
                    IPv6Settings.IsIPv6(subnet.BaseAddress)
                        ? missing with
                        {
                            Metric = IP6_RT_PRIO_ADDRCONF,
                        }
                        : missing with
                        {
                            Source = GatewayOf(conf, subnet),
                        },
                    Errno.EEXIST
                );
                changes.Add($"route {subnet} dev {conf.Bridge} was missing, and is put back");
            }
        }
    }

    private static IPAddress GatewayOf(TwillConf conf, IPNetwork subnet) => conf.Ipam.GatewayOf(subnet);

    /// <summary>An address in a subnet that is another host's now would keep this host from reaching it.</summary>
    private static void RemoveFormer(
        RouteSocket route,
        List<InterfaceAddress> present,
        IReadOnlyList<IPNetwork> local,
        List<string> changes
    )
    {
        foreach (InterfaceAddress address in present.Where(a => !local.Any(subnet => subnet.Contains(a.Address))))
        {
            route.TryExecute(new DeleteAddress(address.Index, address.Address, address.PrefixLength), Errno.EADDRNOTAVAIL);
            changes.Add($"address {address} taken off the bridge: its subnet is not this host's any more");
        }
    }

    /// <summary>Writes the network's nftables table anew when something is wrong with it.</summary>
    /// <returns>What was wrong; null when it was right.</returns>
    private static string? EnsureFirewall(TwillConf conf, string? tunnel)
    {
        if (conf.Ipam.Ranges.Count == 0)
        {
            return null; // another IPAM plugin: only an ADD knows which prefixes the containers are in
        }

        FirewallSpec spec = new(conf.Name, conf.Bridge, conf.IpMasq, conf.Ipam.Ranges, conf.NonMasqueradeCidrs) { Tunnel = tunnel };
        using NftSocket nft = NftSocket.Open();
        string? difference = Firewall.FindDifference(nft, spec, []);
        if (difference is not null)
        {
            Firewall.Write(nft, spec);
        }

        return difference;
    }

    /// <summary>Where containers have IPv6 addresses.</summary>
    private static void EnsureIPv6(TwillConf conf, List<string> changes)
    {
        if (conf.Ipam.IPv6 is null)
        {
            return;
        }

        if (IPv6Settings.EnsureForwarding())
        {
            changes.Add("IPv6 forwarding turned on");
        }

        if (IPv6Settings.EnsureBridge(conf.Bridge))
        {
            changes.Add($"bridge {conf.Bridge} set to the IPv6 addresses that it is given");
        }
    }

    /// <summary>Of each link that packets to and from containers arrive by; one that does not exist yet gets it from the kernel's
    /// default.</summary>
    private static void EnsureForwarding(TwillConf conf, List<string> changes)
    {
        if (Sysctl.Ensure(Forwarding, "1"))
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
}
