using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using static Tmds.Linux.LibC;

namespace Twill.System;

internal static unsafe partial class Libc
{
    private const int FirstFree = 200;

    /// <summary>
    /// Sends one datagram from a child process, which waits for the answer, writes its errno (4 bytes, 0 for success) to
    /// <paramref name="report"/> and ends. The child keeps no other descriptor but <paramref name="held"/>: whoever reads this process's
    /// output is not kept waiting.
    /// </summary>
    /// <param name="netlink">The socket.</param>
    /// <param name="report">Gets the errno.</param>
    /// <param name="datagram">What is sent.</param>
    /// <param name="held">A descriptor that the child closes when it ends; null for none.</param>
    /// <remarks>
    /// Between fork(2) and _exit(2) the child calls the kernel and nothing else: it allocates nothing, and its calls go straight to the C
    /// library without a word to the run-time, whose other threads it does not have. That holds for code compiled ahead of time only.
    /// </remarks>
    /// <returns>
    /// False when nobody would reap the child, no process could be made, or this code is compiled while it runs; nothing was sent then.
    /// </returns>
    internal static bool TrySendFromChild(
        SafeFileHandle netlink,
        SafeFileHandle report,
        ReadOnlySpan<byte> datagram,
        SafeFileHandle? held = null
    )
    {
        if (RuntimeFeature.IsDynamicCodeCompiled || !OrphanReaper.IsThere)
        {
            return false;
        }

        fixed (byte* bytes = datagram)
        {
            int from = (int)netlink.DangerousGetHandle(),
                to = (int)report.DangerousGetHandle(),
                kept = held is null ? -1 : (int)held.DangerousGetHandle();
            int pid = fork();
            if (pid == 0)
            {
                Child(from, to, kept, bytes, (nuint)datagram.Length);
            }

            return pid > 0;
        }
    }

    /// <summary>
    /// Has a child process, which does nothing else, be the last to close a descriptor: for sockets whose end the kernel makes its closer
    /// wait for. The caller closes its own afterwards, which then is at once.
    /// </summary>
    /// <remarks>The remarks of <see cref="TrySendFromChild"/> hold here too. Else, and where nobody would reap the child or no process
    /// can be made, the caller waits.</remarks>
    internal static void CloseInChild(SafeFileHandle handle)
    {
        int fd = (int)handle.DangerousGetHandle();
        if (RuntimeFeature.IsDynamicCodeCompiled || !OrphanReaper.IsThere || fork() != 0)
        {
            return;
        }

        fd = fcntl_quietly(fd, F_DUPFD, FirstFree);
        CloseBelow(fd);
        close_range((uint)fd + 1, uint.MaxValue, 0);
        _exit(0);
    }

    private static void Child(int netlink, int report, int held, byte* datagram, nuint length)
    {
        netlink = fcntl_quietly(netlink, F_DUPFD, FirstFree);
        report = fcntl_quietly(report, F_DUPFD, netlink + 1);
        int last = held < 0 ? report : fcntl_quietly(held, F_DUPFD, report + 1);
        CloseBelow(netlink);
        close_range((uint)Math.Max(report, last) + 1, uint.MaxValue, 0);
        const int AnswerLength = 512,
            ErrnoAt = 16;
        byte* answer = stackalloc byte[AnswerLength];
        int errno = (int)Errno.EIO;
        if (send_quietly(netlink, datagram, length, 0) < 0)
        {
            errno = *__errno_location();
        }
        else if (recv_quietly(netlink, answer, AnswerLength, 0) >= ErrnoAt + sizeof(int))
        {
            errno = -*(int*)(answer + ErrnoAt);
        }

        write_quietly(report, &errno, sizeof(int));
        _exit(0);
    }

    private static void CloseBelow(int kept)
    {
        if (close_range(0, (uint)kept - 1, 0) != 0)
        {
            for (int fd = 0; fd < kept; fd++) // before Linux 5.9
            {
                close_quietly(fd);
            }
        }
    }

    [LibraryImport("libc")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvSuppressGCTransition)])]
    private static partial int fork();

    [LibraryImport("libc", EntryPoint = "fcntl")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvSuppressGCTransition)])]
    private static partial int fcntl_quietly(int fd, int command, int argument);

    [LibraryImport("libc")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvSuppressGCTransition)])]
    private static partial int close_range(uint first, uint last, uint flags);

    [LibraryImport("libc", EntryPoint = "close")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvSuppressGCTransition)])]
    private static partial int close_quietly(int fd);

    [LibraryImport("libc", EntryPoint = "send")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvSuppressGCTransition)])]
    private static partial nint send_quietly(int fd, byte* bytes, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "recv")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvSuppressGCTransition)])]
    private static partial nint recv_quietly(int fd, byte* bytes, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "write")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvSuppressGCTransition)])]
    private static partial nint write_quietly(int fd, void* bytes, nuint length);

    [LibraryImport("libc")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvSuppressGCTransition)])]
    private static partial int* __errno_location();

    [LibraryImport("libc")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvSuppressGCTransition)])]
    private static partial void _exit(int code);
}
