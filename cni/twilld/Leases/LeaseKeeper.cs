using System.Net;
using Twill.Cluster;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent;

/// <summary>
/// Keeps this host's subnets in one network: adopts the lease that twill-ipam or an earlier run took, or takes one; keeps it alive;
/// publishes what changed about this host. What it holds is in subnet.json, shared with twill-ipam under the network's lock.
/// </summary>
internal sealed class LeaseKeeper(LeaseStore store, NetworkConfig wanted, NetworkStateDir state, TwillConf conf, string nodeId, Log log)
{
    private static readonly TimeSpan LockTimeout = TimeSpan.FromSeconds(10);

    private LeaseAttributes? _published;
    private NetworkConfig? _network;
    private volatile ClusterException? _refusal;
    private bool _told;

    /// <summary>The lease after the last step; null before the first one that succeeded.</summary>
    internal HeldLease? Held { get; private set; }

    /// <summary>Subnets that were this host's and are another's now.</summary>
    internal IReadOnlyList<IPNetwork> Lost { get; private set; } = [];

    /// <summary>
    /// Whether the network in etcd is the one that this host is configured for; null while etcd has not said. As long as it is not true,
    /// what
    /// an earlier configuration made on this host is all that connects its containers, and stays.
    /// </summary>
    internal bool? IsAccepted =>
        _refusal is not null ? false
        : _network is not null ? true
        : null;

    /// <summary>The network as etcd last had it; null before it was asked, and while it contradicts this host's configuration.</summary>
    internal NetworkConfig? Agreed => _network;

    /// <summary>When the lease must be renewed next: after a third of its time, so that two renewals may fail.</summary>
    internal TimeSpan RenewAfter => TimeSpan.FromSeconds(Math.Max(0.5, (Held?.Ttl ?? conf.Ipam.LeaseTtl) / 3.0));

    /// <summary>Whether a lost subnet has no container here any more: a step is due that forgets it, so that its new owner is
    /// reached.</summary>
    internal bool HasLostForNothing => Lost.Any(subnet => !AddressRecords.AnyIn(conf.Ipam.DataDir, conf.Name, subnet));

    /// <summary>Reads what twill-ipam may have written since: a first lease, or one more subnet.</summary>
    internal void Adopt()
    {
        SubnetFile? file = Read();
        if (ClusterTerms.Held(file, conf.Name, nodeId) is { } held)
        {
            (Held, Lost) = (held, file!.Lost);
        }
    }

    /// <summary>Whether etcd shows all that is held as this lease's; if not, a step is due.</summary>
    internal bool IsShownBy(PeerTable leases)
    {
        HeldLease? held = Held;
        return held is null
            || held.Prefixes.All(subnet =>
                leases.Any(lease => lease.LeaseId == held.LeaseId && lease.Peers.Any(peer => peer.Subnet.Equals(subnet)))
            );
    }

    /// <summary>One step: take a lease, or renew the one there is, and publish with it what this host is.</summary>
    /// <param name="node">What this host is; null when it only leases.</param>
    /// <param name="publish">What it publishes, asked for when etcd has answered.</param>
    /// <param name="stop">Breaks off.</param>
    /// <exception cref="EtcdException">etcd could not be asked; what is held stays held until its deadline.</exception>
    /// <exception cref="ClusterException">etcd knows the network with another configuration, or has no subnet left.</exception>
    /// <exception cref="TimeoutException">Another process keeps the network's lock.</exception>
    internal async Task StepAsync(NodeFile? node, Func<LeaseAttributes> publish, CancellationToken stop)
    {
        using FileLock held = await Task.Run(() => state.Lock(LockTimeout), stop).ConfigureAwait(false);
        SubnetFile? file = Read();
        HeldLease? lease = ClusterTerms.Held(file, conf.Name, nodeId);
        IReadOnlyList<IPNetwork> lost = lease is null ? [] : StillUsed(file!.Lost);

        ClusterException? refusal = await CheckConfigAsync(stop).ConfigureAwait(false);
        if (refusal is not null && lease is null)
        {
            throw refusal;
        }

        LeaseAttributes attributes = publish();
        if (lease is null)
        {
            lease = await store.AcquireAsync(_network!, attributes, conf.Ipam.LeaseTtl, stop).ConfigureAwait(false);
            log.Info($"leased {Names(lease)} for {lease.Ttl} s, published as {attributes.Describe()}");
            _published = attributes;
        }
        else if (refusal is null && lease.Subnets.Any(_network!.ChangesFamilies))
        {
            HeldLease former = lease;
            lease = await store.AcquireAsync(_network!, attributes, conf.Ipam.LeaseTtl, stop).ConfigureAwait(false);
            lost = [.. lost.Union(former.Prefixes).Except(lease.Prefixes)];
            log.Warning($"the network's address families have changed: leased {Names(lease)} in place of {Names(former)}");
            _published = attributes;
        }
        else
        {
            TellAdoption(lease);
            RenewResult renewed = await store.RenewAsync(lease, attributes, stop).ConfigureAwait(false);
            (lease, lost) = (renewed.Held, Settle(renewed, lost));
            if (_published != attributes && lease.Subnets.Count > 0 && refusal is null)
            {
                renewed = await store.RepublishAsync(lease, attributes, stop).ConfigureAwait(false);
                (lease, lost) = (renewed.Held, Settle(renewed, lost));
                TellPublished(attributes);
            }

            // Until the file says so, twill-ipam would go on handing out addresses of a lost subnet.
            Write(lease, lost, node);
            if (lease.Subnets.Count == 0 && refusal is null)
            {
                lease = await store.GrowAsync(lease, _network!, attributes, stop).ConfigureAwait(false);
                log.Warning($"leased {Names(lease)} for new containers, in place of what was lost");
            }
        }

        Write(lease, lost, node);
        (Held, Lost, _told) = (lease, lost, true);
        log.Debug($"lease of {Names(lease)} is good for {lease.Deadline - BootClock.Now:0} s");
        if (refusal is not null)
        {
            throw refusal;
        }
    }

    private static string Names(HeldLease lease) => lease.Subnets.Count == 0 ? "no subnet" : string.Join(", ", lease.Prefixes);

    private SubnetFile? Read()
    {
        SubnetFile? file = SubnetFile.TryRead(state, out string? problem);
        if (problem is not null)
        {
            log.Warning($"{problem}; it is not used, and will be written anew");
        }

        return file;
    }

    /// <summary>The cluster's configuration is compared each time: an operator may change it, and change it back.</summary>
    private async Task<ClusterException?> CheckConfigAsync(CancellationToken stop)
    {
        try
        {
            _network = await store.EnsureConfigAsync(wanted, stop).ConfigureAwait(false);
            return _refusal = null;
        }
        catch (ClusterException e)
        {
            return _refusal = e;
        }
    }

    private List<IPNetwork> StillUsed(IReadOnlyList<IPNetwork> lost)
    {
        List<IPNetwork> used = [];
        foreach (IPNetwork subnet in lost)
        {
            if (AddressRecords.AnyIn(conf.Ipam.DataDir, conf.Name, subnet))
            {
                used.Add(subnet);
            }
            else
            {
                log.Info($"no container here has an address of the lost subnet {subnet} any more: from now on it is its new owner's");
            }
        }

        return used;
    }

    private IReadOnlyList<IPNetwork> Settle(RenewResult renewed, IReadOnlyList<IPNetwork> lost)
    {
        foreach (SubnetKey subnets in renewed.Lost)
        {
            log.Error(
                $"subnet {subnets.Describe()} is LOST: another host owns its key in etcd. It is not overwritten; no address of it is "
                    + $"handed out here any more. "
                    + "Containers that have one keep it, but other hosts now send its packets elsewhere: restart them"
            );
        }

        if (renewed.Restored.Count > 0)
        {
            log.Warning(
                $"lease of {string.Join(", ", SubnetKey.Prefixes(renewed.Restored))} was gone from etcd; nobody had taken it, and it "
                    + $"is leased again"
            );
        }

        return [.. lost.Union(SubnetKey.Prefixes(renewed.Lost)).Except(renewed.Held.Prefixes)];
    }

    private void TellAdoption(HeldLease lease)
    {
        if (!_told)
        {
            log.Info($"keeping the lease of {Names(lease)}, good for another {Math.Max(0, lease.Deadline - BootClock.Now):0} s");
        }
    }

    private void TellPublished(LeaseAttributes attributes)
    {
        if (_published is not null)
        {
            log.Info($"published under the same lease: this host is now {attributes.Describe()}");
        }

        _published = attributes;
    }

    private void Write(HeldLease lease, IReadOnlyList<IPNetwork> lost, NodeFile? node) =>
        new SubnetFile
        {
            Network = conf.Name,
            NodeId = nodeId,
            Subnets = lease.Prefixes,
            Backend = node?.BackendType ?? "none",
            Mtu = node?.Mtu ?? 0,
            LeaseId = lease.LeaseId,
            Ttl = lease.Ttl,
            BootId = BootClock.BootId,
            Deadline = lease.Deadline,
            Lost = lost,
        }.Write(state);
}
