using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Twill.Linux;

internal static unsafe partial class Libc
{
    private const int F_DUPFD = 0,
        O_CLOEXEC_PIPE = 0x80000,
        FirstFree = 200;

    internal static (SafeFileHandle Read, SafeFileHandle Write) Pipe()
    {
        int* ends = stackalloc int[2];
        if (pipe2(ends, O_CLOEXEC_PIPE) != 0)
        {
            throw LibcException.Last("pipe2");
        }

        return (new SafeFileHandle(ends[0], ownsHandle: true), new SafeFileHandle(ends[1], ownsHandle: true));
    }

    /// <summary>
    /// Sends one datagram from a child process, which waits for the answer, writes its errno (4 bytes, 0 for success) to
    /// <paramref name="report"/> and ends. The child keeps no other descriptor: whoever reads this process's output is not kept waiting.
    /// </summary>
    /// <remarks>
    /// Between fork(2) and _exit(2) the child calls the kernel and nothing else: it allocates nothing, and its calls go straight to the C
    /// library without a word to the run-time, whose other threads it does not have. That holds for code compiled ahead of time only.
    /// </remarks>
    /// <returns>False when no process could be made, or this code is compiled while it runs; nothing was sent then.</returns>
    internal static bool TrySendFromChild(SafeFileHandle netlink, SafeFileHandle report, ReadOnlySpan<byte> datagram)
    {
        if (RuntimeFeature.IsDynamicCodeCompiled)
        {
            return false;
        }

        fixed (byte* bytes = datagram)
        {
            int from = (int)netlink.DangerousGetHandle(),
                to = (int)report.DangerousGetHandle();
            int pid = fork();
            if (pid == 0)
            {
                Child(from, to, bytes, (nuint)datagram.Length);
            }

            return pid > 0;
        }
    }

    /// <summary>
    /// Has a child process, which does nothing else, be the last to close a descriptor: for sockets whose end the kernel makes its closer
    /// wait
    /// for. The caller closes its own afterwards, which then is at once.
    /// </summary>
    /// <remarks>The remarks of <see cref="TrySendFromChild"/> hold here too. Else, or where no process can be made, the caller
    /// waits.</remarks>
    internal static void CloseInChild(SafeFileHandle handle)
    {
        int fd = (int)handle.DangerousGetHandle();
        if (RuntimeFeature.IsDynamicCodeCompiled || fork() != 0)
        {
            return;
        }

        fd = fcntl(fd, F_DUPFD, FirstFree);
        CloseBelow(fd);
        close_range((uint)fd + 1, uint.MaxValue, 0);
        _exit(0);
    }

    private static void Child(int netlink, int report, byte* datagram, nuint length)
    {
        netlink = fcntl(netlink, F_DUPFD, FirstFree);
        report = fcntl(report, F_DUPFD, netlink + 1);
        CloseBelow(netlink);
        close_range((uint)report + 1, uint.MaxValue, 0);
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
                close(fd);
            }
        }
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int pipe2(int* ends, int flags);

    [LibraryImport("libc")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvSuppressGCTransition)])]
    private static partial int fork();

    [LibraryImport("libc")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvSuppressGCTransition)])]
    private static partial int fcntl(int fd, int command, int argument);

    [LibraryImport("libc")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvSuppressGCTransition)])]
    private static partial int close_range(uint first, uint last, uint flags);

    [LibraryImport("libc")]
    [UnmanagedCallConv(CallConvs = [typeof(CallConvSuppressGCTransition)])]
    private static partial int close(int fd);

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
