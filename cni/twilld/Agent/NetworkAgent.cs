using System.Net.Sockets;
using Twill.Cluster;
using Twill.Host.Backends;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent;

/// <summary>
/// The agent in one network. Three things go on beside each other, joined only by bells: the lease is kept alive, etcd is watched,
/// and rounds bring the kernel in line with what is known. Each goes on when another fails.
/// </summary>
internal sealed partial class NetworkAgent : IDisposable
{
    private readonly TwillConf _conf;
    private readonly Log _log;
    private readonly NetworkStateDir _state;
    private readonly IBackend _backend;
    private readonly Dictionary<AddressFamily, string> _vtepMacs = [];
    private readonly EtcdClient? _etcd;
    private readonly LeaseStore? _store;
    private readonly LeaseManager? _keeper;
    private readonly PeerTable _peers;
    private readonly PeerReport _report;
    private readonly BridgeKeeper _bridge;
    private readonly Condition _underlayCondition,
        _hostCondition,
        _leaseCondition,
        _watchCondition,
        _kernelCondition,
        _stateCondition;
    private readonly OtherFirewalls _otherFirewalls;
    private readonly TimeProvider _clock;
    private readonly bool _bridgeIsOurs;

    /// <param name="conf">The network.</param>
    /// <param name="state">Where run-time state lives.</param>
    /// <param name="log">Where to tell what happens.</param>
    /// <param name="clock">The time of day.</param>
    /// <exception cref="EtcdException">An endpoint or a file in the configuration is unusable.</exception>
    /// <exception cref="IOException">The state or the node's identity cannot be read or made.</exception>
    internal NetworkAgent(TwillConf conf, StateDir state, Log log, TimeProvider clock)
    {
        (_conf, _clock, _log) = (conf, clock, log.ForNetwork(conf.Name));
        _state = state.Network(conf.Name);
        _backend = BackendTable.Of(conf);
        _bridgeIsOurs = !conf.IsForeign && !conf.Ipam.IsForeign;
        (_peers, _report, _bridge) = (
            new PeerTable(_log, clock, TimeSpan.FromSeconds(conf.Ipam.LeaseTtl)),
            new PeerReport(_log),
            new BridgeKeeper(conf)
        );
        _underlayCondition = new Condition(_log, clock, "underlay");
        _hostCondition = new Condition(_log, clock, "host");
        _leaseCondition = new Condition(_log, clock, "lease");
        _watchCondition = new Condition(_log, clock, "watch of etcd");
        _kernelCondition = new Condition(_log, clock, "kernel");
        _stateCondition = new Condition(_log, clock, "state file");
        _otherFirewalls = new OtherFirewalls(conf, _log, new Condition(_log, clock, "firewall"));
        if (conf.Ipam.Etcd is { } etcd)
        {
            string nodeId = Told(NodeIdentity.NodeId(conf.Ipam.DataDir, out string? replaced), replaced);
            LeaseRequest request = LeaseMapper.Request(conf, nodeId, BootClock.BootId);
            _etcd = new EtcdClient(LeaseMapper.Options(etcd));
            _store = new LeaseStore(_etcd, etcd.Prefix, nodeId, () => BootClock.Now);
            _keeper = new LeaseManager(
                _store,
                request,
                new LeaseStateFiles(_state, conf.Ipam.DataDir, conf.Name, request.BootId),
                new LeaseLog(_log)
            );
        }
    }

    internal string Name => _conf.Name;

    /// <summary>Serves the network until told to stop; leaves everything in the kernel as it is.</summary>
    /// <param name="interval">A round is made at least this often.</param>
    /// <param name="started">Called once: when the lease is there and the peers are written, or when it is known why not.</param>
    /// <param name="stop">Tells to stop.</param>
    internal async Task RunAsync(TimeSpan interval, Action started, CancellationToken stop)
    {
        MakeRound();
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        Task[] parts =
        [
            KeepLeaseAsync(end.Token),
            WatchPeersAsync(end.Token),
            WatchConfigAsync(end.Token),
            MakeRoundsAsync(interval, started, end.Token),
        ];
        foreach (Task part in parts)
        {
            _ = part.ContinueWith(_ => end.Cancel(), CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        }

        try
        {
            await Task.WhenAll(parts).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            _log.Debug("stopped");
        }
    }

    /// <summary>Looks at everything now, in etcd too.</summary>
    internal void LookAtEverything()
    {
        _bridge.LookAtAll();
        Ask(ReconcileReason.Everything);
        _leaseDue.Set();
    }

    /// <summary>Brings everything in order once.</summary>
    /// <returns>Whether nothing is left to do.</returns>
    internal async Task<bool> RunOnceAsync(CancellationToken stop)
    {
        MakeRound();
        if (_store is not null)
        {
            await StepLeaseAsync(stop).ConfigureAwait(false);
            MakeRound();
            await StepLeaseAsync(stop).ConfigureAwait(false); // if etcd agreed only now that this host is what it is
            await ListPeersAsync(_store, stop).ConfigureAwait(false);
        }

        MakeRound();
        return MakeRound() && LastError is null;
    }

    public void Dispose()
    {
        _route?.Dispose();
        _etcd?.Dispose();
    }

    private string Told(string value, string? replaced)
    {
        if (replaced is not null)
        {
            _log.Warning(replaced);
        }

        return value;
    }
}
