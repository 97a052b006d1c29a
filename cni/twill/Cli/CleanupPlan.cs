namespace Twill.Plugin.Cli;

/// <summary>Something that goes, and how.</summary>
/// <param name="What">what, one line each: several kernel objects may go in one system call</param>
/// <param name="Do">removes it; nothing to do when it is gone already</param>
internal sealed record Removal(IReadOnlyList<string> What, Action Do);

/// <summary>What <c>twill cleanup</c> would do.</summary>
internal sealed class CleanupPlan
{
    /// <summary>What goes, in this order.</summary>
    public List<Removal> Removals { get; } = [];

    /// <summary>What stays, and why.</summary>
    public List<string> Kept { get; } = [];

    /// <summary>Why nothing may be done now, each with what to do first.</summary>
    public List<string> Preconditions { get; } = [];

    /// <summary>What stays in etcd, and how it is removed there.</summary>
    public List<string> InEtcd { get; } = [];
}

/// <summary>What became of it.</summary>
/// <param name="Plan">what was to be done</param>
/// <param name="Done">false: it was only looked at, or refused</param>
/// <param name="Failures">what could not be removed</param>
internal sealed record CleanupOutcome(CleanupPlan Plan, bool Done, IReadOnlyList<string> Failures);
