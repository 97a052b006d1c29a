using Twill.Cluster;
using Twill.Cni;
using Twill.Host.Backends;
using Twill.Network.State;

namespace Twill.Agent;

/// <content>The lease: kept alive at its own pace, and at once when something rings for it.</content>
internal sealed partial class NetworkAgent
{
    private readonly AsyncSignal _leaseDue = new();
    private volatile bool _leaseTried;

    private async Task KeepLeaseAsync(CancellationToken stop)
    {
        if (_keeper is null)
        {
            return;
        }

        TimeSpan retry = TimeSpan.Zero;
        while (true)
        {
            _leaseDue.Reset();
            bool renewed = await StepLeaseAsync(stop).ConfigureAwait(false);
            retry = renewed ? TimeSpan.Zero : NextRetry(retry, _keeper.RenewAfter);
            await _leaseDue.WaitAsync(renewed ? _keeper.RenewAfter : retry, Settle, stop).ConfigureAwait(false);
        }
    }

    /// <summary>The cluster's configuration is compared when somebody writes it, not hours later.</summary>
    private async Task WatchConfigAsync(CancellationToken stop)
    {
        if (_store is not null)
        {
            await _store.WatchConfigAsync(_leaseDue.Set, stop).ConfigureAwait(false);
        }
    }

    /// <summary>1 s, doubled with each failure up to 15 s, but never so long that a lease could run out for want of trying.</summary>
    private static TimeSpan NextRetry(TimeSpan last, TimeSpan renewAfter)
    {
        TimeSpan most = TimeSpan.FromSeconds(Math.Clamp(renewAfter.TotalSeconds / 4, 0.5, 15));
        TimeSpan next = last == TimeSpan.Zero ? TimeSpan.FromSeconds(1) : last * 2;
        return next < most ? next : most;
    }

    /// <summary>Whether etcd shows all that is held as this lease's; if not, a step is due.</summary>
    private bool IsLeaseShownBy(PeerTable leases)
    {
        HeldLease? held = _keeper!.Held;
        return held is null
            || held.Prefixes.All(subnet =>
                leases.Any(lease => lease.LeaseId == held.LeaseId && lease.Peers.Any(peer => peer.Subnet.Equals(subnet)))
            );
    }

    private async Task<bool> StepLeaseAsync(CancellationToken stop)
    {
        NodeFile? node = _node;
        if (node is null && PublishesItself)
        {
            return false; // the round that finds the underlay rings the bell
        }

        try
        {
            await _keeper!.StepAsync(node, () => LeaseMapper.Attributes(BackendTable.All, node, _etcd!.LocalAddress), stop).ConfigureAwait(false);
            _leaseCondition.Resolve();
            return true;
        }
        catch (Exception e) when (e is EtcdException or ClusterException or TimeoutException or IOException or CniException)
        {
            _leaseCondition.Raise(e.Message, e is ClusterException ? LogLevel.Error : LogLevel.Warning);
            return false;
        }
        finally
        {
            bool first = !_leaseTried;
            _leaseTried = true;
            // the first makes all the difference to the peers, and is not kept waiting
            Ask(first ? ReconcileReason.Everything | ReconcileReason.Peers : ReconcileReason.Everything);
        }
    }
}
