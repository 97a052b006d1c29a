namespace Twill.Testing;

/// <summary>
/// Names for things that outlive a process that dies: `PREFIX-PID-RANDOM`. The process id in the name lets a later run see that
/// the owner is gone and remove what it left.
/// </summary>
internal static class Owned
{
    /// <summary>Removes the directories with this prefix in <paramref name="parent"/> whose process has ended.</summary>
    internal static void SweepDirectories(string parent, string prefix)
    {
        foreach (string left in Orphans(prefix, Directory.GetDirectories(parent).Select(d => Path.GetFileName(d))))
        {
            try
            {
                Directory.Delete(Path.Combine(parent, left), recursive: true);
            }
            catch (IOException)
            {
                // Another run, started at the same moment, is removing it.
            }
        }
    }

    internal static string NewName(string prefix) => $"{prefix}-{Environment.ProcessId}-{Random.Shared.Next(0x1000000):x6}";

    /// <summary>The names in <paramref name="names"/> with this prefix whose process has ended.</summary>
    internal static IEnumerable<string> Orphans(string prefix, IEnumerable<string> names)
    {
        foreach (string name in names)
        {
            if (!name.StartsWith($"{prefix}-", StringComparison.Ordinal))
            {
                continue;
            }

            string[] rest = name[(prefix.Length + 1)..].Split('-');
            if (rest.Length == 2 && int.TryParse(rest[0], out int pid) && !Directory.Exists($"/proc/{pid}"))
            {
                yield return name;
            }
        }
    }
}
