namespace Twill.Plugin.Cli;

/// <summary>What /proc tells about processes.</summary>
internal static class ProcFiles
{
    /// <summary>The network namespaces that a process is in or a mount keeps, as <c>net:[4026532621]</c>.</summary>
    public static HashSet<string> NamespacesInUse()
    {
        HashSet<string> all = [];
        foreach (string process in Processes())
        {
            if (Namespace(process) is string ns)
            {
                all.Add(ns);
            }
        }
        foreach (string mount in File.ReadLines("/proc/self/mountinfo"))
        {
            int start = mount.IndexOf(" net:[", StringComparison.Ordinal) + 1;
            int end = start > 0 ? mount.IndexOf(']', start) : -1;
            if (end > start)
            {
                all.Add(mount[start..(end + 1)]);
            }
        }
        return all;
    }

    /// <summary>
    /// The agent's process: that of <paramref name="expected"/> if it is one, else any of that name in this network namespace: in a
    /// container it knows itself by another number. Null: none runs.
    /// </summary>
    public static int? FindAgent(int? expected)
    {
        string? here = Namespace("/proc/self");
        if (expected is int pid && IsAgent($"/proc/{pid}", here))
        {
            return pid;
        }

        foreach (string process in Processes())
        {
            if (IsAgent(process, here))
            {
                return int.Parse(process.AsSpan("/proc/".Length));
            }
        }
        return null;
    }

    private static IEnumerable<string> Processes()
    {
        foreach (string directory in Directory.EnumerateDirectories("/proc"))
        {
            if (char.IsAsciiDigit(directory["/proc/".Length]))
            {
                yield return directory;
            }
        }
    }

    private static bool IsAgent(string process, string? ns)
    {
        try
        {
            return File.ReadAllText($"{process}/comm") == "twilld\n" && Namespace(process) == ns && !IsDead(process);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false; // it has just ended
        }
    }

    /// <summary>Ended, but not yet taken note of by its parent.</summary>
    private static bool IsDead(string process)
    {
        string stat = File.ReadAllText($"{process}/stat");
        return stat.AsSpan(stat.LastIndexOf(')') + 1).TrimStart() is ['Z' or 'X', ..];
    }

    private static string? Namespace(string process)
    {
        try
        {
            return new FileInfo($"{process}/ns/net").LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
