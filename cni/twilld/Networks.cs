using Twill.Cluster;
using Twill.Cni;
using Twill.Linux;
using Twill.Network.Configuration;
using Twill.Network.State;

namespace Twill.Agent;

/// <summary>All networks of this host: one agent each, started and stopped as configuration files come, change and go.</summary>
internal sealed class Networks(AgentOptions options, StateDir state, SystemdNotifier systemd, TimeSpan? watchdog, Log log)
{
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(2);

    private readonly Dictionary<string, Served> _served = [];
    private readonly AsyncSignal _look = new();
    private readonly Condition _startCondition = new(log, TimeProvider.System, "start");
    private volatile HashSet<string> _problems = [];
    private string? _seen;
    private int _starting;
    private bool _told;
    private volatile bool _reload,
        _hears = true;

    /// <summary>Reads the configuration again and compares everything at once; from any thread.</summary>
    internal void Reload()
    {
        _reload = true;
        _look.Set();
    }

    /// <summary>All that is not as it should be, a line each; empty when all is well. From any thread.</summary>
    internal List<string> UnhealthyReasons()
    {
        List<string> reasons = [.. _problems];
        if (_startCondition.Message is { } message)
        {
            reasons.Add(message);
        }

        if (!_hears)
        {
            reasons.Add("nothing is heard of changes in the kernel");
        }

        foreach (NetworkAgent agent in Agents)
        {
            reasons.AddRange(agent.UnhealthyReasons().Select(reason => $"{agent.Name}: {reason}"));
        }

        return reasons;
    }

    /// <summary>The figures of every network. From any thread.</summary>
    internal IReadOnlyList<AgentMetrics> Metrics() => [.. Agents.Select(agent => agent.Metrics())];

    private NetworkAgent[] Agents
    {
        get
        {
            lock (_served)
            {
                return [.. _served.Values.Select(served => served.Agent)];
            }
        }
    }

    /// <summary>Serves until told to stop.</summary>
    internal async Task RunAsync(CancellationToken stop)
    {
        using KernelWatch watch = new(Hear, log);
        try
        {
            while (true)
            {
                bool reload = TakeReload();
                await FollowConfigurationAsync(stop).ConfigureAwait(false);
                if (reload)
                {
                    FinishReload();
                }

                _hears = watch.IsAlive;
                TellServiceManager();
                TimeSpan pause = _told ? Look : TimeSpan.FromMilliseconds(50);
                await _look
                    .WaitAsync(watchdog is { } period && period / 3 < pause ? period / 3 : pause, TimeSpan.Zero, stop)
                    .ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            systemd.Stopping();
            log.Info("stopping: nothing in the kernel is removed, traffic goes on");
        }

        foreach (string name in _served.Keys.ToArray())
        {
            await StopAsync(name).ConfigureAwait(false);
        }
    }

    /// <summary>Brings every network in order once.</summary>
    /// <returns>Whether there are any, and nothing is left to do in them.</returns>
    internal async Task<bool> RunOnceAsync(CancellationToken stop)
    {
        NetworkCatalog catalog = NetworkCatalog.Load(options);
        TellProblems(catalog);
        bool good = catalog.Problems.Count == 0 && catalog.Networks.Count > 0;
        foreach (FoundNetwork network in catalog.Networks)
        {
            if (TryCreate(network) is not { } agent)
            {
                good = false;
                continue;
            }

            using (agent)
            {
                good &= await agent.RunOnceAsync(stop).ConfigureAwait(false);
                log.ForNetwork(agent.Name).Info(agent.Status);
            }
        }

        if (catalog.Networks.Count == 0)
        {
            log.Error($"no network of ours in {Where}");
        }

        return good;
    }

    private string Where => options.ConfFiles.Count > 0 ? string.Join(", ", options.ConfFiles) : options.ConfDir;

    private void Hear(NetworkChange change)
    {
        lock (_served)
        {
            foreach (Served served in _served.Values)
            {
                served.Agent.Hear(in change);
            }
        }
    }

    private bool TakeReload()
    {
        if (!_reload)
        {
            return false;
        }

        _reload = false;
        log.Info("reading the configuration again, as SIGHUP asks");
        systemd.Reloading();
        _seen = null;
        return true;
    }

    private void FinishReload()
    {
        foreach (NetworkAgent agent in Agents)
        {
            agent.LookAtEverything();
        }

        systemd.Ready();
    }

    private async Task FollowConfigurationAsync(CancellationToken stop)
    {
        foreach (Served broken in _served.Values.Where(s => s.Run.IsFaulted).ToArray())
        {
            log.ForNetwork(broken.Agent.Name)
                .Error($"a defect in twilld, which starts over in this network: {broken.Run.Exception!.InnerException}");
            await StopAsync(broken.Agent.Name).ConfigureAwait(false);
            _seen = null;
        }

        string seen = ConfigurationStamp.Of(options);
        if (seen == _seen && _startCondition.Message is null)
        {
            return;
        }

        bool first = _seen is null;
        _seen = seen;
        NetworkCatalog catalog = NetworkCatalog.Load(options);
        TellProblems(catalog);
        foreach (Served served in _served.Values.ToArray())
        {
            if (!catalog.Networks.Any(n => n.Conf.Name == served.Agent.Name && ConfigurationStamp.OfFile(n.File) == served.Stamp))
            {
                log.Info($"configuration of network '{served.Agent.Name}' changed or is gone");
                await StopAsync(served.Agent.Name).ConfigureAwait(false);
            }
        }

        bool all = true;
        foreach (FoundNetwork network in catalog.Networks.Where(n => !_served.ContainsKey(n.Conf.Name)))
        {
            all &= TryStart(network, stop);
        }

        if (all)
        {
            _startCondition.Resolve();
        }

        if (first && catalog.Networks.Count == 0)
        {
            log.Warning($"no network of ours in {Where}; waiting for one");
        }
    }

    private void TellProblems(NetworkCatalog catalog)
    {
        foreach (string problem in catalog.Problems.Where(p => !_problems.Contains(p)))
        {
            log.Error(problem);
        }

        _problems = [.. catalog.Problems];
    }

    private bool TryStart(FoundNetwork network, CancellationToken stop)
    {
        if (TryCreate(network) is not { } agent)
        {
            return false;
        }

        log.Info($"serving network '{agent.Name}' of {network.File}");
        CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        Interlocked.Increment(ref _starting);
        Task run = Task.Run(
            () => agent.RunAsync(options.Interval, () => Interlocked.Decrement(ref _starting), end.Token),
            CancellationToken.None
        );
        lock (_served)
        {
            _served[agent.Name] = new Served(agent, ConfigurationStamp.OfFile(network.File), end, run);
        }

        return true;
    }

    /// <summary>The network's agent; null, told and tried again, when a file that the configuration names is missing or unusable.</summary>
    private NetworkAgent? TryCreate(FoundNetwork network)
    {
        try
        {
            return new NetworkAgent(network.Conf, state, log, TimeProvider.System);
        }
        catch (Exception e) when (e is EtcdException or ClusterException or CniException or IOException or UnauthorizedAccessException)
        {
            _startCondition.Raise($"network '{network.Conf.Name}' of {network.File}: {e.Message}", LogLevel.Error);
            return null;
        }
    }

    private async Task StopAsync(string name)
    {
        Served served;
        lock (_served)
        {
            served = _served[name];
            _served.Remove(name);
        }

        await served.End.CancelAsync().ConfigureAwait(false);
        await served.Run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        served.End.Dispose();
        served.Agent.Dispose();
    }

    private void TellServiceManager()
    {
        if (!_told && Volatile.Read(ref _starting) == 0)
        {
            systemd.Ready();
            _told = true;
        }

        if (watchdog is not null && _hears && !Agents.Any(agent => agent.IsStuck))
        {
            systemd.Alive();
        }

        systemd.Status(
            _served.Count == 0 ? "no network of ours" : string.Join(" | ", _served.Values.Select(s => $"{s.Agent.Name}: {s.Agent.Status}"))
        );
    }

    private sealed record Served(NetworkAgent Agent, string Stamp, CancellationTokenSource End, Task Run);
}
