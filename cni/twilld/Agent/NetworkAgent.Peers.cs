using System.Net;
using System.Net.Sockets;
using Twill.Cluster;
using Twill.Host;
using Twill.Host.Backends;
using Twill.Host.Reconcile;
using Twill.Linux;
using Twill.Network.State;

namespace Twill.Agent;

/// <content>The other hosts: watched in etcd, and written to the kernel.</content>
internal sealed partial class NetworkAgent
{
    private readonly OverlayEntryEvents _entryEvents = new();
    private readonly LinkEvents _linkEvents = new();
    private Basis? _basis;
    private volatile bool _peersMet;
    private volatile IReadOnlyDictionary<int, string> _overlays = new Dictionary<int, string>(); // names of the overlay devices, by index

    private async Task WatchPeersAsync(CancellationToken stop)
    {
        if (_store is null)
        {
            return;
        }

        await foreach (LeaseEvent told in _store.WatchAsync(stop).ConfigureAwait(false))
        {
            if (told is WatchInterrupted interrupted)
            {
                _watchCondition.Raise(interrupted.Error.Message + "; the network goes on as it is");
                Ask(ReconcileReason.Everything);
                continue;
            }

            _watchCondition.Resolve();
            Learn(told);
        }
    }

    private async Task ListPeersAsync(LeaseStore store, CancellationToken stop)
    {
        try
        {
            Learn(await store.ListAsync(stop).ConfigureAwait(false));
        }
        catch (EtcdException e)
        {
            _watchCondition.Raise(e.Message);
        }
    }

    private void Learn(LeaseEvent told)
    {
        _peers.Apply(told);
        Ask(ReconcileReason.Peers);

        // etcd is back, or shows that a key of ours is gone or another's: the lease is looked after now, not at its next turn.
        if (_leaseCondition.Message is not null || !IsLeaseShownBy(_peers))
        {
            _leaseDue.Set();
        }
    }

    private bool BringPeersInOrder(RouteSocket route)
    {
        _basis = null;
        if (
            (_keeper is not null && (!_leaseTried || _keeper.IsAccepted != true))
            || Self() is not { } self
            || TakeOthers() is not { } others
        )
        {
            return true; // before etcd has agreed to the configuration and told of the others, all that is there stays
        }

        Round round = Reconciler.Run(route, _backend, self, others);
        _overlays = round.Basis.Devices.ToDictionary(device => device.Index, device => device.Name);
        _entryEvents.Expect(round.Desired);
        Tell(round);
        Interlocked.Exchange(ref _peersWanted, round.Desired.Peers.Count);
        Interlocked.Exchange(ref _peersSkipped, round.Desired.Skipped.Count);
        CountWritten(round.Plan, round.Refusals);
        _basis = round.Refusals.Count == 0 ? round.Basis : null;
        _peersMet = true;
        return round.WasInOrder;
    }

    /// <summary>As <see cref="BringPeersInOrder"/>, for those that changed since then; without asking the kernel.</summary>
    /// <returns>False when there is no round to build on, or this host changed.</returns>
    private bool FollowPeers(RouteSocket route)
    {
        if (
            _basis is not { } basis
            || Self() is not { } self
            || !basis.Self.IsSameAs(self)
            || _peers.TakeChange(OwnTest()) is not { } change
        )
        {
            return false;
        }

        FollowUp round = Reconciler.Follow(route, _backend, basis, change);
        _entryEvents.Expect(round);
        _report.Tell(round);
        Interlocked.Add(ref _peersWanted, round.Desired.Peers.Count - round.Was.Peers.Count);
        Interlocked.Add(ref _peersSkipped, round.Desired.Skipped.Count - round.Was.Skipped.Count);
        CountWritten(round.Plan, round.Refusals);
        if (round.Refusals.Count > 0)
        {
            _basis = null;
            Ask(ReconcileReason.Everything); // the kernel is not what it was taken for
        }

        return true;
    }

    private void CountWritten(Plan plan, IReadOnlyList<Refusal> refusals)
    {
        Interlocked.Add(ref _entriesWritten, plan.Count);
        Interlocked.Exchange(ref _peersProgrammed, Math.Max(0, _peersWanted - refusals.Count));
        if (refusals.Count == 0)
        {
            _kernelCondition.Resolve();
            return;
        }

        string more = refusals.Count > 1 ? $" (and {refusals.Count - 1} more)" : "";
        _kernelCondition.Raise($"{refusals[0].Entry}: {refusals[0].Error.Message}{more}", LogLevel.Error);
    }

    /// <summary>This host as the backend sees it; null while that is not known. Where no other host is reached it has no
    /// underlay.</summary>
    private LocalNode? Self()
    {
        NodeFile? node = _node;
        bool alone = !_conf.Backend.JoinsHosts;
        IReadOnlyList<IPNetwork> networks = _conf.Ipam.Ranges;
        return networks.Count > 0 && (alone || node is not null)
            ? new LocalNode(
                _conf.Name,
                networks,
                _keeper?.Held?.Prefixes ?? [],
                _keeper?.Lost ?? [],
                alone ? default : Addresses(node!),
                alone ? "" : node!.Interface,
                MainRoutes: []
            )
            {
                WireGuard = WireGuard(),
            }
            : null;
    }

    /// <summary>
    /// The node's addresses, each with its overlay device. Containers' packets fit through every device; one with less overhead takes as
    /// much
    /// more, so that containers that started before there was the other go on as they are.
    /// </summary>
    private PerFamily<LocalAddress> Addresses(NodeFile node)
    {
        PerFamily<LocalAddress> addresses = default;
        int most = node.PublicAddresses.Max(address => _backend.Overhead(address.AddressFamily));
        foreach ((IPAddress address, string vtepMac) in node.Published)
        {
            AddressFamily family = address.AddressFamily;
            int mtu = _conf.Mtu != 0 ? _conf.Mtu : node.Mtu + most - _backend.Overhead(family);
            addresses = addresses.With(
                family,
                new LocalAddress(address, MacAddress.TryParse(vtepMac, out MacAddress mac) ? mac : MacAddress.Zero, mtu)
            );
        }

        return addresses;
    }

    /// <summary>All leases but this host's own; null before etcd has told of them.</summary>
    private List<PeerLease>? TakeOthers() => !_conf.Backend.JoinsHosts ? [] : _peers.TakeAll(OwnTest());

    /// <summary>
    /// Tells whether a lease is this host's: by its lease, or, while subnet.json is still being written, by what it says. Asked of
    /// thousands for
    /// each one that changes, so that what does not depend on them is found once.
    /// </summary>
    private Func<KnownLease, bool> OwnTest()
    {
        long? held = _keeper!.Held?.LeaseId;
        NodeFile? node = _node;
        PerFamily<LocalAddress> own = node is null ? default : Addresses(node);
        return lease =>
            lease.LeaseId == held
            || (
                node is not null
                && lease.Peers is [PeerLease peer, ..]
                && peer.BackendType == node.BackendType
                && (IsOwn(peer.Addresses.V4, own.V4) || IsOwn(peer.Addresses.V6, own.V6))
            );
    }

    private static bool IsOwn(PeerAddress? published, LocalAddress? own) =>
        published is { } theirs
        && own is { } ours
        && ours.PublicIP.Equals(theirs.PublicIP)
        && (ours.VtepMac == MacAddress.Zero || theirs.VtepMac == ours.VtepMac);

    private void Tell(Round round)
    {
        foreach (string name in round.DeletedDevices)
        {
            _log.Info($"overlay device {name} of an earlier configuration deleted");
        }

        foreach (OverlayDevice.Result device in round.Basis.Devices)
        {
            foreach (string change in device.Changes)
            {
                _log.Info($"overlay device {device.Name} {change}");
            }
        }

        _report.Tell(round.Desired, round.Plan, [.. round.Basis.Devices.Where(device => device.IsNew).Select(device => device.Name)]);
    }
}
