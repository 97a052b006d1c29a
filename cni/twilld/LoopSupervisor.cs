namespace Twill.Agent;

/// <summary>
/// Keeps one loop of a network running. A loop handles what may fail around it: etcd, the kernel, files. Any other exception is an error in
/// the program. It is logged as critical with its stack, shown as unhealthy, and the loop starts again after a pause. The other loops go on
/// meanwhile.
/// </summary>
/// <param name="loop">The loop's name, for the log.</param>
/// <param name="log">Where the error is logged.</param>
/// <param name="clock">The time of day.</param>
/// <param name="publish">Called with the error in one line, and with null when the loop has run long enough without one.</param>
internal sealed class LoopSupervisor(string loop, Log log, TimeProvider clock, Action<string?> publish)
{
    private readonly Condition _defect = new(log, clock, $"error in the program, the {loop} loop starts again in 5 s", message =>
        publish(message?.Split('\n')[0].TrimEnd())
    );

    /// <summary>How long a loop that failed is not started again.</summary>
    internal TimeSpan Pause { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long it must run before the error is no longer shown.</summary>
    internal TimeSpan Probation { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Runs the loop until it is stopped.</summary>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    internal async Task RunAsync(Func<CancellationToken, Task> run, CancellationToken stop)
    {
        while (true)
        {
            try
            {
                Task running = run(stop);
                if (
                    _defect.Message is not null
                    && !await EndsWithinAsync(running, Probation, stop).ConfigureAwait(false)
                    && !stop.IsCancellationRequested
                )
                {
                    _defect.Resolve();
                }

                await running.ConfigureAwait(false);
                return;
            }
            catch (Exception e) when (e is not OperationCanceledException || !stop.IsCancellationRequested)
            {
                _defect.Raise(e.ToString(), LogLevel.Critical);
            }

            await Task.Delay(Pause, stop).ConfigureAwait(false);
        }
    }

    private static async Task<bool> EndsWithinAsync(Task running, TimeSpan time, CancellationToken stop) =>
        await Task.WhenAny(running, Task.Delay(time, stop)).ConfigureAwait(false) == running;
}
