using Microsoft.Win32.SafeHandles;
using static Tmds.Linux.LibC;

namespace Twill.System;

/// <summary>Named pipes by which short-lived programs tell a long-lived one something, at two system calls and without ever
/// waiting.</summary>
internal static unsafe partial class Libc
{
    /// <summary>Makes a named pipe (mode 0600) in the place of what is there, and opens it to read. It stays open at the writers'
    /// end.</summary>
    /// <exception cref="LibcException">the system refused</exception>
    internal static SafeFileHandle MakeFifo(string path)
    {
        File.Delete(path);
        if (mkfifo(path, OwnerReadWrite) != 0)
        {
            throw LibcException.Last("mkfifo", path);
        }

        int fd = openat(AT_FDCWD, path, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, 0);
        return fd >= 0 ? new SafeFileHandle(fd, ownsHandle: true) : throw LibcException.Last("open", path);
    }

    /// <summary>What is in a pipe now, as much as there is room for.</summary>
    /// <returns>the bytes read; 0 when it is empty</returns>
    /// <exception cref="LibcException">the system refused</exception>
    internal static int ReadFifo(SafeFileHandle fifo, Span<byte> buffer, string path)
    {
        try
        {
            return Read(fifo, buffer, path);
        }
        catch (LibcException e) when (e.Errno == Errno.EAGAIN)
        {
            return 0;
        }
    }

    /// <summary>Writes to a named pipe in one piece, if somebody reads it and there is room. It is not closed: this is for the end of a
    /// process.</summary>
    /// <param name="path">the pipe; anything else is left as it is</param>
    /// <param name="bytes">at most 4096, which are together in the pipe</param>
    internal static void TellFifo(string path, ReadOnlySpan<byte> bytes)
    {
        int fd = openat(AT_FDCWD, path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC, 0);
        if (fd < 0)
        {
            return; // ENOENT, or ENXIO: nobody reads it
        }

        fixed (byte* at = bytes)
        {
            write(fd, at, bytes.Length);
        }
    }
}
