using Twill.Cluster;
using Twill.Host.Backends;
using Twill.Network.State;

namespace Twill.Agent;

/// <summary>Keeps this host's lease alive: at the lease's own pace, and at once when something asks for it.</summary>
/// <param name="context">The network.</param>
/// <param name="manager">The lease protocol.</param>
/// <param name="etcd">The connection, whose own address is published where this host has no other.</param>
internal sealed class LeaseLoop(NetworkContext context, LeaseManager manager, EtcdClient etcd)
{
    private readonly Condition _condition = context.NewCondition(ConditionName.Lease);
    private bool _wasThere; // subnet.json, when the reconcile loop looked last

    /// <summary>Whether a subnet that is lost, or that the network does not lease any more, has no container here, so that a step must
    /// forget it.</summary>
    /// <exception cref="IOException">The records of addresses cannot be read.</exception>
    internal bool HasUnusedSubnets => manager.HasUnusedSubnets;

    /// <summary>Runs until stopped.</summary>
    internal async Task RunAsync(CancellationToken stop)
    {
        TimeSpan retry = TimeSpan.Zero;
        while (true)
        {
            context.LeaseStep.Reset();
            bool renewed = await StepAsync(stop).ConfigureAwait(false);
            retry = renewed ? TimeSpan.Zero : manager.RetryAfter(retry);
            await context.LeaseStep.WaitAsync(renewed ? manager.RenewAfter : retry, ReconcileSchedule.Settle, stop).ConfigureAwait(false);
        }
    }

    /// <summary>One step: takes or renews the lease, and publishes what this host is.</summary>
    /// <returns>Whether it succeeded. It does nothing while the underlay is not known; who finds it asks for a step.</returns>
    internal async Task<bool> StepAsync(CancellationToken stop)
    {
        NetworkSnapshot snapshot = context.Snapshots.Current;
        NodeFile? node = snapshot.Host.Node;
        if (node is null && snapshot.PublishesNode)
        {
            return false;
        }

        try
        {
            await manager
                .StepAsync(node, () => LeaseMapper.Attributes(BackendTable.All, node, etcd.LocalAddress), stop)
                .ConfigureAwait(false);
            _condition.Resolve();
            return true;
        }
        catch (Exception e) when (ExpectedFailure.Is(e))
        {
            _condition.Raise(e.Message, e is ClusterException ? LogLevel.Error : LogLevel.Warning);
            return false;
        }
        finally
        {
            Publish(wasTried: true);

            // The other hosts depend on the first step, so their leases are written as soon as it has ended.
            context.Reconcile.Add(
                snapshot.Lease.WasTried ? ReconcileReason.Everything : ReconcileReason.Everything | ReconcileReason.Peers
            );
        }
    }

    /// <summary>Adopts what twill-ipam leased since: a first lease, or one more subnet. Called by the reconcile loop.</summary>
    internal void Adopt()
    {
        manager.Adopt();
        Publish(wasTried: false);
        bool isThere = SubnetFile.TryRead(context.State, out _) is not null;
        if (_wasThere && !isThere)
        {
            context.LeaseStep.Set(); // somebody removed or damaged subnet.json: no ADD gets an address until a step writes it again
        }

        _wasThere = isThere;
    }

    private void Publish(bool wasTried) =>
        context.Snapshots.Update(s =>
            s with
            {
                Lease = new LeaseStatus
                {
                    Held = manager.Held,
                    Lost = manager.Lost,
                    Former = manager.Former,
                    IsAccepted = manager.IsAccepted,
                    Agreed = manager.Agreed,
                    WasTried = wasTried || s.Lease.WasTried,
                },
            }
        );
}
