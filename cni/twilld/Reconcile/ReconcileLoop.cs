using System.Diagnostics;
using Twill.Cluster;
using Twill.Host;
using Twill.Linux;
using Twill.Network.State;

namespace Twill.Agent;

/// <summary>
/// Brings the kernel in line with the snapshot, step by step, when <see cref="ReconcileSchedule"/> says so. All changes of the kernel for
/// one network are made here, on one thread at a time.
/// </summary>
internal sealed class ReconcileLoop : IDisposable
{
    private readonly NetworkContext _context;
    private readonly EtcdClient? _etcd;
    private readonly LeaseLoop? _lease;
    private readonly UnderlayStep _underlay;
    private readonly OverlapStep _overlap;
    private readonly HostStep _host;
    private readonly PeersStep _peers;
    private readonly BridgeReconciler _bridge;
    private readonly OverlayEntryEvents _entryEvents;
    private readonly NexthopEvents _nexthopEvents;
    private readonly LinkEvents _linkEvents;
    private readonly Condition _stateFile;
    private RouteSocket? _route;
    private long _allocated;
    private string? _unwritable; // why no address record can be written, as the last full pass found

    /// <param name="context">The network.</param>
    /// <param name="etcd">The client of etcd; null when the network does without.</param>
    /// <param name="lease">The lease; null when the network does without etcd.</param>
    /// <param name="leases">The leases as etcd has them.</param>
    /// <param name="bridge">The bridge's hardware address and ports.</param>
    /// <param name="entryEvents">The kernel's events of overlay entries.</param>
    /// <param name="nexthopEvents">The kernel's events of nexthop objects.</param>
    /// <param name="linkEvents">The kernel's events of links.</param>
    internal ReconcileLoop(
        NetworkContext context,
        EtcdClient? etcd,
        LeaseLoop? lease,
        LeaseCache leases,
        BridgeReconciler bridge,
        OverlayEntryEvents entryEvents,
        NexthopEvents nexthopEvents,
        LinkEvents linkEvents
    )
    {
        (_context, _etcd, _lease, _bridge) = (context, etcd, lease, bridge);
        (_entryEvents, _nexthopEvents, _linkEvents) = (entryEvents, nexthopEvents, linkEvents);
        WireGuardIdentity wireGuard = new(context.Conf, context.Log);
        ContainerMtu containerMtu = new(context.Conf);
        _underlay = new UnderlayStep(context, etcd, wireGuard, containerMtu);
        _overlap = new OverlapStep(context, () => etcd?.MemberAddresses ?? []);
        _host = new HostStep(context, lease, bridge, containerMtu);
        _peers = new PeersStep(context, leases, new LocalNodeMapper(context.Backend, wireGuard), entryEvents, nexthopEvents);
        _stateFile = context.NewCondition(ConditionName.StateFile);
    }

    /// <summary>Milliseconds of the clock that <see cref="ReconcileSchedule"/> counts by.</summary>
    private static TimeSpan Now => TimeSpan.FromMilliseconds(Environment.TickCount64);

    /// <summary>Runs until stopped.</summary>
    /// <param name="interval">The longest time between two passes.</param>
    /// <param name="started">Called when the other hosts are reached, or when it is known why not. It may be called again.</param>
    /// <param name="stop">Stops it.</param>
    internal async Task RunAsync(TimeSpan interval, Action started, CancellationToken stop)
    {
        try
        {
            RunFullPass();
            ReconcileSchedule schedule = new(interval, Now);
            while (true)
            {
                NetworkSnapshot snapshot = _context.Snapshots.Current;
                if (!snapshot.UsesEtcd || snapshot.Peers.AreKnown || snapshot.LastError is not null)
                {
                    started();
                }

                schedule = schedule with { IsFailing = snapshot.LastError is not null };
                TimeSpan pause = schedule.WakeAt - Now;
                await _context.Reconcile.WaitAsync(pause > TimeSpan.Zero ? pause : TimeSpan.Zero, stop).ConfigureAwait(false);
                schedule = schedule.Add(_context.Reconcile.Take(), Now);
                for (ReconcileStep step = schedule.Next(Now); step != ReconcileStep.Wait; step = schedule.Next(Now))
                {
                    schedule = Run(step, schedule);
                }
            }
        }
        finally
        {
            CloseSocket();
            _context.Snapshots.Update(s => s with { Reconcile = s.Reconcile with { PassStarted = null } });
        }
    }

    /// <summary>Compares everything with the kernel once.</summary>
    /// <returns>Whether everything was in order already.</returns>
    internal bool RunFullPass()
    {
        BeginPass();
        string records = Path.Combine(_context.Conf.Ipam.DataDir, _context.Conf.Name);
        _unwritable = !_context.Conf.Ipam.IsForeign && Directory.Exists(records) ? StorageProbe.WhyNotWritable(records) : null;
        if (_route is { } before)
        {
            HostFindings known = _context.Snapshots.Current.Host;
            _linkEvents.BeginPass(before, [known.UnderlayIndex, known.BridgeIndex, .. known.Overlays.Keys]);
        }

        bool wasInOrder =
            Attempt(_underlay.Condition, _underlay.Run)
            & Attempt(_overlap.Condition, _overlap.Run)
            & Attempt(_host.Condition, _host.Run)
            & Attempt(_peers.Condition, _peers.Run);
        if (_route is { } route)
        {
            HostFindings host = _context.Snapshots.Current.Host;
            _linkEvents.Expect(route, (host.UnderlayIndex, host.UnderlayMtu), [host.BridgeIndex, .. host.Overlays.Keys]);
            ReleaseMemory();
        }

        return EndPass(s => s with { FullPasses = s.FullPasses + 1 }) && wasInOrder;
    }

    public void Dispose() => CloseSocket();

    private ReconcileSchedule Run(ReconcileStep step, ReconcileSchedule schedule)
    {
        switch (step)
        {
            case ReconcileStep.ApplyPeerChanges:
                return schedule.PeersApplied(ApplyPeerChanges(), _peers.Condition.Message is not null, Now);
            case ReconcileStep.CompareKernelEvents:
                return schedule.KernelEventsCompared(
                    _entryEvents.TakeAndCompare() & _nexthopEvents.TakeAndCompare() & _linkEvents.TakeAndCompare()
                );
            case ReconcileStep.ReconcileHost:
                RunHostPass();
                return schedule.PassEnded(Now);
            case ReconcileStep.ReconcileEverything:
                RunFullPass();
                return schedule.PassEnded(Now);
            case ReconcileStep.ReconcileFromScratch:
                _bridge.RelistPorts();
                RunFullPass();
                return schedule.PassEnded(Now);
            default:
                throw new UnreachableException($"{step} is no step to run");
        }
    }

    private void RunHostPass()
    {
        BeginPass();
        Attempt(_host.Condition, _host.Run);
        EndPass(s => s with { HostPasses = s.HostPasses + 1 });
    }

    /// <summary>Writes the leases that changed, on the baseline of the last full pass.</summary>
    /// <returns>Whether that was possible; if not, a full pass is due.</returns>
    private bool ApplyPeerChanges()
    {
        _context.Snapshots.Update(s => s with { Reconcile = s.Reconcile with { PassStarted = Stopwatch.GetTimestamp() } });
        bool applied = Attempt(_peers.Condition, _peers.RunForChanged);
        if (!applied)
        {
            _context.Snapshots.Update(s => s with { Reconcile = s.Reconcile with { PassStarted = null } });
            return false;
        }

        EndPass(s => s with { PeerPasses = s.PeerPasses + 1 });
        return true;
    }

    private void BeginPass()
    {
        long started = Stopwatch.GetTimestamp();
        _context.Snapshots.Update(s => s with { Reconcile = s.Reconcile with { PassStarted = started } });
        _lease?.Adopt();
    }

    private bool EndPass(Func<ReconcileStatus, ReconcileStatus> count)
    {
        bool written = WriteAgentFile();
        uint port = _route?.PortId ?? 0; // the kernel assigned it with the first request
        _context.Snapshots.Update(s =>
            s with
            {
                Host = s.Host with { NetlinkPortId = port },
                Reconcile = count(s.Reconcile) with { PassStarted = null },
            }
        );
        return written;
    }

    /// <summary>Runs one step. A failure becomes the state of its condition, and the next step goes on.</summary>
    private bool Attempt(Condition condition, Func<RouteSocket, bool> step)
    {
        try
        {
            return step(_route ??= RouteSocket.Open());
        }
        catch (HostException e)
        {
            condition.Raise(e.Message, LogLevel.Error);
        }
        catch (Exception e) when (ExpectedFailure.Is(e))
        {
            // The next pass relies on nothing: it opens a new socket and reads the whole state again.
            condition.Raise(e is IOException ? e.Message : $"{e.GetType().Name}: {e.Message}", LogLevel.Error);
            CloseSocket();
        }

        return false;
    }

    private void CloseSocket()
    {
        _route?.Dispose();
        _route = null;
        _peers.Close();
        _context.Snapshots.Update(s => s with { Host = s.Host with { NetlinkPortId = 0 } });
    }

    /// <summary>
    /// Returns memory to the host: lists of thousands of entries are garbage after a pass, and the next pass is far away.
    /// </summary>
    private void ReleaseMemory()
    {
        const long Worthwhile = 4 << 20;
        if (GC.GetTotalAllocatedBytes() - _allocated > Worthwhile)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            _allocated = GC.GetTotalAllocatedBytes();
        }
    }

    /// <summary>Writes agent.json, from which `twill status` and STATUS know how the agent is.</summary>
    private bool WriteAgentFile()
    {
        NetworkSnapshot snapshot = _context.Snapshots.Current;
        try
        {
            new AgentFile
            {
                Pid = Environment.ProcessId,
                Time = _context.Clock.GetUtcNow(),
                ArePeersKnown = snapshot.Peers.AreKnown,
                PeersWanted = snapshot.Peers.Desired,
                PeersProgrammed = snapshot.Peers.Programmed,
                LastEtcdContact = _etcd?.LastContact,
                LastError = snapshot.LastError,
                Refused = snapshot.Peers.Refused,
                RefusedCount = snapshot.Peers.RefusedCount,
                Conflicts = [.. snapshot.Peers.Conflicts, .. snapshot.Peers.SharedAddresses],
            }.Write(_context.State);
            if (_unwritable is { } problem)
            {
                _stateFile.Raise($"{problem}; no container can be added", LogLevel.Error);
            }
            else
            {
                _stateFile.Resolve();
            }

            return true;
        }
        catch (Exception e) when (ExpectedFailure.Is(e))
        {
            _stateFile.Raise(e is IOException ? e.Message : $"{e.GetType().Name}: {e.Message}", LogLevel.Error);
            return false;
        }
    }
}
