using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Twill.System;

/// <summary>
/// The few system calls this library makes itself: standard streams without System.Console (which starts a thread), files with modes and
/// locks, and the start of a delegated plugin without System.Diagnostics.Process.
/// </summary>
internal static partial class Libc
{
    internal const int EINTR = 4,
        EAGAIN = 11,
        ENOENT = 2,
        EEXIST = 17,
        ETXTBSY = 26,
        ELOOP = 40;

    internal static int Errno => Marshal.GetLastPInvokeError();
}

/// <summary>Descriptors: read, write, poll, pipe.</summary>
internal static partial class Libc
{
    internal const short POLLIN = 1,
        POLLOUT = 4,
        POLLERR = 8,
        POLLHUP = 16;
    private const int O_CLOEXEC = 0x80000,
        O_NONBLOCK = 0x800;
    private const int F_DUPFD_CLOEXEC = 1030,
        F_GETFD = 1,
        F_SETFL = 4;
    private const int FD_CLOEXEC = 1,
        O_RDWR = 2;

    [StructLayout(LayoutKind.Sequential)]
    internal struct PollFd // struct pollfd
    {
        internal int Fd;
        internal short Events;
        internal short Revents;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial nint read(int fd, byte* buffer, nint count);

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial nint write(int fd, byte* buffer, nint count);

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial int pipe2(int* fds, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fcntl(int fd, int command, nint argument);

    [LibraryImport("libc", SetLastError = true)]
    private static unsafe partial int poll(PollFd* fds, ulong count, int timeoutMilliseconds);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int isatty(int fd);

    [LibraryImport("libc")]
    private static partial int close(int fd);

    internal static void CloseStdout() => _ = close(1);

    internal static bool IsTerminal(int fd) => isatty(fd) == 1;

    /// <summary>
    /// Whether a standard stream came from the parent. What did carries no close-on-exec flag, or it would not be here; a descriptor of
    /// that number that has the flag was opened by the runtime since. A number that is free is taken, so that nothing else gets it.
    /// </summary>
    internal static bool IsInherited(int fd)
    {
        int flags = fcntl(fd, F_GETFD, 0);
        if (flags < 0)
        {
            _ = open("/dev/null", O_RDWR | O_CLOEXEC, 0); // the lowest free number: this one, as 0, 1, 2 are looked at in order
        }

        return flags >= 0 && (flags & FD_CLOEXEC) == 0;
    }

    /// <summary>Reads what there is; 0 at the end, -1 when a non-blocking descriptor has nothing yet.</summary>
    internal static unsafe int Read(int fd, Span<byte> buffer, string what)
    {
        fixed (byte* p = buffer)
        {
            nint count;
            while ((count = read(fd, p, buffer.Length)) < 0)
            {
                if (Errno == EAGAIN)
                {
                    return -1;
                }

                if (Errno != EINTR)
                {
                    throw LibcException.Last($"read {what}");
                }
            }
            return (int)count;
        }
    }

    /// <summary>Writes what fits; -1 when a non-blocking descriptor takes nothing now.</summary>
    internal static unsafe int Write(int fd, ReadOnlySpan<byte> bytes, string what)
    {
        fixed (byte* p = bytes)
        {
            nint count;
            while ((count = write(fd, p, bytes.Length)) < 0)
            {
                if (Errno == EAGAIN)
                {
                    return -1;
                }

                if (Errno != EINTR)
                {
                    throw LibcException.Last($"write {what}");
                }
            }
            return (int)count;
        }
    }

    /// <summary>Writes everything to a blocking (or slowly read) descriptor.</summary>
    internal static void WriteAll(int fd, ReadOnlySpan<byte> bytes, string what)
    {
        while (!bytes.IsEmpty)
        {
            int count = Write(fd, bytes, what);
            if (count < 0)
            {
                Poll([new PollFd { Fd = fd, Events = POLLOUT }], -1);
            }
            else
            {
                bytes = bytes[count..];
            }
        }
    }

    /// <summary>Waits until one descriptor is ready; the results are in Revents.</summary>
    internal static unsafe void Poll(Span<PollFd> fds, int timeoutMilliseconds)
    {
        fixed (PollFd* p = fds)
        {
            if (poll(p, (ulong)fds.Length, timeoutMilliseconds) >= 0)
            {
                return;
            }

            if (Errno != EINTR)
            {
                throw LibcException.Last("poll");
            }

            foreach (ref PollFd fd in fds)
            {
                fd.Revents = 0;
            }
        }
    }

    /// <summary>Whether the last reader of the pipe or socket behind a descriptor is gone.</summary>
    internal static bool IsAbandoned(int fd)
    {
        Span<PollFd> fds = [new() { Fd = fd }];
        Poll(fds, 0);
        return (fds[0].Revents & (POLLERR | POLLHUP)) != 0;
    }

    /// <summary>A pipe that no other child inherits, both ends above the standard streams even when one of those is closed.</summary>
    internal static unsafe (SafeFileHandle Read, SafeFileHandle Write) Pipe()
    {
        int* fds = stackalloc int[2];
        if (pipe2(fds, O_CLOEXEC) != 0)
        {
            throw LibcException.Last("pipe2");
        }

        var read = new SafeFileHandle(fds[0], ownsHandle: true);
        var write = new SafeFileHandle(fds[1], ownsHandle: true);
        return (AboveStandardStreams(read), AboveStandardStreams(write));
    }

    internal static void SetNonBlocking(SafeFileHandle handle)
    {
        if (fcntl((int)handle.DangerousGetHandle(), F_SETFL, O_NONBLOCK) < 0)
        {
            throw LibcException.Last("fcntl F_SETFL");
        }
    }

    private static SafeFileHandle AboveStandardStreams(SafeFileHandle handle)
    {
        int fd = (int)handle.DangerousGetHandle();
        if (fd > 2)
        {
            return handle;
        }

        int higher = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (higher < 0)
        {
            throw LibcException.Last("fcntl F_DUPFD_CLOEXEC");
        }

        handle.Dispose();
        return new SafeFileHandle(higher, ownsHandle: true);
    }
}
