namespace Twill.Testing;

/// <summary>
/// A cgroup of one name in each hierarchy, below which runtimes make theirs; removed with all below it when its processes have
/// ended, by the next run at the latest.
/// </summary>
internal sealed class CgroupBranch : IDisposable
{
    private const string Prefix = "twill-test";

    /// <summary>What a killed run left; what cannot be removed yet, or another run removes at this moment, is not this run's
    /// concern.</summary>
    static CgroupBranch()
    {
        foreach (string parent in Parents())
        {
            foreach (string left in Owned.Orphans(Prefix, Directory.GetDirectories(parent).Select(d => Path.GetFileName(d))))
            {
                Remove(Path.Combine(parent, left));
            }
        }
    }

    internal string Name { get; } = Owned.NewName(Prefix);

    public void Dispose()
    {
        foreach (string branch in Parents().Select(parent => Path.Combine(parent, Name)).Where(Directory.Exists))
        {
            Eventually.Pass(() => Remove(branch).OrThrow());
        }
    }

    /// <summary>This process's own cgroups: below them are the branches.</summary>
    private static IEnumerable<string> Parents() =>
        File.ReadAllLines("/proc/self/cgroup")
            .Select(line => line.Split(':', 3))
            .Select(parts => $"/sys/fs/cgroup/{parts[1]}{parts[2].TrimEnd('/')}")
            .Where(Directory.Exists);

    /// <summary>Removes a cgroup from its leaves on: the kernel refuses while there are others or processes in it.</summary>
    private static CmdResult Remove(string cgroup) => Cmd.Run("find", [cgroup, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+"]);
}
