using System.Net;
using System.Net.Sockets;
using Twill.Host.Attachments;
using Twill.Linux.Links;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Plugin.Cli;

/// <summary>
/// Finds what twill made on this host, of the networks that are configured and of those that only their traces tell of. What it made is
/// known by its mark: aliases, the bridge's derived hardware address, the protocol number of routes. What bears none stays.
/// </summary>
internal sealed partial class CleanupPlanner(HostView host, CliOptions options)
{
    private readonly CleanupPlan _plan = new();
    private readonly HashSet<int> _goingPorts = [],
        _goingQueues = [];

    public CleanupPlan Make()
    {
        List<string> made = DiscoveredNetworks.Names(host);
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
        if (All)
        {
            Nexthops();
            Files();
        }

        Identity(targets);
        CheckPreconditions(targets, containers);
        return _plan;
    }

    private sealed record Target(string Name, string? BridgeName, NetworkView? View, List<Link> HostEnds)
    {
        public string DataDir => View?.Conf.Ipam.DataDir ?? new IpamConf { Type = "" }.DataDir;
    }

    private bool All => options.Network is null;

    private List<Target> Targets(List<string> made)
    {
        List<Target> targets = [];
        foreach (NetworkView network in host.Networks)
        {
            if (All || network.Name == options.Network)
            {
                targets.Add(new Target(network.Name, network.OwnsBridge ? network.Conf.Bridge : null, network, network.HostEnds));
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

            List<Link> ends = AttachmentTable.All.List(host.Links, name, bridge: 0);
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

                NodeIdentity.ForgetIncarnation(host.State);
                File.Delete(host.State.AttachLockPath);
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

        HashSet<string> directories = [];
        foreach (Target target in targets)
        {
            directories.Add(target.DataDir);
        }

        foreach (string directory in directories.InOrder())
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
            client = EtcdctlCommand.Of(etcd);
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

    private void CheckPreconditions(List<Target> targets, List<string> containers)
    {
        if (targets.Exists(target => target.View is not null) && AgentProcess.Find(null) is int pid)
        {
            _plan.Preconditions.Add(
                $"stop the agent (twilld, pid {pid}), which would make all of it again: systemctl disable --now twilld"
            );
        }

        if (containers.Count > 0 && !options.Force)
        {
            _plan.Preconditions.Add(
                $"stop the {Format.Count(containers.Count, "container")} attached here ({Format.Few(containers)}), or cut "
                    + $"{(containers.Count == 1 ? "its" : "their")} network with --force"
            );
        }

        foreach (Target target in targets)
        {
            if (target.View is null && host.Problems.Count > 0 && !options.Force)
            {
                _plan.Preconditions.Add(
                    $"correct or remove what may still configure network '{target.Name}' ({host.Problems[0]}), or remove the network "
                        + "all the same with --force"
                );
            }

            if (target.View is { } view && !_goingFiles.Contains(view.File))
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
