using Twill.Host.Backends;
using Twill.Network.Configuration;
using Twill.Network.State;

namespace Twill.Agent;

/// <summary>What all loops of one network have in common.</summary>
/// <param name="Conf">The network.</param>
/// <param name="State">Its directory of run-time state.</param>
/// <param name="Backend">Its backend.</param>
/// <param name="Log">The log, with the network's name.</param>
/// <param name="Clock">The time of day.</param>
internal sealed record NetworkContext(TwillConf Conf, NetworkStateDir State, IBackend Backend, Log Log, TimeProvider Clock)
{
    /// <summary>Whether routes name nexthop objects where the kernel has them.</summary>
    internal bool UsesNexthops { get; init; } = true;

    /// <summary>What is known of the network.</summary>
    internal SnapshotStore Snapshots { get; } =
        new(
            new NetworkSnapshot(Conf)
            {
                Conditions =
                [
                    .. ConditionName
                        .All.Concat(Conf.Names is null ? [] : ConditionName.OfNames)
                        .Select(name => new ConditionState(name, null)),
                ],
            }
        );

    /// <summary>Wakes the reconcile loop.</summary>
    internal ReconcileRequests Reconcile { get; } = new();

    /// <summary>Wakes the lease loop.</summary>
    internal AsyncSignal LeaseStep { get; } = new();

    /// <summary>The peers to ping, for the reachability loop.</summary>
    internal PeerTargets PingTargets { get; } = new();

    /// <summary>Makes a condition of the network, whose state is in the snapshot.</summary>
    internal Condition NewCondition(string name) =>
        new(Log, Clock, name, message => Snapshots.Update(s => s.WithCondition(new ConditionState(name, message))));
}
