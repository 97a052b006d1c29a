using Twill.System;

namespace Twill.Cluster;

/// <content>Leasing subnets: one's own back, or new ones.</content>
public sealed partial class LeaseStore
{
    /// <summary>Lost races before giving up. Each loss means that another node won a subnet, and winners leave the race.</summary>
    private const int MaxAttempts = 64;

    /// <summary>How often a start looks again because another process of the same node leases at the same time.</summary>
    private const int MaxRounds = 8;

    /// <summary>Leases what this node had last, if nobody has taken it, else a subnet of the network: one that no node remembers if there
    /// is any, else the one whose last owner has been away longest. A key of its own that still lives (after a reboot) is taken
    /// over.</summary>
    /// <param name="config">The network's configuration, as <see cref="EnsureConfigAsync"/> returned it.</param>
    /// <param name="attributes">What to publish.</param>
    /// <param name="ttl">Seconds after which etcd drops the lease unless it is renewed.</param>
    /// <param name="cancel">Breaks off; a lease granted by then is given back.</param>
    /// <exception cref="ClusterException">NetworkFull: every subnet is leased. Contended: too many lost races.</exception>
    public async Task<HeldLease> AcquireAsync(
        NetworkConfig config,
        LeaseAttributes attributes,
        long ttl,
        CancellationToken cancel = default
    ) => await AcquireAsync(config, attributes, ttl, static _ => false, cancel).ConfigureAwait(false);

    /// <summary>The same, when containers may run: what they use is taken back although the network does not lease it any more.</summary>
    /// <param name="config">The network's configuration, as <see cref="EnsureConfigAsync"/> returned it.</param>
    /// <param name="attributes">What to publish.</param>
    /// <param name="ttl">Seconds after which etcd drops the lease unless it is renewed.</param>
    /// <param name="isUsed">Tells of a subnet that this node had whether containers have addresses of it.</param>
    /// <param name="cancel">Breaks off; a lease granted by then is given back.</param>
    /// <exception cref="ClusterException">NetworkFull: every subnet is leased. Contended: too many lost races.</exception>
    public async Task<HeldLease> AcquireAsync(
        NetworkConfig config,
        LeaseAttributes attributes,
        long ttl,
        Func<SubnetKey, bool> isUsed,
        CancellationToken cancel
    )
    {
        _network = config;
        double sent = _clock();
        LeaseGrant grant = await _etcd.LeaseGrantAsync(ttl, cancel).ConfigureAwait(false);
        try
        {
            IReadOnlyList<SubnetKey> subnets = [];
            for (int rounds = 0; subnets.Count == 0; rounds++)
            {
                if (rounds == MaxRounds)
                {
                    throw new ClusterException(ClusterErrorKind.Contended, $"several processes lease for node {_nodeId} at once");
                }

                subnets = await ReacquireAsync(grant.Id, config, attributes, isUsed, cancel).ConfigureAwait(false);
            }
            _published = attributes;
            return new HeldLease(grant.Id, grant.Ttl, sent + grant.Ttl, subnets);
        }
        catch
        {
            await RevokeAsync(grant.Id).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Leases one more subnet under the same etcd lease: the ones held are full, or were all lost.</summary>
    /// <exception cref="EtcdException">LeaseNotFound: the etcd lease is gone; renew first.</exception>
    /// <exception cref="ClusterException">NetworkFull: every subnet is leased. Contended: too many lost races.</exception>
    public async Task<HeldLease> GrowAsync(
        HeldLease held,
        NetworkConfig config,
        LeaseAttributes attributes,
        CancellationToken cancel = default
    ) => held with { Subnets = await AcquireNewAsync(held.Subnets, held.LeaseId, config, attributes, cancel).ConfigureAwait(false) };

    /// <summary>What the node had, else a new subnet; nothing when another process of this node was quicker: then look again.</summary>
    private async Task<IReadOnlyList<SubnetKey>> ReacquireAsync(
        long lease,
        NetworkConfig config,
        LeaseAttributes attributes,
        Func<SubnetKey, bool> isUsed,
        CancellationToken cancel
    )
    {
        ClusterView view = await ViewAsync(cancel).ConfigureAwait(false);
        (view, long foreign) = await ClaimIdentityAsync(view, lease, attributes, holds: false, cancel).ConfigureAwait(false);
        if (foreign != 0)
        {
            return await AcquireNewAsync([], lease, config, attributes, cancel, foreign, view).ConfigureAwait(false);
        }

        if (await ChangeFamiliesAsync(view, config, attributes, cancel).ConfigureAwait(false))
        {
            return [];
        }

        NodeMemory own = view.Own;
        IReadOnlyList<NeededPrefix> needed = Needed();
        List<SubnetKey> had = own.Subnets.FindAll(subnet =>
            ((config.Leases(subnet) && FindOverlap(needed, subnet) is null) || isUsed(subnet)) && !view.IsTakenOver(subnet, own.Lease)
        );
        IReadOnlyList<SubnetKey> subnets =
            had.Count == 0
                ? []
                : (
                    await HoldAsync(had, lease, attributes, rewrite: true, refreshMemory: true, holds: false, cancel).ConfigureAwait(false)
                ).Held;
        if (subnets.Count == 0)
        {
            ClusterView? unchanged = had.Count == 0 ? view : null;
            subnets = await AcquireNewAsync([], lease, config, attributes, cancel, foreign: 0, unchanged).ConfigureAwait(false);
        }

        if (subnets.Count > 0 && own.Lease != 0 && own.Lease != lease && !own.Subnets.Exists(had => view.IsTakenOver(had, own.Lease)))
        {
            await RevokeAsync(own.Lease).ConfigureAwait(false);
        }

        return subnets;
    }

    /// <summary>What the node has and one new subnet. Nothing when it has none and another process of this node leased one
    /// meanwhile.</summary>
    /// <param name="have">What it has.</param>
    /// <param name="lease">The etcd lease.</param>
    /// <param name="config">The network's configuration.</param>
    /// <param name="attributes">What to publish.</param>
    /// <param name="cancel">Breaks off.</param>
    /// <param name="foreign">The etcd lease by which a host lives that may be another one with this node's id; 0: there is none.</param>
    /// <param name="view">What was just read, which among 10,000 hosts is more than a megabyte; null: nothing.</param>
    private async Task<IReadOnlyList<SubnetKey>> AcquireNewAsync(
        IReadOnlyList<SubnetKey> have,
        long lease,
        NetworkConfig config,
        LeaseAttributes attributes,
        CancellationToken cancel,
        long foreign = 0,
        ClusterView? view = null
    )
    {
        IReadOnlyList<NeededPrefix> needed = await NeededAsync(config, attributes, cancel).ConfigureAwait(false);
        for (int tries = 0; tries < MaxAttempts; tries++)
        {
            view = tries == 0 && view is not null ? view : await ViewAsync(cancel).ConfigureAwait(false);
            if (FindUnacknowledged(view, have, lease) is { } unacknowledged)
            {
                if (await KeepUnlessOverlappedAsync(unacknowledged, lease, have, attributes, cancel).ConfigureAwait(false))
                {
                    return [.. have, unacknowledged];
                }

                continue;
            }
            if (have.Count == 0 && (foreign == 0 || view.Own.Lease != foreign) && IsLeasing(view, config))
            {
                return [];
            }

            SubnetKey subnet = Choice(view, config, needed).Pick(_random, tries, out SubnetRange? full) ?? throw Full(full!, needed);
            string key = Keys.Subnet(subnet);
            IReadOnlyList<SubnetKey> all = [.. have, subnet];
            // No key of this subnet, with or without an IPv6 part: flannel's dual-stack keys start with the IPv4 one.
            EtcdTxn txn = new EtcdTxn().IfPrefixAbsent(Keys.SubnetPrefix(subnet.Subnet)).Then(EtcdOp.Put(key, attributes.ToJson(), lease));
            Remember(txn, view.Own, attributes, lease, all);
            foreach (NodeMemory past in view.Others)
            {
                Forget(txn, past, subnet);
            }

            txn.Then(view.GetNewer());
            if (await TryCommitAsync(txn, tries, cancel).ConfigureAwait(false) is not { } done)
            {
                continue;
            }

            if (
                view.IsStillFree(subnet, key, done)
                || await KeepUnlessOverlappedAsync(subnet, lease, have, attributes, cancel).ConfigureAwait(false)
            )
            {
                return all;
            }
        }
        throw new ClusterException(
            ClusterErrorKind.Contended,
            $"{MaxAttempts} tries to lease a subnet of {config.IPv4.Network} under {Keys.Subnets} were all lost to other nodes; try "
                + $"again later"
        );
    }

    private static LeaseChoice Choice(ClusterView view, NetworkConfig config, IReadOnlyList<NeededPrefix> needed)
    {
        var choice = new LeaseChoice(config);
        foreach (NeededPrefix one in needed)
        {
            choice.AddNeeded(one.Prefix);
        }

        foreach ((SubnetKey leased, _) in view.Leased)
        {
            choice.AddLeased(leased);
        }

        foreach (NodeMemory node in view.Others)
        {
            foreach (SubnetKey subnet in node.Subnets)
            {
                choice.AddRemembered(subnet, node.ModRevision);
            }
        }
        return choice;
    }

    /// <summary>When the network has got IPv6, or other IPv6 subnets, or has lost them: this node keeps its IPv4 subnets, and with them its
    /// containers' addresses, under keys that are of the network as it is now.</summary>
    /// <returns>Whether there was something to change; done or not, look again.</returns>
    private async Task<bool> ChangeFamiliesAsync(
        ClusterView view,
        NetworkConfig config,
        LeaseAttributes attributes,
        CancellationToken cancel
    )
    {
        NodeMemory own = view.Own;
        IReadOnlyList<NeededPrefix> needed = Needed();
        LeaseChoice choice = Choice(view, config, needed);
        List<SubnetKey> subnets = [.. own.Subnets];
        EtcdTxn txn = new();
        bool changes = false;
        for (int i = 0; i < subnets.Count; i++)
        {
            SubnetKey former = subnets[i];
            string key = Keys.Subnet(former);
            KeyValue? found = view.Find(key);
            if (!config.ChangesFamilies(former) || (found is not null && !IsOurs(found, former, view, own.Lease)))
            {
                continue;
            }

            subnets[i] = choice.PairWith(former.Subnet, _random, 0, out SubnetRange? full) ?? throw Full(full!, needed);
            choice.AddLeased(subnets[i]);
            changes = true;
            if (found is null)
            {
                continue; // expired: it is leased anew as what it is to be
            }

            AddDelete(txn, found);
            txn.IfAbsent(Keys.Subnet(subnets[i])).Then(EtcdOp.Put(Keys.Subnet(subnets[i]), attributes.ToJson(), found.Lease));
        }
        if (!changes)
        {
            return false;
        }

        Remember(txn, own, attributes, own.Lease, subnets);
        try
        {
            await TryCommitAsync(txn, 0, cancel).ConfigureAwait(false);
        }
        catch (EtcdException e) when (e.Kind == EtcdErrorKind.LeaseNotFound)
        {
            // The old lease ran out this very moment, and its keys with it: the next look finds them gone.
        }
        return true;
    }

    /// <summary>True when etcd holds a living subnet of this node.</summary>
    private bool IsLeasing(ClusterView view, NetworkConfig config)
    {
        foreach (SubnetKey subnet in view.Own.Subnets)
        {
            if (config.Leases(subnet) && view.Own.Lease != 0 && view.Find(Keys.Subnet(subnet))?.Lease == view.Own.Lease)
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>A subnet that an earlier try won although its answer never came.</summary>
    private SubnetKey? FindUnacknowledged(ClusterView view, IReadOnlyList<SubnetKey> have, long lease)
    {
        foreach (SubnetKey subnet in view.Own.Subnets)
        {
            if (!have.Contains(subnet) && view.Own.Lease == lease && view.Find(Keys.Subnet(subnet))?.Lease == lease)
            {
                return subnet;
            }
        }
        return null;
    }

    /// <summary>A transaction sees single keys only, so a subnet of another size may have been taken at the same time. The older key
    /// stays.</summary>
    private async Task<bool> KeepUnlessOverlappedAsync(
        SubnetKey subnet,
        long lease,
        IReadOnlyList<SubnetKey> others,
        LeaseAttributes attributes,
        CancellationToken cancel
    )
    {
        string key = Keys.Subnet(subnet);
        for (int tries = 0; tries < MaxAttempts; tries++)
        {
            ClusterView view = await ViewAsync(cancel).ConfigureAwait(false);
            KeyValue? own = view.Find(key);
            if (own?.Lease != lease)
            {
                return false;
            }

            if (!view.IsOverlapped(subnet, key, before: own.CreateRevision))
            {
                return true;
            }

            EtcdTxn undo = new EtcdTxn().IfModRevision(key, own.ModRevision).Then(EtcdOp.Delete(EtcdRange.Of(key)));
            Remember(undo, view.Own, attributes, lease, others);
            if (await TryCommitAsync(undo, tries, cancel).ConfigureAwait(false) is not null)
            {
                return false;
            }
        }
        throw new ClusterException(
            ClusterErrorKind.Contended,
            $"the key {key} overlaps another one and could not be given back; try again later"
        );
    }

    /// <summary>Adds to a transaction: this node has these subnets by this lease.</summary>
    private void Remember(EtcdTxn txn, NodeMemory own, LeaseAttributes attributes, long lease, IReadOnlyList<SubnetKey> subnets) =>
        txn.IfModRevision(own.Key, own.ModRevision)
            .Then(
                EtcdOp.Put(
                    own.Key,
                    NodeMemory.Write(AddressOf(attributes), lease, subnets, Instance?.Incarnation ?? "", Instance?.Network ?? "")
                )
            );

    /// <summary>Adds to a transaction: that node has lost this subnet. Memories of nodes that are gone for good do not pile up. Who has
    /// lost only its IPv6 one may have the IPv4 one back, with another beside it.</summary>
    private static void Forget(EtcdTxn txn, NodeMemory past, SubnetKey subnet)
    {
        List<SubnetKey> rest = [];
        bool changes = false;
        foreach (SubnetKey s in past.Subnets)
        {
            bool losesV6 = subnet.SubnetV6 is not null && s.SubnetV6 == subnet.SubnetV6;
            changes |= losesV6 || s.Subnet.Equals(subnet.Subnet);
            if (!s.Subnet.Equals(subnet.Subnet))
            {
                rest.Add(losesV6 ? s with { SubnetV6 = null } : s);
            }
        }
        if (!changes)
        {
            return;
        }

        txn.IfModRevision(past.Key, past.ModRevision)
            .Then(
                rest.Count == 0
                    ? EtcdOp.Delete(EtcdRange.Of(past.Key))
                    : EtcdOp.Put(past.Key, NodeMemory.Write(past.PublicIP, past.Lease, rest, past.Incarnation, past.Network))
            );
    }
}
