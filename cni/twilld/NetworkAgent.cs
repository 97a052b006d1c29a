using Twill.Agent.Names;
using Twill.Cluster;
using Twill.Host.Backends;
using Twill.Linux;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent;

/// <summary>
/// The agent in one network: makes its loops, starts and stops them. The loops run independently and are joined by one
/// <see cref="NetworkSnapshot"/>: <see cref="LeaseLoop"/> keeps the lease alive, <see cref="LeaseWatch"/> follows etcd,
/// <see cref="ReconcileLoop"/> brings the kernel in line, <see cref="ReachabilityLoop"/> measures what comes of it. Each goes on when
/// another fails.
/// </summary>
internal sealed class NetworkAgent : IDisposable
{
    private readonly NetworkContext _context;
    private readonly EtcdClient? _etcd;
    private readonly LeaseLoop? _lease;
    private readonly LeaseWatch? _watch;
    private readonly ReconcileLoop _reconcile;
    private readonly ReachabilityLoop? _reachability;
    private readonly NamesLoop? _names;
    private readonly BridgeReconciler _bridge;
    private readonly KernelEventFilter _kernelEvents;
    private readonly PluginCallCounter? _calls;

    /// <param name="conf">The network.</param>
    /// <param name="state">Where run-time state lives.</param>
    /// <param name="log">The log.</param>
    /// <param name="clock">The time of day.</param>
    /// <param name="pingsPerSecond">The most packets a second that measure whether other hosts answer; 0: none.</param>
    /// <param name="nexthops">Whether routes name nexthop objects where the kernel has them.</param>
    /// <param name="countsCalls">Whether the plugin's calls are counted: where somebody can ask for them.</param>
    /// <param name="names">The names of all networks of this host; null: there are no others.</param>
    /// <exception cref="EtcdException">An endpoint or a file in the configuration is unusable.</exception>
    /// <exception cref="IOException">The state or the node's identity cannot be read or made.</exception>
    internal NetworkAgent(
        TwillConf conf,
        StateDir state,
        Log log,
        TimeProvider clock,
        int pingsPerSecond = AgentOptions.DefaultPings,
        bool nexthops = true,
        bool countsCalls = false,
        NameDirectory? names = null
    )
    {
        _context = new NetworkContext(conf, state.Network(conf.Name), BackendTable.Of(conf), log.ForNetwork(conf.Name), clock)
        {
            UsesNexthops = nexthops,
        };
        LeaseCache leases = new(_context.Log, clock, TimeSpan.FromSeconds(conf.Ipam.LeaseTtl));
        foreach ((string text, string remedy) in FilePermissions.FindLoose(conf))
        {
            _context.Log.Warning($"{text} ({remedy})");
        }

        if (conf.Ipam.Etcd is { } etcd)
        {
            string nodeId = NodeIdentity.NodeId(conf.Ipam.DataDir, out string? replaced);
            _context.Log.WarningIfAny(replaced);
            LeaseRequest request = LeaseMapper.Request(conf, nodeId, BootClock.BootId);
            _etcd = new EtcdClient(LeaseMapper.Options(etcd));
            LeaseStore store = new(_etcd, etcd.Prefix, nodeId, () => BootClock.Now)
            {
                Instance = LeaseMapper.Instance(conf, state, request.BootId),
                Needed = () => [.. _context.Snapshots.Current.Host.Needs.All.Select(one => new NeededPrefix(one.Prefix, one.Reason))],
            };
            LeaseStateFiles files = new(_context.State, conf.Ipam.DataDir, conf.Name, request.BootId);
            LeaseManager manager = new(store, request, files, new LeaseLog(_context.Log));
            _lease = new LeaseLoop(_context, manager, _etcd);
            _watch = new LeaseWatch(_context, store, manager, leases);
        }

        OverlayEntryEvents entryEvents = new();
        NexthopEvents nexthopEvents = new();
        LinkEvents linkEvents = new();
        _bridge = new BridgeReconciler(conf);
        _kernelEvents = new KernelEventFilter(conf, _context.Backend.NeedsMainRoutes, _bridge, entryEvents, nexthopEvents, linkEvents);
        if (_watch is not null && conf.Backend.JoinsHosts && pingsPerSecond > 0)
        {
            _reachability = new ReachabilityLoop(_context, _context.PingTargets, pingsPerSecond);
        }

        _calls = countsCalls ? NewCounter() : null;
        _names = conf.Names is { } named ? new NamesLoop(_context, named, names ?? new NameDirectory(), _etcd) : null;
        _reconcile = new ReconcileLoop(_context, _etcd, _lease, leases, _bridge, entryEvents, nexthopEvents, linkEvents);
    }

    internal string Name => _context.Conf.Name;

    /// <summary>One line for the service manager.</summary>
    internal string StatusLine => NetworkHealth.StatusLine(_context.Snapshots.Current);

    /// <summary>Whether a pass of the reconcile loop does not end.</summary>
    internal bool IsStuck => NetworkHealth.IsStuck(_context.Snapshots.Current);

    /// <summary>Everything that is not as it should be, a line each; empty when all is well.</summary>
    internal List<string> UnhealthyReasons() => NetworkHealth.UnhealthyReasons(_context.Snapshots.Current, BootClock.Now);

    /// <summary>What an operator should know although the network works, a line each.</summary>
    internal List<string> Notes => NetworkHealth.Notes(_context.Snapshots.Current);

    /// <summary>The network's figures.</summary>
    internal AgentMetrics Metrics()
    {
        IpamConf ipam = _context.Conf.Ipam;
        int used = ipam.IsForeign ? 0 : AddressRecords.Count(ipam.DataDir, _context.Conf.Name);
        AgentMetrics metrics = NetworkHealth.Metrics(_context.Snapshots.Current, _etcd?.LastContact, used, BootClock.Now);
        return metrics with
        {
            PluginCalls = _calls?.Read() ?? [],
            Names = _names?.Count,
            NameQueries = _names?.Queries ?? [],
        };
    }

    private PluginCallCounter? NewCounter()
    {
        try
        {
            return new PluginCallCounter(_context.State);
        }
        catch (Exception e) when (ExpectedFailure.Is(e))
        {
            _context.Log.Warning($"calls of the plugin are not counted: {e.Message}");
            return null;
        }
    }

    /// <summary>Takes a change in the kernel, which may be a reason to reconcile. Called by the thread that monitors the kernel.</summary>
    internal void Take(in NetworkChange change)
    {
        _context.Reconcile.Add(_kernelEvents.Take(in change, _context.Snapshots.Current));
        _names?.Take(in change);
    }

    /// <summary>Compares everything at once, with the kernel and with etcd. From any thread.</summary>
    internal void ReconcileEverything()
    {
        _bridge.RelistPorts();
        _context.Reconcile.Add(ReconcileReason.Everything);
        _context.LeaseStep.Set();
    }

    /// <summary>Serves the network until stopped. Everything in the kernel stays as it is.</summary>
    /// <param name="interval">The longest time between two passes over the kernel.</param>
    /// <param name="started">Called once: when the lease is there and the peers are written, when it is known why not, or when it
    /// stops.</param>
    /// <param name="stop">Stops it.</param>
    internal async Task RunAsync(TimeSpan interval, Action started, CancellationToken stop)
    {
        int calls = 0;
        void StartedOnce()
        {
            if (Interlocked.Exchange(ref calls, 1) == 0)
            {
                started();
            }
        }

        ForgetFormerMeasurements();
        if (_names is null)
        {
            NamesLoop.RemoveFormer(_context);
        }

        // Names are answered for at once. Then the first pass runs before the other loops start: it finds the underlay, which the lease
        // publishes.
        List<Task> loops = _names is null ? [] : [SuperviseAsync("names", _names.RunAsync, StartedOnce, stop)];
        loops.Add(SuperviseAsync("reconcile", token => _reconcile.RunAsync(interval, StartedOnce, token), StartedOnce, stop));
        if (_lease is not null && _watch is not null)
        {
            loops.Add(SuperviseAsync("lease", _lease.RunAsync, StartedOnce, stop));
            loops.Add(SuperviseAsync("lease watch", _watch.RunAsync, StartedOnce, stop));
            loops.Add(SuperviseAsync("configuration watch", _watch.RunConfigAsync, StartedOnce, stop));
        }

        if (_names?.Publication is { } publication)
        {
            loops.Add(SuperviseAsync("watch of names", publication.WatchAsync, StartedOnce, stop));
            loops.Add(SuperviseAsync("publication of names", publication.PublishAsync, StartedOnce, stop));
        }

        if (_reachability is not null)
        {
            loops.Add(SuperviseAsync("reachability", _reachability.RunAsync, StartedOnce, stop));
        }

        if (_calls is not null)
        {
            loops.Add(SuperviseAsync("plugin calls", _calls.RunAsync, StartedOnce, stop));
        }

        try
        {
            await Task.WhenAll(loops).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            _context.Log.Debug("stopped");
        }
        finally
        {
            StartedOnce();
        }
    }

    /// <summary>What a former agent measured is no more: whoever reads a file that is old knows that this one should have written
    /// it.</summary>
    private void ForgetFormerMeasurements()
    {
        try
        {
            ReachabilityFile.Delete(_context.State);
        }
        catch (Exception e) when (ExpectedFailure.Is(e))
        {
            _context.Log.Warning($"{_context.State.ReachabilityPath} of a former agent cannot be removed: {e.Message}");
        }
    }

    /// <summary>Reconciles everything once.</summary>
    /// <returns>Whether nothing is left to do.</returns>
    internal async Task<bool> RunOnceAsync(CancellationToken stop)
    {
        _reconcile.RunFullPass();
        if (_lease is not null && _watch is not null)
        {
            await _lease.StepAsync(stop).ConfigureAwait(false);
            _reconcile.RunFullPass();
            await _lease.StepAsync(stop).ConfigureAwait(false); // publishes this host, if etcd agreed to its configuration only now
            await _watch.ListAsync(stop).ConfigureAwait(false);
        }

        _reconcile.RunFullPass();
        return _reconcile.RunFullPass() && _context.Snapshots.Current.LastError is null;
    }

    public void Dispose()
    {
        _reconcile.Dispose();
        _calls?.Dispose();
        _names?.Dispose();
        _etcd?.Dispose();
    }

    private Task SuperviseAsync(string loop, Func<CancellationToken, Task> run, Action failed, CancellationToken stop)
    {
        void Publish(string? message)
        {
            _context.Snapshots.Update(s => s.WithDefect(new ConditionState($"error in the program, {loop} loop", message)));
            if (message is not null)
            {
                failed();
            }
        }

        return new LoopSupervisor(loop, _context.Log, _context.Clock, Publish).RunAsync(run, stop);
    }
}
