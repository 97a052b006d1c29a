using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Twill.Linux;

internal static unsafe partial class Libc
{
    private const int EFD_CLOEXEC = 0x80000;
    private const int EFD_NONBLOCK = 0x800;

    /// <summary>A counter that can be waited for: readable once it was added to.</summary>
    internal static SafeFileHandle EventFd()
    {
        SafeFileHandle fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (!fd.IsInvalid)
        {
            return fd;
        }

        var failure = LibcException.Last("eventfd");
        fd.Dispose();
        throw failure;
    }

    internal static void Signal(SafeFileHandle eventFd)
    {
        ulong one = 1;
        _ = write(eventFd, (byte*)&one, sizeof(ulong)); // EAGAIN: it is signalled already
    }

    internal static void Reset(SafeFileHandle eventFd)
    {
        ulong count;
        _ = read(eventFd, (byte*)&count, sizeof(ulong)); // EAGAIN: it was not signalled
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial SafeFileHandle eventfd(uint initial, int flags);
}
