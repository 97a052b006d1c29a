using System.Net;
using System.Net.Sockets;
using Twill.Host.Backends;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent.Trace;

/// <summary>Finds out what a command line means: which network, which container sends, and who has the address.</summary>
internal sealed class TraceResolver(TraceOptions options, StateDir state)
{
    private readonly NetnsLiveness _namespaces = new();

    /// <exception cref="UsageException">it means nothing on this host</exception>
    internal TracePath Resolve()
    {
        List<TracePath> networks = [.. Networks()];
        if (networks.Count == 0)
        {
            throw new UsageException(
                options.Network is { } name ? $"no network '{name}' in {options.ConfDir}" : $"no network of twill in {options.ConfDir}"
            );
        }

        TracePath path = Target(networks);
        return path with { Source = SourceOf(path) };
    }

    private IEnumerable<TracePath> Networks()
    {
        foreach (FoundNetwork found in NetworkConfigList.Load(options.ConfDir, BackendTable.All).Networks)
        {
            if (options.Network is not null && found.Conf.Name != options.Network)
            {
                continue;
            }

            NetworkStateDir at = state.Existing(found.Conf.Name);
            SubnetFile? subnet = SubnetFile.TryRead(at, out _);
            yield return new TracePath(found.Conf, at, IPAddress.None)
            {
                Node = NodeFile.TryRead(at, out _),
                Own = found.Conf.Ipam.Etcd is null ? found.Conf.Ipam.Ranges : [.. subnet?.Subnets ?? [], .. subnet?.Lost ?? []],
                Measured = ReachabilityFile.TryRead(at, out _),
            };
        }
    }

    private TracePath Target(List<TracePath> networks)
    {
        if (IPPrefix.TryParseAddress(options.Target, out IPAddress address))
        {
            foreach (TracePath network in networks)
            {
                foreach (PeerReachability peer in network.Measured?.Peers ?? [])
                {
                    if (peer.PublicIP.Equals(address))
                    {
                        return network with { Address = network.Network.Ipam.GatewayOf(peer.Subnet), Peer = peer };
                    }
                }
            }

            TracePath of = networks.Find(network => (network with { Address = address }).IsInside) ?? networks[0];
            return WithOwner(of with { Address = address });
        }

        foreach (TracePath network in networks)
        {
            if (Find(network, options.Target) is { } file)
            {
                return network with { Address = file.Address, Here = file };
            }
        }

        string hosts = string.Join(", ", networks.SelectMany(n => n.Measured?.Peers ?? []).Select(p => p.PublicIP).Distinct().Take(5)),
            containers = string.Join(", ", networks.SelectMany(Living).Select(TracePath.NameOf).Distinct().Take(5));
        throw new UsageException(
            $"'{ForeignText.Shown(options.Target, 80)}' is no address, and no container of this host begins so"
                + (containers.Length > 0 ? $"; there is {containers}" : "")
                + (hosts.Length > 0 ? $"; other hosts are {hosts}" : "")
        );
    }

    private TracePath WithOwner(TracePath path)
    {
        foreach (PeerReachability peer in path.Measured?.Peers ?? [])
        {
            if (peer.Subnet.Contains(path.Address))
            {
                return path with { Peer = peer };
            }
        }

        return path with { Here = Living(path).FirstOrDefault(file => file.Address.Equals(path.Address)) };
    }

    /// <summary>The container that was asked for, or the first one but the target itself.</summary>
    private AddressFile? SourceOf(TracePath path)
    {
        AddressFamily family = path.Address.AddressFamily;
        if (options.From is not { } from)
        {
            return Living(path)
                .FirstOrDefault(file =>
                    file.Address.AddressFamily == family && file.Record!.Owner.ContainerId != path.Here?.Record!.Owner.ContainerId
                );
        }

        return Living(path)
                .FirstOrDefault(file => file.Address.AddressFamily == family && Begins(file, from))
            ?? throw new UsageException(
                $"--from: no container of network '{path.Network.Name}' here whose id begins with '{ForeignText.Shown(from, 80)}' has an "
                    + $"{(family == AddressFamily.InterNetworkV6 ? "IPv6" : "IPv4")} address"
            );
    }

    private AddressFile? Find(TracePath network, string container)
    {
        AddressFile[] found = [.. Living(network).Where(file => Begins(file, container))];
        if (found.Select(file => file.Record!.Owner.ContainerId).Distinct().Count() > 1)
        {
            throw new UsageException($"more than one container begins with '{ForeignText.Shown(container, 80)}': give more of its id");
        }

        return found.FirstOrDefault(file => file.Address.AddressFamily == AddressFamily.InterNetwork) ?? found.FirstOrDefault();
    }

    private static bool Begins(AddressFile file, string id) =>
        file.Record!.Owner.ContainerId.StartsWith(id, StringComparison.Ordinal);

    private IEnumerable<AddressFile> Living(TracePath network) =>
        network.Network.Ipam.IsForeign
            ? []
            : AddressFile
                .List(network.Network.Ipam.DataDir, network.Network.Name)
                .Where(file => file.Record is not null && file.WhyGone(_namespaces) is null);
}
