using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Twill.System;

/// <summary>Which file is behind a name, and who holds its lock. statx(2), because its struct is the same on every architecture.</summary>
internal static unsafe partial class Libc
{
    private const uint STATX_INO = 0x100;

    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Statx // struct statx
    {
        [FieldOffset(0x20)]
        internal ulong Inode; // stx_ino

        [FieldOffset(0x88)]
        internal uint DeviceMajor; // stx_dev_major

        [FieldOffset(0x8c)]
        internal uint DeviceMinor; // stx_dev_minor

        /// <summary>The number that stat(2) calls st_dev, as makedev(3) composes it.</summary>
        internal readonly ulong Device =>
            (ulong)(DeviceMajor & 0xfffff000) << 32
            | (ulong)(DeviceMajor & 0xfff) << 8
            | (ulong)(DeviceMinor & 0xffffff00) << 12
            | DeviceMinor & 0xff;

        internal readonly (ulong Device, ulong Inode) Identity => (Device, Inode);
    }

    /// <summary>What identifies the file behind a descriptor.</summary>
    internal static (ulong Device, ulong Inode) Identity(SafeFileHandle file)
    {
        using Descriptor fd = new(file);
        Statx opened;
        return statx(fd.Number, "", AT_EMPTY_PATH, STATX_INO, &opened) == 0 ? opened.Identity : throw LibcException.Last("statx");
    }

    /// <summary>What identifies the file that a path leads to, symbolic links followed; null when it leads nowhere.</summary>
    internal static (ulong Device, ulong Inode)? TryIdentity(string path)
    {
        Statx named;
        return statx(AT_FDCWD, path, 0, STATX_INO, &named) == 0 ? named.Identity : null;
    }

    /// <summary>Whether a name still leads to the file that was opened by it.</summary>
    internal static bool IsStillNamed(SafeFileHandle file, string path)
    {
        Statx named;
        (ulong Device, ulong Inode) opened = Identity(file);
        if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_INO, &named) != 0)
        {
            return LastError == Errno.ENOENT ? false : throw LibcException.Last("statx", path);
        }

        return opened == named.Identity;
    }

    /// <summary>The process that holds a file's lock according to /proc/locks; null when that does not tell.</summary>
    internal static string? LockHolder(string path)
    {
        Statx named;
        if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_INO, &named) != 0)
        {
            return null;
        }

        string file = $" {named.DeviceMajor:x2}:{named.DeviceMinor:x2}:{named.Inode} ";
        try
        {
            foreach (string line in File.ReadLines("/proc/locks"))
            {
                // 1: FLOCK  ADVISORY  WRITE 4711 00:1a:8362 0 EOF
                string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (words.Length > 5 && words[1] == "FLOCK" && line.Contains(file) && int.TryParse(words[4], out int pid) && pid > 0)
                {
                    return $"process {pid} ({File.ReadAllText($"/proc/{pid}/comm").Trim()})";
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // it ended while we looked, or /proc is not ours to read
        }
        return null;
    }
}
