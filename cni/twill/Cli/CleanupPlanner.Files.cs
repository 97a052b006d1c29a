using Twill.Network.State;

namespace Twill.Plugin.Cli;

/// <summary>What <c>twill up</c> added to the host's configuration.</summary>
internal sealed partial class CleanupPlanner
{
    private readonly HashSet<string> _goingFiles = [];

    private void Files()
    {
        MadeFiles journal = new();
        IReadOnlyList<MadeFile> made = journal.Read(out string? problem);
        if (problem is not null)
        {
            _plan.Kept.Add($"what 'twill up' made: {problem}");
        }

        if (journal.IsTrace)
        {
            _plan.Removals.Add(new Removal(["what is left of a 'twill up' that was killed before it made anything"], journal.Clear));
        }

        for (int i = made.Count - 1; i >= 0; i--)
        {
            MadeFile file = made[i];
            if (file.Exists && !file.IsAsMade)
            {
                _plan.Kept.Add($"{file.Path}: somebody changed it since 'twill up' made it");
                continue;
            }

            _goingFiles.Add(file.Path);
            _plan.Removals.Add(new Removal([$"{file.Path}, which 'twill up' made"], () =>
                {
                    file.Remove();
                    journal.Forget(file);
                }));
        }
    }
}
