using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Twill.System;

/// <summary>
/// The C library as the programs call it. Callers see spans, handles and exceptions; errno is read here, right after each call. What the
/// framework does as well is here where it does too much: System.Console starts a thread, FileStream makes several system calls where one
/// is enough, System.Diagnostics.Process starts more than a plugin lives for.
/// </summary>
internal static unsafe partial class Libc
{
    /// <summary>The errno of the last call.</summary>
    private static Errno LastError => (Errno)Marshal.GetLastPInvokeError();

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
            _ = openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0); // the lowest free number: this one, as 0, 1, 2 are looked at in order
        }

        return flags >= 0 && (flags & FD_CLOEXEC) == 0;
    }

    /// <summary>Reads what there is; 0 at the end, -1 when a non-blocking descriptor has nothing yet.</summary>
    /// <param name="fd">the descriptor</param>
    /// <param name="buffer">where to</param>
    /// <param name="what">what it is of, for the exception: a path, a stream</param>
    internal static int Read(int fd, Span<byte> buffer, string what)
    {
        fixed (byte* p = buffer)
        {
            long count;
            while ((count = read(fd, p, buffer.Length)) < 0)
            {
                if (LastError == Errno.EAGAIN)
                {
                    return -1;
                }

                if (LastError != Errno.EINTR)
                {
                    throw LibcException.Last("read", what);
                }
            }
            return (int)count;
        }
    }

    /// <inheritdoc cref="Read(int, Span{byte}, string)"/>
    internal static int Read(SafeFileHandle file, Span<byte> buffer, string what)
    {
        using Descriptor fd = new(file);
        return Read(fd.Number, buffer, what);
    }

    /// <summary>Writes what fits; -1 when a non-blocking descriptor takes nothing now.</summary>
    internal static int Write(int fd, ReadOnlySpan<byte> bytes, string what)
    {
        fixed (byte* p = bytes)
        {
            long count;
            while ((count = write(fd, p, bytes.Length)) < 0)
            {
                if (LastError == Errno.EAGAIN)
                {
                    return -1;
                }

                if (LastError != Errno.EINTR)
                {
                    throw LibcException.Last("write", what);
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
                Poll([new pollfd { fd = fd, events = POLLOUT }], -1);
            }
            else
            {
                bytes = bytes[count..];
            }
        }
    }

    /// <inheritdoc cref="WriteAll(int, ReadOnlySpan{byte}, string)"/>
    internal static void WriteAll(SafeFileHandle file, ReadOnlySpan<byte> bytes, string what)
    {
        using Descriptor fd = new(file);
        WriteAll(fd.Number, bytes, what);
    }

    /// <summary>Writes all bytes in one call, as files under /proc want it.</summary>
    /// <exception cref="IOException">they were not all taken</exception>
    internal static void WriteAtOnce(SafeFileHandle file, ReadOnlySpan<byte> bytes, string path, string what)
    {
        using Descriptor fd = new(file);
        fixed (byte* p = bytes)
        {
            long count;
            while ((count = write(fd.Number, p, bytes.Length)) < 0)
            {
                if (LastError != Errno.EINTR)
                {
                    throw LibcException.Last($"write {what} to", path);
                }
            }
            if (count != bytes.Length)
            {
                throw new IOException($"write {what} to {path}: only {count} of {bytes.Length} bytes were taken");
            }
        }
    }

    /// <summary>Waits until one descriptor is ready; what happened to each is in its <see cref="pollfd.revents"/>.</summary>
    /// <param name="fds">the descriptors</param>
    /// <param name="milliseconds">the longest wait; -1 for no limit</param>
    /// <returns>False when the time was over or a signal arrived.</returns>
    internal static bool Poll(Span<pollfd> fds, int milliseconds)
    {
        fixed (pollfd* p = fds)
        {
            int ready = poll(p, (nuint)fds.Length, milliseconds);
            if (ready >= 0)
            {
                return ready > 0;
            }

            if (LastError != Errno.EINTR)
            {
                throw LibcException.Last("poll");
            }

            foreach (ref pollfd fd in fds)
            {
                fd.revents = 0;
            }

            return false;
        }
    }

    /// <summary>Whether the last reader of the pipe or socket behind a descriptor is gone.</summary>
    internal static bool IsAbandoned(int fd)
    {
        Span<pollfd> fds = [new() { fd = fd }];
        Poll(fds, 0);
        return (fds[0].revents & (POLLERR | POLLHUP)) != 0;
    }

    /// <summary>A pipe that no other child inherits, both ends above the standard streams even when one of those is closed.</summary>
    internal static (SafeFileHandle Read, SafeFileHandle Write) Pipe()
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
        using Descriptor fd = new(handle);
        if (fcntl(fd.Number, F_SETFL, O_NONBLOCK) < 0)
        {
            throw LibcException.Last("fcntl F_SETFL");
        }
    }

    /// <summary>A counter that can be waited for: readable once it was added to.</summary>
    internal static SafeFileHandle EventFd() => Opened(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");

    internal static void Signal(SafeFileHandle eventFd)
    {
        using Descriptor fd = new(eventFd);
        ulong one = 1;
        _ = write(fd.Number, (byte*)&one, sizeof(ulong)); // EAGAIN: it is signalled already
    }

    internal static void Reset(SafeFileHandle eventFd)
    {
        using Descriptor fd = new(eventFd);
        ulong count;
        _ = read(fd.Number, (byte*)&count, sizeof(ulong)); // EAGAIN: it was not signalled
    }

    private static SafeFileHandle Opened(int fd, string call) =>
        fd >= 0 ? new SafeFileHandle(fd, ownsHandle: true) : throw LibcException.Last(call);

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

    /// <summary>A handle's number, which stays that file's for as long as this lives, whoever disposes of the handle meanwhile.</summary>
    private ref struct Descriptor
    {
        private readonly SafeFileHandle _handle;
        private bool _held;

        /// <exception cref="ObjectDisposedException">the handle is closed already</exception>
        internal Descriptor(SafeFileHandle handle)
        {
            _handle = handle;
            handle.DangerousAddRef(ref _held);
        }

        internal readonly int Number => (int)_handle.DangerousGetHandle();

        public void Dispose()
        {
            if (_held)
            {
                _handle.DangerousRelease();
                _held = false;
            }
        }
    }
}
