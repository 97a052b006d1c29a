namespace Twill.System;

/// <summary>
/// Whether the network namespace of a container may still be there. It is gone for certain when its path leads elsewhere or nowhere, no
/// process is in it and no mount keeps it, in whatever mount namespace; and when another namespace has its inode now, which no two have at
/// the same time. Any other doubt counts as life, for the address of a running container must never be given away.
/// </summary>
/// <remarks>The processes are looked at once, at the first question that needs it.</remarks>
public sealed class NetnsLiveness
{
    private Dictionary<ulong, string>? _inUse;
    private bool _isIncomplete;

    /// <summary>Whether a namespace is gone for certain.</summary>
    /// <param name="path">where it was, as <c>/run/netns/x</c> or <c>/proc/PID/ns/net</c></param>
    /// <param name="identity">what the path led to then</param>
    public bool IsGone(string path, NetnsIdentity identity)
    {
        if (IsInode(path, identity))
        {
            return IsAnother(path, identity);
        }

        if (IsOutOfSight(path))
        {
            return false;
        }

        _inUse ??= FindInUse();
        return _inUse.TryGetValue(identity.Inode, out string? user) ? IsAnother(user, identity) : !_isIncomplete;
    }

    private static bool IsInode(string path, NetnsIdentity identity) => NetnsIdentity.OfPath(path) == identity with { Cookie = 0 };

    /// <summary>Whether a path leads to a namespace of the same inode that is certainly not the same.</summary>
    private static bool IsAnother(string path, NetnsIdentity identity) =>
        identity.Cookie != 0 && NetnsIdentity.WithCookie(path) is { } now && now.Inode == identity.Inode && !now.IsSameAs(identity);

    /// <summary>Not even the directory is there: more likely we run in a mount namespace that does not show it than that all are
    /// gone.</summary>
    private static bool IsOutOfSight(string path) =>
        !path.StartsWith("/proc/", StringComparison.Ordinal) && !Directory.Exists(Path.GetDirectoryName(path));

    /// <summary>The inodes of all network namespaces that a process is in, or that a mount keeps in a mount namespace that a process is
    /// in, each with a path that leads there.</summary>
    private Dictionary<ulong, string> FindInUse()
    {
        Dictionary<ulong, string> inodes = [];
        HashSet<ulong> mountNamespaces = [];
        foreach (string process in Directory.EnumerateDirectories("/proc"))
        {
            if (!char.IsAsciiDigit(process["/proc/".Length]))
            {
                continue;
            }

            if (NetnsIdentity.OfPath($"{process}/ns/net") is { } network)
            {
                inodes.TryAdd(network.Inode, $"{process}/ns/net");
            }

            if (
                NetnsIdentity.OfPath($"{process}/ns/mnt") is { } mounts
                && !mountNamespaces.Contains(mounts.Inode)
                && TryAddMounted(inodes, process)
            )
            {
                mountNamespaces.Add(mounts.Inode);
            }
        }
        return inodes;
    }

    /// <summary>False when the process has ended meanwhile: another one may still be in its mount namespace.</summary>
    private bool TryAddMounted(Dictionary<ulong, string> inodes, string process)
    {
        try
        {
            foreach (string mount in TextFile.ReadLines($"{process}/mountinfo")) // .. 0:4 net:[4026532621] /run/netns/x ..
            {
                int start = mount.IndexOf(" net:[", StringComparison.Ordinal) + " net:[".Length;
                int end = start < " net:[".Length ? -1 : mount.IndexOf(']', start);
                if (end > start && ulong.TryParse(mount.AsSpan(start, end - start), out ulong inode))
                {
                    inodes.TryAdd(inode, $"{process}/root{MountPoint(mount.AsSpan(end + 1))}");
                }
            }
            return true;
        }
        catch (LibcException e) when (e.Errno is Errno.EACCES or Errno.EPERM)
        {
            _isIncomplete = true; // what this process sees is not ours to know: it may be any namespace
            return false;
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>The path of a mount, from what follows "net:[..]" in its line: spaces and the like are written \040.</summary>
    private static string MountPoint(ReadOnlySpan<char> rest)
    {
        rest = rest.TrimStart(' ');
        int end = rest.IndexOf(' ');
        string path = (end < 0 ? rest : rest[..end]).ToString();
        return path.Replace(@"\040", " ").Replace(@"\011", "\t").Replace(@"\012", "\n").Replace(@"\134", @"\");
    }
}
