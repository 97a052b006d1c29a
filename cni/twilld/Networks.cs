using Twill.Agent.Names;
using Twill.Host;
using Twill.Linux;
using Twill.Network.Configuration;
using Twill.Network.State;

namespace Twill.Agent;

/// <summary>
/// All networks of this host: one agent each, started and stopped as configuration files are added, changed and deleted. Its own loop
/// looks at the files; what other threads read or write too is behind one lock.
/// </summary>
internal sealed class Networks
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(2);

    private readonly AgentOptions _options;
    private readonly StateDir _state;
    private readonly SystemdNotifier _systemd;
    private readonly TimeSpan? _watchdog;
    private readonly Log _log;
    private readonly AsyncSignal _wake = new();
    private readonly NameDirectory _names = new();
    private readonly Condition _start;
    private string? _configuration; // as the files said when they were read last
    private bool _isReady;

    private readonly Lock _lock = new(); // for all below
    private readonly Dictionary<string, Served> _served = [];
    private IReadOnlyList<string> _problems = [];
    private readonly SortedDictionary<string, string?> _failures = []; // by the option of the command line
    private string? _startFailure;
    private int _starting;
    private bool _reloadRequested,
        _kernelWatchRuns = true;

    /// <param name="options">The command line.</param>
    /// <param name="state">Where run-time state lives.</param>
    /// <param name="systemd">The service manager.</param>
    /// <param name="watchdog">How long the service manager waits for a sign of life; null: it does not.</param>
    /// <param name="log">The log.</param>
    internal Networks(AgentOptions options, StateDir state, SystemdNotifier systemd, TimeSpan? watchdog, Log log)
    {
        (_options, _state, _systemd, _watchdog, _log) = (options, state, systemd, watchdog, log);
        _start = new Condition(log, TimeProvider.System, "start", message => Locked(() => _startFailure = message));
    }

    /// <summary>Reads the configuration again and compares everything at once; from any thread.</summary>
    internal void Reload()
    {
        Locked(() => _reloadRequested = true);
        _wake.Set();
    }

    /// <summary>Takes why what an option asks for does not work; null when it does. From any thread.</summary>
    internal void TakeFailure(string option, string? message) =>
        Locked(() => _failures[option] = message);

    /// <summary>All that is not as it should be, a line each; empty when all is well. From any thread.</summary>
    internal List<string> UnhealthyReasons()
    {
        List<string> reasons;
        lock (_lock)
        {
            reasons = [.. _problems];
            if (_startFailure is not null)
            {
                reasons.Add(_startFailure);
            }

            reasons.AddRange(_failures.Where(failure => failure.Value is not null).Select(failure => $"{failure.Key}: {failure.Value}"));

            if (!_kernelWatchRuns)
            {
                reasons.Add("changes in the kernel are not monitored any more");
            }
        }

        foreach (NetworkAgent agent in Agents)
        {
            reasons.AddRange(agent.UnhealthyReasons().Select(reason => $"{agent.Name}: {reason}"));
        }

        return reasons;
    }

    /// <summary>What is not well although every network works, a line each. From any thread.</summary>
    internal List<string> Notes() => [.. Agents.SelectMany(agent => agent.Notes.Select(note => $"{agent.Name}: {note}"))];

    /// <summary>The figures of every network. From any thread.</summary>
    internal IReadOnlyList<AgentMetrics> Metrics() => [.. Agents.Select(agent => agent.Metrics())];

    private NetworkAgent[] Agents
    {
        get
        {
            lock (_lock)
            {
                return [.. _served.Values.Select(served => served.Agent)];
            }
        }
    }

    private Served[] AllServed
    {
        get
        {
            lock (_lock)
            {
                return [.. _served.Values];
            }
        }
    }

    /// <summary>Serves until told to stop.</summary>
    internal async Task RunAsync(CancellationToken stop)
    {
        using KernelWatch watch = new(Take, _log);
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

                bool watchRuns = watch.IsAlive;
                Locked(() => _kernelWatchRuns = watchRuns);
                NotifyServiceManager(watchRuns);
                TimeSpan pause = _isReady ? LookInterval : TimeSpan.FromMilliseconds(50);
                await _wake
                    .WaitAsync(_watchdog is { } period && period / 3 < pause ? period / 3 : pause, TimeSpan.Zero, stop)
                    .ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            _systemd.Stopping();
            _log.Info("stopping: nothing in the kernel is removed, traffic goes on");
        }

        foreach (NetworkAgent agent in Agents)
        {
            await StopAsync(agent.Name).ConfigureAwait(false);
        }
    }

    /// <summary>Brings every network in order once.</summary>
    /// <returns>Whether there are any, and nothing is left to do in them.</returns>
    internal async Task<bool> RunOnceAsync(CancellationToken stop)
    {
        NetworkCatalog catalog = NetworkCatalog.Load(_options);
        LogProblems(catalog);
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
                good &= await TryRunOnceAsync(agent, stop).ConfigureAwait(false);
            }
        }

        if (catalog.Networks.Count == 0)
        {
            _log.Error($"no network of ours in {Where}");
        }

        return good;
    }

    private async Task<bool> TryRunOnceAsync(NetworkAgent agent, CancellationToken stop)
    {
        Log log = _log.ForNetwork(agent.Name);
        try
        {
            bool good = await agent.RunOnceAsync(stop).ConfigureAwait(false);
            log.Info(agent.StatusLine);
            return good;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            log.Critical($"error in the program: {e}");
            return false;
        }
    }

    private string Where => _options.ConfFiles.Count > 0 ? string.Join(", ", _options.ConfFiles) : _options.ConfDir;

    private void Locked(Action action)
    {
        lock (_lock)
        {
            action();
        }
    }

    private void Take(NetworkChange change)
    {
        lock (_lock)
        {
            foreach (Served served in _served.Values)
            {
                served.Agent.Take(in change);
            }
        }
    }

    private bool TakeReload()
    {
        lock (_lock)
        {
            if (!_reloadRequested)
            {
                return false;
            }

            _reloadRequested = false;
        }

        _log.Info("reading the configuration again, as SIGHUP asks");
        _systemd.Reloading();
        _configuration = null;
        return true;
    }

    private void FinishReload()
    {
        foreach (NetworkAgent agent in Agents)
        {
            agent.ReconcileEverything();
        }

        _systemd.Ready();
    }

    private async Task FollowConfigurationAsync(CancellationToken stop)
    {
        foreach (Served broken in AllServed.Where(s => s.Run.IsFaulted))
        {
            _log.ForNetwork(broken.Agent.Name)
                .Critical($"error in the program, the agent of this network starts again: {broken.Run.Exception!.InnerException}");
            await StopAsync(broken.Agent.Name).ConfigureAwait(false);
            _configuration = null;
        }

        NetworkCatalog catalog = NetworkCatalog.Load(_options, network => Array.Exists(AllServed, served => served.IsOf(network)));
        if (catalog.Content == _configuration && _start.Message is null)
        {
            return;
        }

        bool first = _configuration is null;
        _configuration = catalog.Content;
        LogProblems(catalog);
        foreach (Served served in AllServed)
        {
            if (!catalog.Networks.Any(served.IsOf))
            {
                _log.Info($"configuration of network '{served.Agent.Name}' changed or is gone");
                await StopAsync(served.Agent.Name).ConfigureAwait(false);
            }
        }

        bool all = true;
        HashSet<string> running = [.. Agents.Select(agent => agent.Name)];
        foreach (FoundNetwork network in catalog.Networks.Where(n => !running.Contains(n.Conf.Name)))
        {
            all &= TryStart(network, stop);
        }

        if (all)
        {
            _start.Resolve();
        }

        if (first && catalog.Networks.Count == 0)
        {
            _log.Warning($"no network of ours in {Where}; waiting for one");
        }
    }

    private void LogProblems(NetworkCatalog catalog)
    {
        IReadOnlyList<string> before;
        lock (_lock)
        {
            (before, _problems) = (_problems, catalog.Problems);
        }

        foreach (string problem in catalog.Problems.Except(before))
        {
            _log.Error(problem);
        }
    }

    private bool TryStart(FoundNetwork network, CancellationToken stop)
    {
        if (TryCreate(network) is not { } agent)
        {
            return false;
        }

        _log.Info($"serving network '{agent.Name}' of {network.File}");
        CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        Locked(() => _starting++);
        Task run = Task.Run(() => agent.RunAsync(_options.Interval, () => Locked(() => _starting--), end.Token), CancellationToken.None);
        lock (_lock)
        {
            _served[agent.Name] = new Served(agent, network.Content, end, run);
        }

        return true;
    }

    /// <summary>The network's agent; null when a file that the configuration names is missing or unusable. Then it is tried
    /// again.</summary>
    private NetworkAgent? TryCreate(FoundNetwork network)
    {
        try
        {
            return KernelRequirement.Fault is { } fault
                ? throw new HostException(fault)
                : new NetworkAgent(
                    network.Conf,
                    _state,
                    _log,
                    TimeProvider.System,
                    _options.Pings,
                    _options.Nexthops,
                    countsCalls: _options is { Listen: not null, Once: false },
                    names: _names
                );
        }
        catch (Exception e) when (ExpectedFailure.Is(e))
        {
            _start.Raise($"network '{network.Conf.Name}' of {network.File}: {e.Message}", LogLevel.Error);
            FailedStart.Write(_state, network.Conf.Name, e.Message, _log);
            return null;
        }
    }

    private async Task StopAsync(string name)
    {
        Served served;
        lock (_lock)
        {
            served = _served[name];
            _served.Remove(name);
        }

        await served.End.CancelAsync().ConfigureAwait(false);
        await served.Run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        served.End.Dispose();
        served.Agent.Dispose();
    }

    private void NotifyServiceManager(bool kernelWatchRuns)
    {
        NetworkAgent[] agents;
        bool allStarted;
        string[] problems;
        lock (_lock)
        {
            (agents, allStarted) = (Agents, _starting == 0);
            problems = [.. _failures.Values.OfType<string>(), .. ((string?[])[_startFailure]).OfType<string>(), .. _problems];
        }

        if (!_isReady && allStarted)
        {
            _systemd.Ready();
            _isReady = true;
        }

        if (_watchdog is not null && kernelWatchRuns && !agents.Any(agent => agent.IsStuck))
        {
            _systemd.Alive();
        }

        IEnumerable<string> parts = agents.Select(agent => $"{agent.Name}: {agent.StatusLine}");
        _systemd.Status(string.Join(" | ", [.. agents.Length == 0 ? ["no network of ours"] : parts, .. problems]));
    }

    private sealed record Served(NetworkAgent Agent, string Content, CancellationTokenSource End, Task Run)
    {
        internal bool IsOf(FoundNetwork network) => network.Conf.Name == Agent.Name && network.Content == Content;
    }
}
