using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Twill.System;

/// <summary>Which file is behind a name, and who holds its lock. statx(2), because its struct is the same on every architecture.</summary>
internal static partial class Libc
{
    private const int AT_FDCWD = -100,
        AT_SYMLINK_NOFOLLOW = 0x100,
        AT_EMPTY_PATH = 0x1000;
    private const uint STATX_INO = 0x100;

    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Statx // struct statx
    {
        [FieldOffset(32)]
        internal ulong Inode;

        [FieldOffset(136)]
        internal uint DeviceMajor;

        [FieldOffset(140)]
        internal uint DeviceMinor;
    }

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int statx(int directory, string path, int flags, uint mask, Statx* result);

    /// <summary>Whether a name still leads to the file that was opened by it.</summary>
    internal static unsafe bool IsStillNamed(SafeFileHandle file, string path)
    {
        Statx opened,
            named;
        if (statx((int)file.DangerousGetHandle(), "", AT_EMPTY_PATH, STATX_INO, &opened) != 0)
        {
            throw LibcException.Last($"statx {path}");
        }

        if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_INO, &named) != 0)
        {
            return Errno == ENOENT ? false : throw LibcException.Last($"statx {path}");
        }

        return (opened.Inode, opened.DeviceMajor, opened.DeviceMinor) == (named.Inode, named.DeviceMajor, named.DeviceMinor);
    }

    /// <summary>The process that holds a file's lock according to /proc/locks; null when that does not tell.</summary>
    internal static unsafe string? LockHolder(string path)
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
