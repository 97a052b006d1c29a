using Twill.Network.State;
using Twill.System;

namespace Twill.Agent.Attach;

/// <summary>
/// Keeps what <c>twill attach</c> has attached in order, whatever became of it while the agent was down: DEL of the chain for containers
/// that are gone, and for attaches that were killed.
/// </summary>
/// <param name="state">Where run-time state lives.</param>
/// <param name="log">The log.</param>
/// <param name="publish">Called with what is wrong; with null when it is over.</param>
internal sealed class AttachedSweep(StateDir state, Log log, Action<string?> publish)
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(2);

    private readonly Attacher _attacher = new(state);
    private readonly Condition _condition = new(log, TimeProvider.System, "attached containers", publish);

    /// <summary>Serves until stopped.</summary>
    internal async Task RunAsync(CancellationToken stop)
    {
        try
        {
            await new LoopSupervisor("attached containers", log, TimeProvider.System, publish)
                .RunAsync(SweepAsync, stop)
                .ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The agent ends.
        }
    }

    private async Task SweepAsync(CancellationToken stop)
    {
        while (true)
        {
            try
            {
                await SweepOnceAsync().ConfigureAwait(false);
            }
            catch (Exception e) when (ExpectedFailure.Is(e))
            {
                _condition.Raise(Attacher.TextOf(e));
            }

            await Task.Delay(s_pause, stop).ConfigureAwait(false);
        }
    }

    /// <summary>Looks once; while a command is at work, nothing is done.</summary>
    internal async Task SweepOnceAsync()
    {
        List<string> failures = [];
        if (_attacher.List(failures).Count > 0)
        {
            using FileLock? turn = _attacher.TryLock();
            if (turn is null)
            {
                return;
            }

            failures.Clear();
            await _attacher
                .SettleAsync((one, why) => log.Info($"{one.Label} is taken out of network {one.Network}: {why}"), failures)
                .ConfigureAwait(false);
        }

        if (failures.Count > 0)
        {
            _condition.Raise($"{string.Join("; ", failures)}; it is tried again");
        }
        else
        {
            _condition.Resolve();
        }
    }
}
