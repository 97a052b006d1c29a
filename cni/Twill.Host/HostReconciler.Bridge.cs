using System.Net;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.Linux.Routes;
using Twill.Network.Configuration;
using Twill.System;

namespace Twill.Host;

/// <content>The bridge, this host's addresses on it, and the routes that come with them.</content>
public static partial class HostReconciler
{
    private static OverlapException? EnsureBridge(
        RouteSocket route,
        TwillConf conf,
        IReadOnlyList<IPNetwork> subnets,
        Func<IReadOnlyList<IPNetwork>> local,
        IReadOnlyList<IPNetwork> former,
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

        if (EnsurePromiscuous(route, conf, bridge))
        {
            changes.Add($"bridge {conf.Bridge} takes all frames again");
        }

        changes.AddRange(RouterAnnouncements.Refuse(route, bridge, MayHaveIPv6(conf)));
        if (!bridge.ProxyArp && RoutedVeth.AnyOn(route) && RoutedVeth.EnableProxyForAll(route, bridge, subnets))
        {
            changes.Add($"bridge {conf.Bridge} answers again for the containers past its ports");
        }

        if (conf.Ipam.IPv6 is not null)
        {
            changes.AddRange(EnsureIPv6(conf));
        }

        List<InterfaceAddress> present = route.ListAddresses(bridge.Index);
        OverlapException? overlap = EnsureGateways(route, conf, bridge, subnets, present, changes);
        if (subnets.Count > 0 && conf.Ipam.Etcd is not null)
        {
            IPNetwork[] ours = [.. conf.Ipam.Ranges, .. former];
            RemoveFormer(route, [.. present.FindAll(a => ours.Exists(network => network.Contains(a.Address)))], local(), changes);
        }

        return overlap;
    }

    /// <summary><c>ip link set dev BRIDGE promisc on</c>, where the configuration says so and it is not.</summary>
    private static bool EnsurePromiscuous(RouteSocket route, TwillConf conf, Link bridge)
    {
        bool missing = conf.PromiscMode && !bridge.IsPromiscuous;
        if (missing)
        {
            route.Execute(new SetLink(bridge.Index) { Promiscuous = true });
        }

        return missing;
    }

    /// <summary>This host's addresses in its subnets, and the routes that come with them.</summary>
    /// <returns>Why one is not put there; null: all are.</returns>
    private static OverlapException? EnsureGateways(
        RouteSocket route,
        TwillConf conf,
        Link bridge,
        IReadOnlyList<IPNetwork> subnets,
        List<InterfaceAddress> present,
        List<string> changes
    )
    {
        if (!conf.IsGateway)
        {
            return null;
        }

        OverlapException? refusal = null;
        List<IPNetwork> there = [];
        foreach (IPNetwork subnet in subnets)
        {
            BridgeGateway gateway = new(GatewayOf(conf, subnet), subnet.PrefixLength);
            if (BridgeGateways.Missing(present, [gateway]).Count > 0)
            {
                try
                {
                    BridgeGateways.ThrowIfNeeded(route, conf, [gateway]);
                }
                catch (OverlapException e)
                {
                    refusal = e;
                    continue;
                }

                route.TryExecute(HostBridge.Gateway(bridge.Index, gateway.Address, subnet.PrefixLength), Errno.EEXIST);
                changes.Add($"address {gateway.Address}/{subnet.PrefixLength} put on bridge {conf.Bridge}");
            }

            there.Add(subnet);
        }

        EnsureRoutes(route, conf, bridge, there, changes);
        return refusal;
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
        foreach (InterfaceAddress address in present.FindAll(a => !local.Exists(subnet => subnet.Contains(a.Address))))
        {
            route.TryExecute(new DeleteAddress(address.Index, address.Address, address.PrefixLength), Errno.EADDRNOTAVAIL);
            changes.Add($"address {address} taken off the bridge: its subnet is not this host's any more");
        }
    }
}
