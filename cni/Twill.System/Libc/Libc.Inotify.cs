using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Twill.System;

/// <summary>Hearing of what happens in a directory (inotify(7)).</summary>
internal static unsafe partial class Libc
{
    private const uint IN_CLOSE_WRITE = 0x8,
        IN_MOVED_FROM = 0x40,
        IN_MOVED_TO = 0x80,
        IN_DELETE = 0x200,
        IN_DELETE_SELF = 0x400,
        IN_MOVE_SELF = 0x800,
        IN_UNMOUNT = 0x2000,
        IN_Q_OVERFLOW = 0x4000,
        IN_IGNORED = 0x8000,
        IN_ONLYDIR = 0x01000000;

    /// <summary>In the mask of an event: the directory itself went.</summary>
    internal const uint DirectoryGone = IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED;

    /// <summary>In the mask of an event: others were lost.</summary>
    internal const uint EventsLost = IN_Q_OVERFLOW;

    /// <summary>A descriptor that is readable when a file of the directory was written or removed, or the directory went.</summary>
    internal static SafeFileHandle WatchDirectory(string path)
    {
        const int IN_CLOEXEC = 0x80000,
            IN_NONBLOCK = 0x800;
        SafeFileHandle opened = Opened(inotify_init1(IN_CLOEXEC | IN_NONBLOCK), "inotify_init1");
        using Descriptor fd = new(opened);
        const uint Mask = IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
        if (inotify_add_watch(fd.Number, path, Mask) >= 0)
        {
            return opened;
        }

        var failure = LibcException.Last($"inotify_add_watch {path}");
        opened.Dispose();
        throw failure;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int inotify_init1(int flags);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int inotify_add_watch(int fd, string path, uint mask);
}
