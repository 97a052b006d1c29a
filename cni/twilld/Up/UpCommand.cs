using Twill.Network.State;
using Twill.System;

namespace Twill.Agent.Up;

/// <summary>
/// <c>twill up</c>: makes this host part of a network, step by step. Each step looks first and does only what is missing, so that a run
/// that failed or was interrupted is continued by the next one. <c>twill preflight</c> is the part of it that only looks.
/// </summary>
internal sealed class UpCommand(UpOptions options, StateDir state, MadeFiles made, UpReport report)
{
    /// <summary>Runs all steps.</summary>
    /// <returns>whether nothing is left to do</returns>
    /// <exception cref="UsageException">the options make no network</exception>
    internal async Task<bool> RunAsync(CancellationToken stop)
    {
        RuntimeSteps runtimes = new(options, made, report);
        NetworkFile? file = await new Preflight(options, state, made, report).RunAsync(stop).ConfigureAwait(false);
        if (file is not null && WriteNetwork(file))
        {
            await runtimes.RunAsync(file.Path, stop).ConfigureAwait(false);
            if (!options.ChecksOnly && (file.Conf.Backend.JoinsHosts || file.Conf.Ipam.Etcd is not null))
            {
                await new AgentStep(file.Conf, state, options.Wait, report).RunAsync(stop).ConfigureAwait(false);
            }
        }

        if (options.ChecksOnly)
        {
            report.End(
                "nothing is in the way",
                "something is in the way: do what is said above, then run the same command again",
                next: null
            );
        }
        else
        {
            report.End(
                "the network is there",
                "not all is done: do what is said above, then run the same command again",
                RuntimeSteps.Next(options.Network)
            );
        }

        return report.IsDone;
    }

    private bool WriteNetwork(NetworkFile file)
    {
        const string Name = "network";
        string? before = AtomicFile.TryReadAll(file.Path) is { } found ? global::System.Text.Encoding.UTF8.GetString(found) : null;
        if (before == file.Content)
        {
            report.Tell(new Step(Name, StepState.Ok, $"{file.Path} is as it should be"));
            return true;
        }

        string diff = FileDiff.Of(file.Path, before, file.Content);
        if (before is not null && !made.IsOurs(file.Path))
        {
            report.Tell(
                new Step(
                    Name,
                    StepState.Failed,
                    $"{file.Path} is there already, and says something else; it is not touched",
                    $"remove it, or give the options that it has, or another --network than '{options.Network}'",
                    diff
                )
            );
            return false;
        }

        if (options.ChecksOnly)
        {
            report.Tell(new Step(Name, StepState.Ok, $"twill up would write {file.Path}"));
            return true;
        }

        made.Make(new MadeFile(MadeKind.File, file.Path, file.Content));
        report.Tell(new Step(Name, StepState.Done, $"wrote {file.Path}", null, before is null ? null : diff));
        return true;
    }
}
