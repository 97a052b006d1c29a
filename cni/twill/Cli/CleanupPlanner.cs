using System.Net;
using System.Net.Sockets;
using Twill.Host;
using Twill.Host.Forwarding;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Links;
using Twill.Linux.Nftables;
using Twill.Linux.Routes;
using Twill.Linux.WireGuard;
using Twill.Network;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Plugin.Cli;

/// <summary>
/// Finds what twill made on this host, of the networks that are configured and of those that only their traces tell of. What it made is
/// known by its mark: aliases, the bridge's derived hardware address, the protocol number of routes. What bears none stays.
/// </summary>
internal sealed class CleanupPlanner(HostView host, CliOptions options)
{
    private readonly CleanupPlan _plan = new();
    private readonly HashSet<int> _goingPorts = [],
        _goingQueues = [];

    public CleanupPlan Make()
    {
        SortedSet<string> made = DiscoveredNetworks.Names(host);
        List<Target> targets = Targets(made);
        foreach (Target target in targets)
        {
            foreach (Link end in target.HostEnds)
            {
                _goingPorts.Add(end.Index);
            }
        }
        List<string> containers = [];
        foreach (Target target in targets)
        {
            HostEnds(target, containers);
            Queues(target);
            Routes(target);
            Overlay(target);
            Bridge(target, targets);
            Table(target);
            State(target);
            Records(target, containers);
            Etcd(target);
        }
        ForgottenRoutes(made, targets);
        Identity(targets);
        Obstacles(targets, containers);
        return _plan;
    }

    private sealed record Target(string Name, string? BridgeName, NetworkView? View, List<Link> HostEnds)
    {
        public string DataDir => View?.Conf.Ipam.DataDir ?? new IpamConf { Type = "" }.DataDir;
    }

    private bool All => options.Network is null;

    private List<Target> Targets(SortedSet<string> made)
    {
        List<Target> targets = [];
        foreach (NetworkView network in host.Networks)
        {
            if (All || network.Name == options.Network)
            {
                targets.Add(new Target(network.Name, network.IsOurs ? network.Conf.Bridge : null, network, network.HostEnds));
            }
        }
        foreach (string name in made)
        {
            if (
                host.Networks.Exists(network => network.Name == name)
                || !(All || name == options.Network)
                || name.Contains('/')
                || name is "." or ".."
            )
            {
                continue;
            }

            List<Link> ends = NetworkView.HostEndsOf(host, name, null);
            targets.Add(new Target(name, BridgeOf(ends), null, ends));
        }
        if (!All && targets.Count == 0)
        {
            throw new UsageException($"network '{options.Network}' is neither configured in {host.ConfDir} nor has it left anything here");
        }

        return targets;
    }

    /// <summary>The bridge of a network that no file configures any more: what its containers hang on, or else the default one, if nobody
    /// configures it.</summary>
    private string? BridgeOf(List<Link> ends)
    {
        int master = ends.Find(end => end.MasterIndex != 0)?.MasterIndex ?? 0;
        string? name = master != 0 ? host.Links.Find(link => link.Index == master)?.Name : "twill0";
        return host.Networks.Exists(network => network.IsOurs && network.Conf.Bridge == name) ? null : name;
    }

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
    private void ForgottenRoutes(SortedSet<string> made, List<Target> targets)
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
                    route.RouteType == RouteType.Unicast
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
                                Gateway = route.Gateway,
                                Index = route.Index,
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
                    new Removal([$"overlay device {link.Name}, with its routes, neighbours, peers and FDB entries"], () =>
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
        string? why =
            bridge.Mac != HostMacs.ForBridge(name)
                ? $"its hardware address {bridge.Mac} is not the one twill gives, so somebody else made it (or this host was renamed)"
            : strangers.Count > 0 ? $"{Format.Few(strangers.ConvertAll(link => link.Name))} on it is not of this network"
            : host.Networks.Exists(n => n.IsOurs && n.Conf.Bridge == name && !targets.Exists(t => t.Name == n.Name))
                ? "another network uses it"
            : null;
        if (why is null)
        {
            _plan.Removals.Add(new Removal([$"bridge {name}"], () => host.Route.DeleteLinkIfPresent(bridge.Index)));
            return;
        }
        _plan.Kept.Add($"bridge {name}: {why}; if nobody needs it: ip link delete {name}");
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

    private void State(Target target)
    {
        string directory = Path.Combine(host.State.Root, target.Name);
        if (!Directory.Exists(directory))
        {
            return;
        }

        _plan.Removals.Add(new Removal([$"run-time state {directory}"], () =>
            {
                using (new NetworkStateDir(directory).Lock(TimeSpan.FromSeconds(5)))
                {
                    Directory.Delete(directory, recursive: true);
                }

                RemoveIfEmpty(host.State.Root);
            }));
    }

    private void Records(Target target, List<string> containers)
    {
        string directory = Path.Combine(target.DataDir, target.Name);
        if (!Directory.Exists(directory))
        {
            return;
        }

        List<AddressFile> records = AddressFile.List(target.DataDir, target.Name);
        if (target.View is { IsOurs: false }) // of another main plugin's containers nothing else is to be seen
        {
            foreach (AddressFile file in records)
            {
                if (file.Record is { Owner: var owner } && file.WhyGone(host.Namespaces) is null)
                {
                    containers.Add($"container {owner.ContainerId}, {owner.IfName} with address {file.Address}");
                }
            }
        }
        string count = Format.Count(records.Count, "address record");
        if (options.Addresses)
        {
            _plan.Removals.Add(new Removal([$"{count} in {directory}"], () =>
                {
                    Directory.Delete(directory, recursive: true);
                    RemoveIfEmpty(target.DataDir);
                }));
        }
        else
        {
            _plan.Kept.Add($"{count} in {directory}: --addresses removes them as well");
        }
    }

    /// <summary>The node's identity goes when all networks go with their records.</summary>
    private void Identity(List<Target> targets)
    {
        if (!All || !options.Addresses)
        {
            return;
        }

        SortedSet<string> directories = new(StringComparer.Ordinal);
        foreach (Target target in targets)
        {
            directories.Add(target.DataDir);
        }

        foreach (string directory in directories)
        {
            if (!File.Exists(Path.Combine(directory, "node-id")))
            {
                continue;
            }

            _plan.Removals.Add(new Removal([$"this node's identity {directory}/node-id"], () =>
                {
                    File.Delete(Path.Combine(directory, "node-id"));
                    RemoveIfEmpty(directory);
                }));
        }
    }

    private void Etcd(Target target)
    {
        if (target.View is not { Conf.Ipam.Etcd: { } etcd } view)
        {
            return;
        }
        // The agent knows this host in etcd by its identity, which --addresses removes.
        string release = $"twilld --release --conf {view.File}",
            client = $"etcdctl --endpoints={string.Join(',', etcd.Endpoints)}";
        if (view.Subnet is not { } lease)
        {
            _plan.InEtcd.Add(
                $"is not touched: what this host leased stays below {etcd.Prefix}/subnets/ until it expires; "
                    + (options.Addresses ? $"{client} get --prefix {etcd.Prefix}/subnets/ shows it" : $"to free it now: {release}")
            );
            return;
        }
        List<string> keys = [];
        foreach (IPNetwork subnet in lease.Subnets)
        {
            // An IPv6 subnet stands in the key of the IPv4 one that it was leased with, which comes before it.
            string name = $"{subnet.BaseAddress}-{subnet.PrefixLength}";
            if (subnet.BaseAddress.AddressFamily == AddressFamily.InterNetworkV6 && keys.Count > 0)
            {
                keys[^1] += $"&{name}";
            }
            else
            {
                keys.Add($"{etcd.Prefix}/subnets/{name}");
            }
        }
        if (keys.Count > 0)
        {
            _plan.InEtcd.Add(
                $"is not touched: {string.Join(", ", keys)} stays for at most {Format.Time(lease.Ttl)}, so that this host gets it back; "
                    + $"to free it now: {(options.Addresses ? $"{client} lease revoke {Format.LeaseId(lease.LeaseId)}" : release)}"
            );
        }

        _plan.InEtcd.Add(
            $"is not touched: {etcd.Prefix}/twill/nodes/{lease.NodeId} remembers this host; "
                + $"if it never comes back: {(options.Addresses ? $"{client} del {etcd.Prefix}/twill/nodes/{lease.NodeId}" : release)}"
        );
    }

    private void Obstacles(List<Target> targets, List<string> containers)
    {
        if (targets.Exists(target => target.View is not null) && ProcFiles.FindAgent(null) is int pid)
        {
            _plan.InTheWay.Add($"stop the agent (twilld, pid {pid}), which would make all of it again: systemctl disable --now twilld");
        }

        if (containers.Count > 0 && !options.Force)
        {
            _plan.InTheWay.Add(
                $"stop the {Format.Count(containers.Count, "container")} attached here ({Format.Few(containers)}), or cut "
                    + $"{(containers.Count == 1 ? "its" : "their")} network with --force"
            );
        }

        foreach (Target target in targets)
        {
            if (target.View is { } view)
            {
                _plan.Kept.Add($"{view.File}: while it is there, the next container makes the network again");
            }
        }
    }

    private static void RemoveIfEmpty(string directory)
    {
        if (Directory.GetFileSystemEntries(directory).Length == 0)
        {
            Directory.Delete(directory);
        }
    }

    private static bool Covers(IPNetwork outer, IPNetwork inner) =>
        outer.BaseAddress.AddressFamily == inner.BaseAddress.AddressFamily
        && inner.PrefixLength >= outer.PrefixLength
        && outer.Contains(inner.BaseAddress);
}
