using Twill.Network.State;

namespace Twill.Agent.Up;

/// <summary>The container runtimes that are found: what they need is shown, and made where that is allowed.</summary>
internal sealed class RuntimeSteps(UpOptions options, MadeFiles made, UpReport report)
{
    /// <summary>Looks at each, for the network of a file.</summary>
    internal async Task RunAsync(string network, CancellationToken stop)
    {
        bool reads = false;
        if (RuntimeNeeds.IsInstalled("", PodmanNeeds.Program))
        {
            (_, string version) = await HelperProgram.RunAsync(PodmanNeeds.Program, ["--version"], stop).ConfigureAwait(false);
            Offer(PodmanNeeds.Program, PodmanNeeds.Find("", version));
        }

        if (RuntimeNeeds.IsInstalled("", ContainerdNeeds.Program))
        {
            Offer(ContainerdNeeds.Program, ContainerdNeeds.Find("", network));
            reads = true;
        }

        if (RuntimeNeeds.IsInstalled("", "crio"))
        {
            string text = $"it reads {options.ConfDir} itself, unless network_dir in its configuration says otherwise";
            report.Tell(new Step("cri-o", StepState.Note, text));
            reads = true;
        }

        if (
            reads
            && Preflight.ConfigurationsIn(options.ConfDir).FirstOrDefault() is { } first
            && string.CompareOrdinal(first, network) < 0
        )
        {
            report.Tell(
                new Step(
                    "order",
                    StepState.Note,
                    $"pods get the first network of {options.ConfDir}, which is {first}",
                    $"mv {first} {first}.off, where they are to get this one"
                )
            );
        }
    }

    /// <summary>The command that starts a container here.</summary>
    /// <param name="network">the network's name</param>
    internal static string Next(string network) =>
        RuntimeNeeds.IsInstalled("", PodmanNeeds.Program) ? $"podman run --rm --network {network} IMAGE"
        : RuntimeNeeds.IsInstalled("", ContainerdNeeds.Program) ? "twill status, then start a container"
        : $"CNI_PATH={ContainerdNeeds.PluginDir} cnitool add {network} /run/netns/NAME";

    private void Offer(string runtime, RuntimeNeeds needs)
    {
        List<MadeFile> files = [.. needs.Files.Where(static file => !file.IsAsMade)];
        foreach (MadeFile file in files)
        {
            if (file.Exists && !made.IsOurs(file.Path))
            {
                string text = $"{file.Path} is there already, and is something else";
                report.Tell(new Step(runtime, StepState.Todo, text, "move it away", FileDiff.Of(file)));
            }
            else if (options.Yes)
            {
                made.Make(file);
                report.Tell(new Step(runtime, StepState.Done, $"made {file.Path}", needs.Afterwards, FileDiff.Of(file)));
            }
            else
            {
                // Before anything is done this is only a thing to know.
                StepState state = options.ChecksOnly ? StepState.Note : StepState.Todo;
                report.Tell(new Step(runtime, state, $"it needs {file.Path}", "twill up with --yes makes it", FileDiff.Of(file)));
            }
        }

        foreach ((string text, string advice) in needs.Todo)
        {
            report.Tell(new Step(runtime, StepState.Todo, text, advice));
        }

        if (files.Count == 0 && needs.Todo.Count == 0)
        {
            report.Tell(new Step(runtime, StepState.Ok, needs.Fine));
        }
    }
}
