using System.Net;
using Twill.Host;
using Twill.Host.Backends;
using Twill.Host.Reconcile;
using Twill.Linux;
using Twill.Linux.Nftables;

namespace Twill.Agent;

/// <summary>Reconciles the kernel's routes, neighbours, FDB entries and tunnels with the leases of the other hosts.</summary>
/// <param name="context">The network.</param>
/// <param name="leases">The leases as etcd has them.</param>
/// <param name="self">This host as the backend sees it.</param>
/// <param name="events">Is told which entries are expected.</param>
/// <param name="nexthopEvents">Is told which nexthop objects are expected.</param>
internal sealed class PeersStep(
    NetworkContext context,
    LeaseCache leases,
    LocalNodeMapper self,
    OverlayEntryEvents events,
    NexthopEvents nexthopEvents
)
{
    private readonly PeerReport _report = new(context.Log);
    private readonly RefusedLeases _refused = new(context.Log);
    private readonly SharedAddresses _shared = new(context.Log);
    private readonly TunnelPeers _senders = new(context.Conf.Name);
    private NftSocket? _nft;
    private readonly HashSet<IPNetwork> _ledTo = []; // as of the last step
    private Baseline? _baseline;

    internal Condition Condition { get; } = context.NewCondition(ConditionName.Kernel);

    /// <summary>Forgets what the kernel holds, so that the next step is a full one.</summary>
    internal void Reset() => _baseline = null;

    /// <summary>The same, and closes its socket.</summary>
    internal void Close()
    {
        Reset();
        _nft?.Dispose();
        _nft = null;
        context.Snapshots.Update(s => s with { Host = s.Host with { NftPortId = 0 } });
    }

    /// <summary>Compares everything with the kernel.</summary>
    /// <returns>Whether everything was in order already.</returns>
    internal bool Run(RouteSocket route)
    {
        Reset();
        NetworkSnapshot snapshot = context.Snapshots.Current;
        bool etcdHasAgreed = !snapshot.UsesEtcd || snapshot.Lease is { WasTried: true, IsAccepted: true };
        if (!etcdHasAgreed || self.Map(snapshot) is not { } local || TakeAll(snapshot) is not { } others)
        {
            return true; // until etcd has agreed to the configuration and listed the other hosts, the kernel is left as it is
        }

        local = local with { LedTo = _ledTo };
        ReconcileResult round = Reconciler.Run(
            route,
            context.Backend,
            local,
            others,
            desired =>
            {
                if (LimitsSenders && _senders.Replace(Nft(), desired.Senders))
                {
                    context.Log.Info($"tunnel packets are taken from {desired.Senders.Distinct().Count()} addresses of peers");
                }
            },
            nexthops: context.UsesNexthops && snapshot.Host.HasNexthops != false
        );
        events.Expect(round.Desired);
        nexthopEvents.Expect(round.Baseline.NexthopIds);
        context.PingTargets.Replace(round.Desired.Peers);
        Report(round);
        Dictionary<int, string> overlays = round.Baseline.Devices.ToDictionary(device => device.Index, device => device.Name);
        _ledTo.Clear();
        _ledTo.UnionWith(round.Desired.Peers.Select(peer => peer.Subnet));
        _refused.Replace(round.Desired.Skipped);
        _shared.Replace(round.Desired.Peers);
        PeersStatus peers = WithRefused(new PeersStatus { AreKnown = true, Desired = round.Desired.Peers.Count }, local);
        Publish(round.Plan, round.Refusals, s =>
            s with
            {
                Host = s.Host with { Overlays = overlays, HasNexthops = s.Host.HasNexthops ?? round.Baseline.HasNexthops },
                Peers = peers,
            }
        );
        _baseline = round.Refusals.Count == 0 ? round.Baseline : null;
        return round.WasInOrder;
    }

    /// <summary>Writes the leases that changed since the last step, without asking the kernel.</summary>
    /// <returns>False when there is no full step to build on, or this host changed since.</returns>
    internal bool RunForChanged(RouteSocket route)
    {
        NetworkSnapshot snapshot = context.Snapshots.Current;
        if (
            _baseline is not { } baseline
            || self.Map(snapshot) is not { } local
            || !baseline.Self.IsSameAs(local)
            || local.IsInsideNetwork
            || leases.TakeChange(self.IsOwn(snapshot)) is not { } change
        )
        {
            return false;
        }

        bool taken = true;
        IncrementalResult round = Reconciler.Follow(route, context.Backend, baseline, change, (was, desired) =>
            taken = !LimitsSenders || _senders.TryFollow(Nft(), was.Senders, desired.Senders)
        );
        events.Expect(round);
        context.PingTargets.Change(round.Was.Peers, round.Desired.Peers);
        _report.Tell(round);
        _ledTo.ExceptWith(round.Was.Peers.Select(peer => peer.Subnet));
        _ledTo.UnionWith(round.Desired.Peers.Select(peer => peer.Subnet));
        _refused.Change(round.Was.Skipped, round.Desired.Skipped);
        _shared.Change(round.Was.Peers, round.Desired.Peers);
        PeersStatus peers = snapshot.Peers with { Desired = snapshot.Peers.Desired + round.Desired.Peers.Count - round.Was.Peers.Count };
        peers = WithRefused(peers, local);
        Publish(round.Plan, round.Refusals, s => s with { Peers = peers });
        if (round.Refusals.Count > 0 || !taken)
        {
            Reset();
            context.Reconcile.Add(ReconcileReason.Everything); // the kernel does not hold what it was expected to
        }

        return true;
    }

    /// <summary>Whether the firewall takes tunnel packets from peers alone.</summary>
    private bool LimitsSenders => context.Conf.Backend.TunnelPort is { Vni: not null };

    /// <summary>The socket by which the addresses of peers are written: one, so that the kernel's events of it are known as the agent's
    /// own.</summary>
    private NftSocket Nft()
    {
        if (_nft is null)
        {
            _nft = NftSocket.Open();
            _nft.GetGeneration(); // the kernel assigns the port with the first request
            uint port = _nft.PortId;
            context.Snapshots.Update(s => s with { Host = s.Host with { NftPortId = port } });
        }

        return _nft;
    }

    /// <summary>The leases of all other hosts; null before etcd has listed them.</summary>
    private List<PeerLease>? TakeAll(NetworkSnapshot snapshot) =>
        !context.Conf.Backend.JoinsHosts ? [] : leases.TakeAll(self.IsOwn(snapshot), snapshot.Lease.Agreed);

    private PeersStatus WithRefused(PeersStatus peers, LocalNode local) =>
        _refused.In(peers with { SharedAddresses = _shared.Texts }, local, leases);

    private void Publish(Plan plan, IReadOnlyList<Refusal> refusals, Func<NetworkSnapshot, NetworkSnapshot> next)
    {
        context.Snapshots.Update(s =>
        {
            NetworkSnapshot after = next(s);
            return after with
            {
                Peers = after.Peers with { Programmed = Math.Max(0, after.Peers.Desired - refusals.Count) },
                Reconcile = after.Reconcile with { EntriesWritten = after.Reconcile.EntriesWritten + plan.Count },
            };
        });
        if (refusals.Count == 0)
        {
            Condition.Resolve();
            return;
        }

        string more = refusals.Count > 1 ? $" (and {refusals.Count - 1} more)" : "";
        Condition.Raise($"{refusals[0].Entry}: {refusals[0].Error.Message}{more}", LogLevel.Error);
    }

    private void Report(ReconcileResult round)
    {
        foreach (string name in round.DeletedDevices)
        {
            context.Log.Info($"overlay device {name} of an earlier configuration deleted");
        }

        foreach (OverlayDevice.Result device in round.Baseline.Devices)
        {
            foreach (string change in device.Changes)
            {
                context.Log.Info($"overlay device {device.Name} {change}");
            }
        }

        _report.Tell(round.Desired, round.Plan, [.. round.Baseline.Devices.Where(device => device.IsNew).Select(device => device.Name)]);
    }
}
