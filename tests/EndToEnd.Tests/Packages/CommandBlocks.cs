using Twill.Testing;

namespace Twill.EndToEnd.Tests.Packages;

/// <summary>The commands that a document gives, word for word: its lines that are set in as code.</summary>
internal static class CommandBlocks
{
    /// <summary>Those of a section, up to the next heading; what has no systemd to talk to here is left out.</summary>
    internal static string[] Of(string document, string heading) =>
        [
            .. File.ReadLines(Path.Combine(RepoPaths.Root, document))
                .SkipWhile(line => line != heading)
                .Skip(1)
                .TakeWhile(line => !line.StartsWith("## ", StringComparison.Ordinal))
                .Where(line => line.StartsWith("    ", StringComparison.Ordinal))
                .Select(line => line.Trim())
                .Where(line => !line.StartsWith("systemctl ", StringComparison.Ordinal)),
        ];

    /// <summary>Runs them one after the other in a directory, as a person would type them.</summary>
    internal static void Type(this LabHost host, IEnumerable<string> commands, string directory)
    {
        foreach (string command in commands)
        {
            host.RunFor(TimeSpan.FromMinutes(2), "sh", "-c", $"cd {directory} && {command}").OrThrow();
        }
    }
}
