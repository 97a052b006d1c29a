using System.Net;
using Twill.Network.State;

namespace Twill.Cluster;

/// <summary>What the caller of <see cref="LeaseManager.HoldAsync"/> wants to do with the subnets.</summary>
public enum LeaseDemand
{
    /// <summary>To keep them: the agent.</summary>
    Keep,

    /// <summary>To hand out an address of them.</summary>
    Addresses,

    /// <summary>To hand out an address, and every one of the subnets that are held is taken.</summary>
    MoreAddresses,
}

/// <summary>
/// Keeps this host's subnets in one network: adopts the lease that another process of this host took, or takes one; keeps it alive;
/// publishes what changed about this host. What is held stands in subnet.json, which nobody else writes. twilld and twill-ipam take turns
/// under the network's lock.
/// </summary>
/// <param name="store">The network in etcd.</param>
/// <param name="request">What this host asks for.</param>
/// <param name="state">What is kept on this host.</param>
/// <param name="log">Hears what happens.</param>
public sealed partial class LeaseManager(LeaseStore store, LeaseRequest request, ILeaseState state, ILeaseLog log)
{
    private const string NoBackend = "none";

    /// <summary>Of subnets that were given back: their addresses are off the bridge long before there are more.</summary>
    private const int MostFormer = 16;

    private static readonly TimeSpan s_lockTimeout = TimeSpan.FromSeconds(10),
        s_firstRetry = TimeSpan.FromSeconds(1),
        s_longestRetry = TimeSpan.FromSeconds(15);

    private readonly Lock _lock = new();
    private volatile Holding _holding = new(null, [], []);
    private volatile Agreement _agreement = new(null, null);
    private volatile LeaseAttributes? _published;
    private bool _isAdopted;
    private readonly List<SubnetKey> _outdated = [];
    private string _avoided = "";

    /// <summary>The lease after the last step; null before the first one that succeeded.</summary>
    public HeldLease? Held => _holding.Lease;

    /// <summary>Subnets that were this host's and are another's now.</summary>
    public IReadOnlyList<IPNetwork> Lost => _holding.Lost;

    /// <summary>Subnets that this host gave back or lost, in this boot, and whose addresses may still be on the bridge.</summary>
    public IReadOnlyList<IPNetwork> Former => _holding.Former;

    /// <summary>
    /// Whether the network in etcd is the one that this host is configured for; null while etcd has not said. As long as it is not true,
    /// what an earlier configuration made on this host is all that connects its containers, and stays.
    /// </summary>
    public bool? IsAccepted
    {
        get
        {
            Agreement now = _agreement;
            return now.Refusal is not null ? false
                : now.Network is not null ? true
                : null;
        }
    }

    /// <summary>The network as etcd last had it without contradicting this host's configuration; null before that.</summary>
    public NetworkConfig? Agreed => _agreement.Network;

    /// <summary>Whether a key of this host's lease says what this host published last; true before it has published anything.</summary>
    public bool IsAsPublished(NodeLease shown) => _published is not { } published || shown.Attributes == published;

    /// <summary>When the lease must be renewed next: after a third of its time, so that two renewals may fail.</summary>
    public TimeSpan RenewAfter => TimeSpan.FromSeconds(Math.Max(0.5, (Held?.Ttl ?? request.Ttl) / 3.0));

    /// <summary>When a step that failed is tried again: after 1 s, then twice as long each time up to 15 s, but at most a quarter of the
    /// time between renewals. A lease must not run out because of the pause.</summary>
    /// <param name="last">The pause before; zero: none.</param>
    public TimeSpan RetryAfter(TimeSpan last) => NextRetry(last, RenewAfter);

    internal static TimeSpan NextRetry(TimeSpan last, TimeSpan renewAfter)
    {
        TimeSpan longest = TimeSpan.FromSeconds(Math.Clamp(renewAfter.TotalSeconds / 4, 0.5, s_longestRetry.TotalSeconds));
        TimeSpan next = last == TimeSpan.Zero ? s_firstRetry : last * 2;
        return next < longest ? next : longest;
    }

    /// <summary>Whether a subnet that is lost, or that the network does not lease any more, has no container here any more: a step is due
    /// that forgets it, so that its next owner is reached.</summary>
    public bool HasUnusedSubnets
    {
        get
        {
            Holding holding = _holding;
            foreach (IPNetwork subnet in holding.Lost)
            {
                if (!state.HasContainers(subnet))
                {
                    return true;
                }
            }

            if (holding.Lease is { } lease && _agreement is { Network: { } network, Refusal: null })
            {
                foreach (SubnetKey subnets in lease.Subnets)
                {
                    if ((!network.Leases(subnets) || LeaseStore.FindOverlap(store.Needed(), subnets) is not null) && !IsUsed(subnets))
                    {
                        return true;
                    }
                }
            }

            return false;
        }
    }

    /// <summary>Reads what another process of this host may have written since: a first lease, or one more subnet.</summary>
    public void Adopt()
    {
        lock (_lock)
        {
            SubnetFile? file = Read();
            if (Known(file) is { } held)
            {
                _holding = new Holding(held, file!.Lost, file.Former);
            }
        }
    }

    /// <summary>Takes the network's lock, then does as <see cref="HoldAsync"/> for who keeps the subnets.</summary>
    /// <exception cref="TimeoutException">Another process keeps the network's lock.</exception>
    public async Task StepAsync(NodeFile? node, Func<LeaseAttributes> publish, CancellationToken stop)
    {
        using IDisposable held = await Task.Run(() => state.Lock(s_lockTimeout), stop).ConfigureAwait(false);
        await HoldAsync(LeaseDemand.Keep, node, publish, stop).ConfigureAwait(false);
    }

    /// <summary>One step: take a lease, or renew the one there is, and publish with it what this host is. The caller holds the network's
    /// lock.</summary>
    /// <param name="demand">What the subnets are for.</param>
    /// <param name="node">What this host is; null when it only leases.</param>
    /// <param name="publish">What it publishes, asked for when etcd has answered.</param>
    /// <param name="stop">Breaks off.</param>
    /// <exception cref="EtcdException">etcd could not be asked; what is held stays held until its deadline.</exception>
    /// <exception cref="ClusterException">etcd knows the network with another configuration, or has no subnet left.</exception>
    public async Task HoldAsync(LeaseDemand demand, NodeFile? node, Func<LeaseAttributes> publish, CancellationToken stop)
    {
        ClusterException? refusal = await CheckConfigAsync(stop).ConfigureAwait(false);
        try
        {
            await HoldAgreedAsync(demand, refusal is null ? Agreed : null, refusal, node, publish, stop).ConfigureAwait(false);
        }
        catch (ClusterException e) when (e.Kind is ClusterErrorKind.IdentityConflict or ClusterErrorKind.ConfigMismatch)
        {
            _agreement = _agreement with { Refusal = e };
            throw;
        }
    }

    /// <summary>As <see cref="HoldAsync"/>, when it is known whether etcd agrees.</summary>
    /// <param name="demand">What the subnets are for.</param>
    /// <param name="network">The network as etcd has it; null: it contradicts this host's configuration.</param>
    /// <param name="refusal">The contradiction.</param>
    /// <param name="node">What this host is.</param>
    /// <param name="publish">What it publishes.</param>
    /// <param name="stop">Breaks off.</param>
    internal async Task HoldAgreedAsync(
        LeaseDemand demand,
        NetworkConfig? network,
        ClusterException? refusal,
        NodeFile? node,
        Func<LeaseAttributes> publish,
        CancellationToken stop
    )
    {
        try
        {
            await TakeOrRenewAsync(demand, network, refusal, node, publish, stop).ConfigureAwait(false);
        }
        catch (ClusterException e)
            when (network is not null && e.Kind is ClusterErrorKind.IdentityConflict or ClusterErrorKind.ConfigMismatch)
        {
            // The etcd lease was kept alive, so that the keys stay and containers go on. Nothing new is handed out.
            SubnetFile? file = Read();
            if (Known(file) is { } held)
            {
                Save(store.Fenced(held), file!.Lost, null, file);
            }

            throw;
        }
    }

    private async Task TakeOrRenewAsync(
        LeaseDemand demand,
        NetworkConfig? network,
        ClusterException? refusal,
        NodeFile? node,
        Func<LeaseAttributes> publish,
        CancellationToken stop
    )
    {
        SubnetFile? file = Read();
        HeldLease? lease = Known(file);
        IReadOnlyList<IPNetwork> lost = lease is null ? [] : StillUsed(file!.Lost);
        if (network is null)
        {
            if (lease is not null)
            {
                await KeepAliveAsync(demand, lease, lost, file!, publish(), stop).ConfigureAwait(false);
            }

            throw refusal!;
        }

        LeaseAttributes attributes = publish();
        TellAvoided();
        if (lease is null && OfAnotherNode(file) is { } former)
        {
            // A node-id that was damaged changes nothing about whose lease it is; one that was replaced on a copy of a machine does.
            if (await store.IsPublishedByAsync(former, file!.NodeId, attributes, stop).ConfigureAwait(false))
            {
                (lease, lost) = (former, StillUsed(file.Lost));
            }
            else
            {
                log.OfAnotherNode(former, file!.NodeId);
                lost = StillUsed(Joined(file.Lost, former.Prefixes));
            }
        }

        if (lease is null)
        {
            lease = await AcquireAsync(network, attributes, stop).ConfigureAwait(false);
            lost = Without(lost, lease.Prefixes);
            log.Leased(lease, attributes);
            _published = attributes;
        }
        else if (Any(lease.Subnets, network.ChangesFamilies))
        {
            HeldLease before = lease;
            lease = await AcquireAsync(network, attributes, stop).ConfigureAwait(false);
            lost = Without(Joined(lost, before.Prefixes), lease.Prefixes);
            log.FamiliesChanged(lease, before);
            _published = attributes;
        }
        else
        {
            if (!_isAdopted)
            {
                log.Adopted(lease);
            }

            lease = WithoutOutdated(network, lease, lost, file!, node);
            RenewResult renewed = await store.RenewAsync(lease, attributes, request.Ttl, stop).ConfigureAwait(false);
            (lease, lost) = (renewed.Held, Settle(renewed, lost));
            if (_published != attributes && lease.Subnets.Count > 0 && IsWhatIsPublished(node, file!))
            {
                renewed = await store.RepublishAsync(lease, attributes, stop).ConfigureAwait(false);
                (lease, lost) = (renewed.Held, Settle(renewed, lost));
                if (_published is not null)
                {
                    log.Republished(attributes);
                }

                _published = attributes;
            }
        }

        // Until the file says so, twill-ipam would go on handing out addresses of a lost subnet.
        Save(lease, lost, node, file);
        bool replaces = !Any(lease.Subnets, network.Leases);
        if (replaces || demand == LeaseDemand.MoreAddresses)
        {
            lease = await store.GrowAsync(lease, network, attributes, stop).ConfigureAwait(false);
            Save(lease, Without(lost, lease.Prefixes), node, file);
            if (replaces)
            {
                log.Replaced(lease);
            }
        }

        _isAdopted = true;
        log.Renewed(lease);
    }

    /// <summary>
    /// While etcd and this host contradict each other, what runs goes on and nothing is written in etcd. The agent moves the fence on; who
    /// wants to hand out addresses is refused, and gets none later either.
    /// </summary>
    private async Task KeepAliveAsync(
        LeaseDemand demand,
        HeldLease lease,
        IReadOnlyList<IPNetwork> lost,
        SubnetFile file,
        LeaseAttributes attributes,
        CancellationToken stop
    )
    {
        RenewResult kept = await store.KeepAliveAsync(lease, attributes, stop).ConfigureAwait(false);
        HeldLease now = demand == LeaseDemand.Keep ? kept.Held : kept.Held with { Deadline = lease.Deadline };
        Save(now, Settle(kept, lost), null, file);
        _isAdopted = true;
        log.Renewed(now);
    }

    /// <summary>Takes back what this host had, or a new lease.</summary>
    private Task<HeldLease> AcquireAsync(NetworkConfig network, LeaseAttributes attributes, CancellationToken stop) =>
        store.AcquireAsync(network, attributes, request.Ttl, IsUsed, stop);

    /// <summary>
    /// The lease without the subnets that the network does not lease any more and no container uses: what is not held when the lease is
    /// renewed is given back.
    /// </summary>
    private HeldLease WithoutOutdated(
        NetworkConfig network,
        HeldLease lease,
        IReadOnlyList<IPNetwork> lost,
        SubnetFile file,
        NodeFile? node
    )
    {
        IReadOnlyList<NeededPrefix> needed = store.Needed();
        List<SubnetKey> kept = Kept();
        if (kept.Count < lease.Subnets.Count)
        {
            // twill-ipam looks into this file once more behind each record that it writes. So either it finds the subnet gone and takes
            // its record back, or the record is here before the file changes, and found below.
            Save(lease with { Subnets = kept }, lost, node, file);
            kept = Kept();
        }

        foreach (SubnetKey subnets in lease.Subnets)
        {
            if (!kept.Contains(subnets) && network.Leases(subnets) && LeaseStore.FindOverlap(needed, subnets) is { } one)
            {
                log.GivenUp(subnets, one);
            }
            else if (!kept.Contains(subnets))
            {
                log.OutdatedIsUnused(subnets);
            }
            else if (!network.Leases(subnets) && !_outdated.Contains(subnets))
            {
                _outdated.Add(subnets);
                log.Outdated(subnets);
            }
        }

        return lease with
        {
            Subnets = kept,
        };

        List<SubnetKey> Kept()
        {
            List<SubnetKey> now = [];
            foreach (SubnetKey subnets in lease.Subnets)
            {
                if ((network.Leases(subnets) && LeaseStore.FindOverlap(needed, subnets) is null) || IsUsed(subnets))
                {
                    now.Add(subnets);
                }
            }

            return now;
        }
    }

    private bool IsUsed(SubnetKey subnets) => SubnetKey.Prefixes([subnets]).Exists(state.HasContainers);

    /// <summary>Without a readable node.json nobody knows what this host is: what it published stays.</summary>
    private static bool IsWhatIsPublished(NodeFile? node, SubnetFile file) => node is not null || file.Backend == NoBackend;
}
