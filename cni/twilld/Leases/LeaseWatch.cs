using Twill.Cluster;

namespace Twill.Agent;

/// <summary>Watches etcd: the leases of all hosts, and the network's configuration.</summary>
/// <param name="context">The network.</param>
/// <param name="store">The network in etcd.</param>
/// <param name="manager">Knows what this host holds and has published.</param>
/// <param name="leases">Where the leases are kept.</param>
internal sealed class LeaseWatch(NetworkContext context, LeaseStore store, LeaseManager manager, LeaseCache leases)
{
    private readonly Condition _condition = context.NewCondition(ConditionName.LeaseWatch);

    /// <summary>Watches the leases until stopped.</summary>
    internal async Task RunAsync(CancellationToken stop)
    {
        await foreach (LeaseEvent e in store.WatchAsync(stop).ConfigureAwait(false))
        {
            if (e is WatchInterrupted interrupted)
            {
                _condition.Raise(interrupted.Error.Message + "; the network goes on as it is");
                context.Reconcile.Add(ReconcileReason.Everything);
                continue;
            }

            _condition.Resolve();
            Apply(e);
        }
    }

    /// <summary>Watches the configuration until stopped, so that a change is compared at once rather than with the next renewal.</summary>
    internal Task RunConfigAsync(CancellationToken stop) => store.WatchConfigAsync(context.LeaseStep.Set, stop);

    /// <summary>Reads the leases once.</summary>
    internal async Task ListAsync(CancellationToken stop)
    {
        try
        {
            Apply(await store.ListAsync(stop).ConfigureAwait(false));
        }
        catch (EtcdException e)
        {
            _condition.Raise(e.Message);
        }
    }

    private void Apply(LeaseEvent e)
    {
        leases.Apply(e);
        context.Reconcile.Add(ReconcileReason.Peers);

        // etcd answers again, or shows that a key of this host is gone or another's: the lease loop must not wait for its next renewal.
        NetworkSnapshot snapshot = context.Snapshots.Current;
        // A key of this host that was written may be another host's asking whether this one, with the same node id, lives.
        if (snapshot.IsFailing(ConditionName.Lease) || IsOwn(e, snapshot.Lease.Held) || !IsShown(snapshot.Lease.Held))
        {
            context.LeaseStep.Set();
        }
    }

    /// <summary>Whether a key of this host's lease was written, or a list shows one that says something else than this host does: a write
    /// that no watch told of.</summary>
    private bool IsOwn(LeaseEvent e, HeldLease? held) =>
        held is not null
        && e switch
        {
            LeaseChanged { Lease: var lease } => lease.LeaseId == held.LeaseId,
            LeaseSnapshot all => all.Leases.Any(lease => lease.LeaseId == held.LeaseId && !manager.IsAsPublished(lease)),
            _ => false,
        };

    /// <summary>Whether etcd shows every subnet that is held under the lease that it is held by.</summary>
    private bool IsShown(HeldLease? held) =>
        held is null
        || held.Prefixes.All(subnet =>
            leases.Any(lease => lease.LeaseId == held.LeaseId && lease.Peers.Any(peer => peer.Subnet.Equals(subnet)))
        );
}
