using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Twill.System;

/// <summary>Files: modes at creation, locks, rename and link; the clock since boot; random bytes.</summary>
internal static unsafe partial class Libc
{
    private const int LOCK_EX = 2,
        LOCK_NB = 4,
        LOCK_UN = 8;
    private const int CLOCK_BOOTTIME = 7;
    private const ushort OwnerReadWrite = 0x180, // 0600
        OwnerAll = 0x1c0; // 0700

    /// <summary>Opens a file; close-on-exec.</summary>
    internal static SafeFileHandle Open(string path, int flags)
    {
        int fd = openat(AT_FDCWD, path, flags | O_CLOEXEC, 0);
        return fd >= 0 ? new SafeFileHandle(fd, ownsHandle: true) : throw LibcException.Last("open", path);
    }

    /// <summary>Opens a file to read and write, made with mode 0600 when missing. A symbolic link is not followed.</summary>
    internal static SafeFileHandle OpenPrivate(string path) => TryOpenPrivate(path) ?? throw new LibcException("open", path, Errno.ENOENT);

    /// <summary>The same; null when its directory is missing.</summary>
    internal static SafeFileHandle? TryOpenPrivate(string path)
    {
        int fd = openat(AT_FDCWD, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, OwnerReadWrite);
        if (fd >= 0)
        {
            return new SafeFileHandle(fd, ownsHandle: true);
        }

        return LastError == Errno.ENOENT ? null : throw LibcException.Last("open", path);
    }

    /// <summary>Opens a file to write at its end, made with mode 0600 when missing. A symbolic link is not followed.</summary>
    internal static SafeFileHandle OpenToAppend(string path)
    {
        int fd = openat(AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, OwnerReadWrite);
        return fd >= 0 ? new SafeFileHandle(fd, ownsHandle: true) : throw LibcException.Last("open", path);
    }

    /// <summary>Opens a file to read, without a lock; null when there is none.</summary>
    /// <exception cref="LibcException">ELOOP: it is a symbolic link, and those were not to be followed</exception>
    internal static SafeFileHandle? TryOpenToRead(string path, bool follow)
    {
        // O_NONBLOCK: a FIFO in the way does not stop us
        int fd = openat(AT_FDCWD, path, O_NONBLOCK | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW), 0);
        if (fd >= 0)
        {
            return new SafeFileHandle(fd, ownsHandle: true);
        }

        return LastError == Errno.ENOENT ? null : throw LibcException.Last("open", path);
    }

    /// <summary>Makes a directory with mode 0700, and those missing above it. One that is there stays as it is.</summary>
    internal static void MakeDirectory(string path)
    {
        if (mkdir(path, OwnerAll) == 0)
        {
            return;
        }

        Errno error = LastError;
        if (error == Errno.EEXIST && Directory.Exists(path))
        {
            return;
        }

        if (error != Errno.ENOENT || Path.GetDirectoryName(path) is not { Length: > 1 } parent)
        {
            throw new LibcException("mkdir", path, error);
        }

        MakeDirectory(parent);
        if (mkdir(path, OwnerAll) != 0 && LastError != Errno.EEXIST)
        {
            throw LibcException.Last("mkdir", path);
        }
    }

    /// <summary>Takes the exclusive lock of an open file; false when another holds it and <paramref name="wait"/> is false.</summary>
    internal static bool Lock(SafeFileHandle file, bool wait, string what) => TryLock(file, wait ? LOCK_EX : LOCK_EX | LOCK_NB, what);

    private static bool TryLock(SafeFileHandle file, int operation, string what)
    {
        using Descriptor fd = new(file);
        while (flock(fd.Number, operation) != 0)
        {
            if (LastError == Errno.EAGAIN)
            {
                return false;
            }

            if (LastError != Errno.EINTR)
            {
                throw LibcException.Last("flock", what);
            }
        }
        return true;
    }

    /// <summary>
    /// Gives the lock up. Closing alone is not enough: a child that another thread is just starting has the descriptor too, until its exec.
    /// </summary>
    internal static void Unlock(SafeFileHandle file)
    {
        if (!file.IsClosed)
        {
            using Descriptor fd = new(file);
            _ = flock(fd.Number, LOCK_UN);
        }
    }

    internal static void Truncate(SafeFileHandle file, string what)
    {
        using Descriptor fd = new(file);
        if (ftruncate(fd.Number, 0) != 0)
        {
            throw LibcException.Last("ftruncate", what);
        }
    }

    internal static void Sync(SafeFileHandle file, string what)
    {
        using Descriptor fd = new(file);
        if (fsync(fd.Number) != 0)
        {
            throw LibcException.Last("fsync", what);
        }
    }

    /// <summary>Makes the names in a directory survive a power cut.</summary>
    internal static void SyncDirectory(string path)
    {
        using SafeFileHandle directory = Open(path, O_DIRECTORY);
        Sync(directory, path);
    }

    internal static void Rename(string from, string to)
    {
        if (!TryRename(from, to))
        {
            throw new LibcException($"rename {from} to", to, Errno.ENOENT);
        }
    }

    /// <summary>False when there is no such file, or no such directory to move it to.</summary>
    internal static bool TryRename(string from, string to)
    {
        if (rename(from, to) == 0)
        {
            return true;
        }

        return LastError == Errno.ENOENT ? false : throw LibcException.Last($"rename {from} to", to);
    }

    /// <summary>Removes a file; false when there is none.</summary>
    internal static bool TryUnlink(string path)
    {
        if (unlink(path) == 0)
        {
            return true;
        }

        return LastError == Errno.ENOENT ? false : throw LibcException.Last("unlink", path);
    }

    /// <summary>Seconds since boot, time asleep included.</summary>
    internal static double BootSeconds()
    {
        timespec time;
        if (clock_gettime(CLOCK_BOOTTIME, &time) != 0)
        {
            throw LibcException.Last("clock_gettime CLOCK_BOOTTIME");
        }

        return (long)time.tv_sec + (long)time.tv_nsec / 1e9;
    }

    /// <summary>Random bytes from the kernel; waits only in the first moments after boot.</summary>
    internal static void Random(Span<byte> bytes)
    {
        fixed (byte* p = bytes)
        {
            nint got;
            while ((got = getrandom(p, (nuint)bytes.Length, 0)) < 0 && LastError == Errno.EINTR) { }
            if (got != bytes.Length) // up to 256 bytes are never cut short (getrandom(2))
            {
                throw LibcException.Last("getrandom");
            }
        }
    }
}
