namespace Twill.Ipam.Addresses;

/// <summary>
/// Whether the container of a record may still be there. It is gone for certain when its boot is over, or when its network
/// namespace is: the path leads elsewhere or nowhere, no process is in that namespace and no mount keeps it. Any doubt
/// counts as life, for the address of a running container must never be given away.
/// </summary>
/// <param name="bootId">the boot we are in</param>
internal sealed class Liveness(string bootId)
{
    private HashSet<ulong>? _namespaces;

    public bool IsGone(AddressRecord record)
    {
        if (record.BootId != bootId)
        {
            return true;
        }

        if (record.Inode is not { } inode || NetnsId.OfPath(record.Netns) == inode || IsOutOfSight(record.Netns))
        {
            return false;
        }

        return !(_namespaces ??= NamespacesInUse()).Contains(inode.Inode);
    }

    /// <summary>Not even the directory is there: more likely we run in a mount namespace that does not show it than that all are
    /// gone.</summary>
    private static bool IsOutOfSight(string path) =>
        !path.StartsWith("/proc/", StringComparison.Ordinal) && !Directory.Exists(Path.GetDirectoryName(path));

    /// <summary>The inodes of all network namespaces that a process is in, or that a mount keeps in a mount namespace that a process is
    /// in.</summary>
    private static HashSet<ulong> NamespacesInUse()
    {
        HashSet<ulong> inodes = [],
            mountNamespaces = [];
        foreach (string process in Directory.EnumerateDirectories("/proc"))
        {
            if (!char.IsAsciiDigit(process["/proc/".Length]))
            {
                continue;
            }

            if (NetnsId.OfPath($"{process}/ns/net") is { } id)
            {
                inodes.Add(id.Inode);
            }

            if (
                NetnsId.OfPath($"{process}/ns/mnt") is { } mounts
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
    private static bool TryAddMounted(HashSet<ulong> inodes, string mountInfo)
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
        catch (IOException)
        {
            return false;
        }
    }
}
