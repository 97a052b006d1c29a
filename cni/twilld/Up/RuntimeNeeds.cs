using Twill.Network.State;

namespace Twill.Agent.Up;

/// <summary>What a container runtime needs to use a network of twill's.</summary>
/// <param name="Files">what has to be made</param>
/// <param name="Fine">what is said when nothing has to</param>
internal sealed record RuntimeNeeds(IReadOnlyList<MadeFile> Files, string Fine)
{
    /// <summary>What keeps it from using the network and that nothing made here mends, each with what to do.</summary>
    internal IReadOnlyList<(string Text, string Advice)> Todo { get; init; } = [];

    /// <summary>What is to be done after the files were made; null: nothing.</summary>
    internal string? Afterwards { get; init; }

    /// <summary>Whether a runtime is installed.</summary>
    /// <param name="root">where the file system begins</param>
    /// <param name="program">its program</param>
    internal static bool IsInstalled(string root, string program) =>
        ((string[])["/usr/bin", "/usr/local/bin", "/usr/sbin"]).Any(directory => File.Exists($"{root}{directory}/{program}"));
}
