namespace Twill.System;

/// <summary>
/// Whether the network namespace of a container may still be there. It is gone for certain when its path leads elsewhere or nowhere, no
/// process is in it and no mount keeps it, in whatever mount namespace. Any doubt counts as life, for the address of a running container
/// must never be given away.
/// </summary>
/// <remarks>The processes are looked at once, at the first question that needs it.</remarks>
public sealed class NetnsLiveness
{
    private HashSet<ulong>? _inUse;
    private bool _isIncomplete;

    /// <summary>Whether a namespace is gone for certain.</summary>
    /// <param name="path">where it was, as <c>/run/netns/x</c> or <c>/proc/PID/ns/net</c></param>
    /// <param name="identity">what the path led to then</param>
    public bool IsGone(string path, NetnsIdentity identity)
    {
        if (NetnsIdentity.OfPath(path) == identity || IsOutOfSight(path))
        {
            return false;
        }

        _inUse ??= FindInUse();
        return !_isIncomplete && !_inUse.Contains(identity.Inode);
    }

    /// <summary>Not even the directory is there: more likely we run in a mount namespace that does not show it than that all are
    /// gone.</summary>
    private static bool IsOutOfSight(string path) =>
        !path.StartsWith("/proc/", StringComparison.Ordinal) && !Directory.Exists(Path.GetDirectoryName(path));

    /// <summary>The inodes of all network namespaces that a process is in, or that a mount keeps in a mount namespace that a process is
    /// in.</summary>
    private HashSet<ulong> FindInUse()
    {
        HashSet<ulong> inodes = [],
            mountNamespaces = [];
        foreach (string process in Directory.EnumerateDirectories("/proc"))
        {
            if (!char.IsAsciiDigit(process["/proc/".Length]))
            {
                continue;
            }

            if (NetnsIdentity.OfPath($"{process}/ns/net") is { } network)
            {
                inodes.Add(network.Inode);
            }

            if (
                NetnsIdentity.OfPath($"{process}/ns/mnt") is { } mounts
                && !mountNamespaces.Contains(mounts.Inode)
                && TryAddMounted(inodes, $"{process}/mountinfo")
            )
            {
                mountNamespaces.Add(mounts.Inode);
            }
        }
        return inodes;
    }

    /// <summary>False when the process has ended meanwhile: another one may still be in its mount namespace.</summary>
    private bool TryAddMounted(HashSet<ulong> inodes, string mountInfo)
    {
        try
        {
            foreach (string mount in File.ReadLines(mountInfo)) // .. 0:4 net:[4026532621] /run/netns/x ..
            {
                int start = mount.IndexOf(" net:[", StringComparison.Ordinal) + " net:[".Length;
                int end = start < " net:[".Length ? -1 : mount.IndexOf(']', start);
                if (end > start && ulong.TryParse(mount.AsSpan(start, end - start), out ulong inode))
                {
                    inodes.Add(inode);
                }
            }
            return true;
        }
        catch (UnauthorizedAccessException)
        {
            _isIncomplete = true; // what this process sees is not ours to know: it may be any namespace
            return false;
        }
        catch (IOException)
        {
            return false;
        }
    }
}
