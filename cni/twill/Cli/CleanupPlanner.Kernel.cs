using System.Net;
using Twill.Host;
using Twill.Host.AntiSpoof;
using Twill.Host.Attachments;
using Twill.Host.Forwarding;
using Twill.Host.Ports;
using Twill.Host.Reconcile;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.Linux.Nexthops;
using Twill.Linux.Nftables;
using Twill.Linux.Routes;
using Twill.Linux.WireGuard;
using Twill.Network;
using Twill.Network.State;
using Twill.System;

namespace Twill.Plugin.Cli;

/// <content>What is in the kernel: links, routes, tables.</content>
internal sealed partial class CleanupPlanner
{
    private void HostEnds(Target target, List<string> containers)
    {
        List<Link> ends = target.HostEnds;
        if (ends.Count == 0)
        {
            return;
        }

        containers.AddRange(ends.ConvertAll(end => $"{Doctor.BridgeCheck.Owner(end)} on {end.Name}"));
        _plan.Removals.Add(new Removal(ends.ConvertAll(end => $"host end {end.Name} ({Doctor.BridgeCheck.Owner(end)})"), () =>
            {
                RouteBatch batch = host.Route.NewBatch();
                foreach (Link end in ends)
                {
                    batch.Add(new DeleteLink(end.Index), Errno.ENODEV);
                }

                batch.Send();
                AttachmentTable.All.DeleteStale(host.Route);
            }));
    }

    private void Queues(Target target)
    {
        foreach (Link queue in NetworkView.QueuesOf(host, target.Name))
        {
            if (_goingQueues.Add(queue.Index))
            {
                _plan.Removals.Add(
                    new Removal([$"device {queue.Name}, which limited what {Doctor.BridgeCheck.Owner(queue)} sent"], () =>
                        host.Route.DeleteLinkIfPresent(queue.Index)
                    )
                );
            }
        }
    }

    private void Routes(Target target)
    {
        if (target.View is { } view)
        {
            Remove(OurRoutes().FindAll(route => IsOf(view, route)));
        }
    }

    /// <summary>Routes inside no configured network: of a former one, if there is but one that they can be of.</summary>
    private void ForgottenRoutes(List<string> made, List<Target> targets)
    {
        int forgotten = 0;
        foreach (string name in made)
        {
            forgotten += host.Networks.Exists(network => network.Name == name) ? 0 : 1;
        }

        List<Route> routes = OurRoutes().FindAll(route => !host.Networks.Exists(network => IsOf(network, route)));
        if (All || (forgotten == 1 && targets.Exists(target => target.View is null)))
        {
            Remove(routes);
        }
        else if (routes.Count > 0 && targets.Exists(target => target.View is null))
        {
            _plan.Kept.Add(
                $"{Format.Count(routes.Count, "route")} of a network that is not configured any more (ip route show proto "
                    + $"{RouteProtocol.Twill}): 'twill cleanup' without --network removes them"
            );
        }
    }

    private void Remove(List<Route> routes)
    {
        // Those through the overlay device go with it.
        List<Route> direct = routes.FindAll(route =>
            host.Links.Find(link => link.Index == route.Index) is not { } link || !OverlayDevice.IsOverlay(link)
        );
        if (direct.Count == 0)
        {
            return;
        }

        _plan.Removals.Add(
            new Removal(
                direct.ConvertAll(route =>
                    route.NexthopId != 0 ? $"route {route.Destination} nhid {route.NexthopId}"
                    : route.RouteType == RouteType.Unicast
                        ? $"route {route.Destination} via {route.Gateway}"
                        : $"route {$"{route.RouteType}".ToLowerInvariant()} {route.Destination}"
                ),
                () =>
                {
                    RouteBatch batch = host.Route.NewBatch();
                    foreach (Route route in direct)
                    {
                        batch.Add(
                            new DeleteRoute(route.Destination)
                            {
                                NexthopId = route.NexthopId,
                                Gateway = route.NexthopId == 0 ? route.Gateway : null,
                                Index = route.NexthopId == 0 ? route.Index : 0,
                                Metric = route.Metric,
                                Protocol = RouteProtocol.Twill,
                            },
                            Errno.ESRCH
                        );
                    }

                    batch.Send();
                }
            )
        );
    }

    /// <summary>Nexthop objects of ours that somebody moved to a device of his: the others go with their device.</summary>
    private void Nexthops()
    {
        if (!host.Route.TryListNexthops(out List<NexthopObject>? all))
        {
            return;
        }

        List<NexthopObject> ours = all.FindAll(nexthop =>
            nexthop.Protocol == RouteProtocol.Twill
            && NexthopIds.IsInRange(nexthop.Id)
            && !(host.Links.Find(link => link.Index == nexthop.Index) is { } link && OverlayDevice.IsOverlay(link))
        );
        if (ours.Count == 0)
        {
            return;
        }

        _plan.Removals.Add(
            new Removal(ours.ConvertAll(nexthop => $"nexthop object {nexthop}"), () =>
            {
                RouteBatch batch = host.Route.NewBatch();
                foreach (NexthopObject nexthop in ours)
                {
                    batch.Add(new DeleteNexthop(nexthop.Id), Errno.ENOENT);
                }

                batch.Send();
            })
        );
    }

    private List<Route> OurRoutes() => host.Route.ListRoutes(new ListRoutes { Table = RouteTable.Main, Protocol = RouteProtocol.Twill });

    private static bool IsOf(NetworkView network, Route route)
    {
        foreach (IPNetwork range in network.Conf.Ipam.Etcd is null ? [] : network.Conf.Ipam.Ranges)
        {
            if (Covers(range, route.Destination))
            {
                return true;
            }
        }
        return false;
    }

    private void Overlay(Target target)
    {
        IReadOnlyList<string> configured = target.View?.OverlayNames ?? [];
        foreach (Link link in host.Links)
        {
            if (
                OverlayDevice.IsOverlay(link)
                && (link.Alias == OverlaySpec.AliasOf(target.Name) || (configured.Contains(link.Name) && string.IsNullOrEmpty(link.Alias)))
            )
            {
                _plan.Removals.Add(
                    new Removal([$"overlay device {link.Name}, with its routes, nexthop objects, neighbours, peers and FDB entries"], () =>
                        host.Route.DeleteLinkIfPresent(link.Index)
                    )
                );
                if (link.Kind == UserSpaceWireGuard.Kind)
                {
                    _plan.Kept.Add(
                        $"the service that runs {link.Name}, which may make it again, empty: systemctl disable --now "
                            + $"twill-wireguard@{link.Name}"
                    );
                }
            }
        }
    }

    private void Bridge(Target target, List<Target> targets)
    {
        if (
            target.BridgeName is not string name
            || host.Find(name) is not { } bridge
            || bridge.Kind != HostBridge.Kind
            || targets.Exists(other =>
                !ReferenceEquals(other, target) && other.BridgeName == name && targets.IndexOf(other) < targets.IndexOf(target)
            )
        )
        {
            return;
        }

        List<Link> strangers = host.Links.FindAll(link => link.MasterIndex == bridge.Index && !_goingPorts.Contains(link.Index));
        bool isShared = host.Networks.Exists(n => n.IsOurs && n.Conf.Bridge == name && !targets.Exists(t => t.Name == n.Name));
        string? why =
            bridge.Mac != HostMacs.ForBridge(name)
                ? $"its hardware address {bridge.Mac} is not the one twill gives, so somebody else made it (or this host was renamed)"
            : strangers.Count > 0 ? $"{Format.Few(strangers.ConvertAll(link => link.Name))} on it is not of this network"
            : isShared ? "another network uses it"
            : null;
        if (why is null)
        {
            _plan.Removals.Add(new Removal([$"bridge {name}"], () => host.Route.DeleteLinkIfPresent(bridge.Index)));
            return;
        }
        _plan.Kept.Add($"bridge {name}: {why}; if nobody needs it: ip link delete {name}");
        NetworkStateDir state = new(Path.Combine(host.State.Root, target.Name));
        if (!isShared && RouteLocalnet.IsNeeded(name, new PortRecords(state.PortsPath)))
        {
            _plan.Removals.Add(new Removal([$"route_localnet of bridge {name}"], () => RouteLocalnet.TurnOff(name)));
        }

        foreach (InterfaceAddress address in host.Route.ListAddresses(bridge.Index))
        {
            if (target.View is { } view && IsGateway(view, address))
            {
                _plan.Removals.Add(
                    new Removal([$"address {address} on bridge {name}"], () =>
                        host.Route.TryExecute(new DeleteAddress(bridge.Index, address.Address, address.PrefixLength), Errno.EADDRNOTAVAIL)
                    )
                );
            }
        }
    }

    private static bool IsGateway(NetworkView view, InterfaceAddress address)
    {
        foreach (IPNetwork subnet in view.Subnets)
        {
            if (view.GatewayOf(subnet).Equals(address.Address) && subnet.PrefixLength == address.PrefixLength)
            {
                return true;
            }
        }
        return false;
    }

    private void Table(Target target)
    {
        using NftSocket nft = NftSocket.Open();
        List<string> accepts = IptablesAccept.Describe(nft, target.Name);
        if (accepts.Count > 0)
        {
            _plan.Removals.Add(new Removal(accepts, () =>
                {
                    using NftSocket own = NftSocket.Open();
                    IptablesAccept.Delete(own, target.Name);
                }));
        }

        List<string> sources = SourceFilter.Tables(nft, target.Name);
        if (sources.Count > 0)
        {
            _plan.Removals.Add(new Removal(sources.ConvertAll(one => $"nftables table {one}"), () =>
                {
                    using NftSocket own = NftSocket.Open();
                    SourceFilter.Delete(own, target.Name);
                }));
        }

        string table = DeviceNames.NftTable(target.Name);
        if (!nft.TryGetTable(new TableId(NftFamily.Inet, table), out _))
        {
            return;
        }

        _plan.Removals.Add(new Removal([$"nftables table inet {table}"], () =>
            {
                using NftSocket own = NftSocket.Open();
                Firewall.Delete(own, target.Name);
            }));
    }
}
