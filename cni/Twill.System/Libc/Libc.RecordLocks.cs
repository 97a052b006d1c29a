using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Twill.System;

/// <summary>
/// Locks of parts of a file that belong to the open file and end with it, as those of flock(2) do (fcntl(2), "Open file description
/// locks"). The two kinds do not see each other.
/// </summary>
internal static unsafe partial class Libc
{
    private const int F_OFD_SETLK = 37,
        F_OFD_SETLKW = 38;
    private const short F_RDLCK = 0,
        F_WRLCK = 1,
        F_UNLCK = 2;

    [StructLayout(LayoutKind.Sequential)]
    private struct RecordLock // struct flock
    {
        internal short Type; // l_type
        internal short Whence; // l_whence; 0: from the start
        internal long Start; // l_start
        internal long Length; // l_len; 0: to the end, wherever that will be
        internal int Pid; // l_pid; 0 for these locks
    }

    /// <summary>Locks all of a file against those that lock a byte of it, and lets others do the same; false when somebody has
    /// one.</summary>
    internal static bool TryShareAllBytes(SafeFileHandle file, string what) => TryLockBytes(file, F_OFD_SETLK, F_RDLCK, 0, 0, what);

    /// <summary>Locks all of a file for this holder alone; false when somebody else has any part of it.</summary>
    internal static bool TryLockAllBytes(SafeFileHandle file, string what) => TryLockBytes(file, F_OFD_SETLK, F_WRLCK, 0, 0, what);

    /// <summary>Locks one byte, and waits for whoever shares all of them. What else this holder had locked becomes free after
    /// that.</summary>
    internal static void LockOneByte(SafeFileHandle file, long offset, string what)
    {
        TryLockBytes(file, F_OFD_SETLKW, F_WRLCK, offset, 1, what);
        if (offset > 0)
        {
            TryLockBytes(file, F_OFD_SETLK, F_UNLCK, 0, offset, what);
        }

        TryLockBytes(file, F_OFD_SETLK, F_UNLCK, offset + 1, 0, what);
    }

    /// <summary>Locks one byte; false when somebody else has it.</summary>
    internal static bool TryLockOneByte(SafeFileHandle file, long offset, string what) =>
        TryLockBytes(file, F_OFD_SETLK, F_WRLCK, offset, 1, what);

    /// <summary>Gives all bytes up.</summary>
    internal static void UnlockBytes(SafeFileHandle file, string what) => TryLockBytes(file, F_OFD_SETLK, F_UNLCK, 0, 0, what);

    private static bool TryLockBytes(SafeFileHandle file, int command, short type, long start, long length, string what)
    {
        RecordLock wanted = new()
        {
            Type = type,
            Start = start,
            Length = length,
        };
        using Descriptor fd = new(file);
        while (fcntl_lock(fd.Number, command, &wanted) != 0)
        {
            if (LastError is Errno.EAGAIN or Errno.EACCES)
            {
                return false;
            }

            if (LastError != Errno.EINTR)
            {
                throw LibcException.Last("fcntl F_OFD_SETLK", what);
            }
        }
        return true;
    }
}
