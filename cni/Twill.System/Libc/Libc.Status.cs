using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Twill.System;

/// <summary>Which file is behind a name, how old it is, and who holds its lock. statx(2), because its struct is the same on every
/// architecture.</summary>
internal static unsafe partial class Libc
{
    /// <summary>What identifies the file behind a descriptor.</summary>
    internal static (ulong Device, ulong Inode) Identity(SafeFileHandle file)
    {
        using Descriptor fd = new(file);
        statx opened;
        return statx(fd.Number, "", AT_EMPTY_PATH, STATX_INO, &opened) == 0 ? IdentityOf(opened) : throw LibcException.Last("statx");
    }

    /// <summary>What identifies the file that a path leads to, symbolic links followed; null when it leads nowhere.</summary>
    internal static (ulong Device, ulong Inode)? TryIdentity(string path)
    {
        statx named;
        return statx(AT_FDCWD, path, 0, STATX_INO, &named) == 0 ? IdentityOf(named) : null;
    }

    /// <summary>Whether a name still leads to the file that was opened by it.</summary>
    internal static bool IsStillNamed(SafeFileHandle file, string path)
    {
        statx named;
        (ulong Device, ulong Inode) opened = Identity(file);
        if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_INO, &named) != 0)
        {
            return LastError == Errno.ENOENT ? false : throw LibcException.Last("statx", path);
        }

        return opened == IdentityOf(named);
    }

    /// <summary>When a file's content was last changed, in seconds since 1970; null when there is no such file.</summary>
    internal static long? TryWriteTime(string path)
    {
        statx named;
        return statx(AT_FDCWD, path, 0, STATX_MTIME, &named) == 0 ? named.stx_mtime.tv_sec : null;
    }

    /// <summary>The process that holds a file's lock according to /proc/locks; null when that does not tell.</summary>
    internal static string? LockHolder(string path)
    {
        statx named;
        if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_INO, &named) != 0)
        {
            return null;
        }

        string file = $" {named.stx_dev_major:x2}:{named.stx_dev_minor:x2}:{named.stx_ino} ";
        try
        {
            foreach (string line in TextFile.ReadLines("/proc/locks"))
            {
                // 1: FLOCK  ADVISORY  WRITE 4711 00:1a:8362 0 EOF
                string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (words.Length > 5 && words[1] == "FLOCK" && line.Contains(file) && int.TryParse(words[4], out int pid) && pid > 0)
                {
                    return $"process {pid} ({TextFile.ReadAll($"/proc/{pid}/comm").Trim()})";
                }
            }
        }
        catch (IOException)
        {
            return null; // it ended while we looked, or /proc is not ours to read
        }
        return null;
    }

    private static (ulong Device, ulong Inode) IdentityOf(in statx status) =>
        (MakeDevice(status.stx_dev_major, status.stx_dev_minor), status.stx_ino);

    // The number that stat(2) calls st_dev, as glibc's makedev composes it.
    private static ulong MakeDevice(ulong major, ulong minor) =>
        (major & 0xfffff000) << 32 | (major & 0xfff) << 8 | (minor & 0xffffff00) << 12 | minor & 0xff;
}
