using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using Tmds.Linux;

namespace Twill.System;

/// <summary>
/// Functions that Tmds.LibC lacks, or declares otherwise than they are needed: its poll does not keep errno. All others are its own; those
/// that take a text are given one here.
/// </summary>
internal static unsafe partial class Libc
{
    [LibraryImport("libc", SetLastError = true)]
    private static partial int poll(pollfd* fds, nuint count, int milliseconds);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int rename(string from, string to);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int flock(int fd, int operation);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int fcntl_lock(int fd, int command, RecordLock* what);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int clock_gettime(int clock, timespec* time);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint getrandom(byte* buffer, nuint length, uint flags);

    /// <summary>build/lib/plugin_spawn.c, linked into the plugins.</summary>
    [LibraryImport("twill_plugin")]
    private static partial int twill_spawn(int* pid, byte* path, byte** argv, byte** envp, int input, int output, uint mask);

    [LibraryImport("libc")]
    private static partial int posix_spawn(int* pid, byte* path, byte* actions, byte* attributes, byte** argv, byte** envp);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_init(byte* actions);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_adddup2(byte* actions, int fd, int newFd);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_destroy(byte* actions);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_init(byte* attributes);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setflags(byte* attributes, short flags);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setsigdefault(byte* attributes, byte* signals);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setsigmask(byte* attributes, byte* signals);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int execv(byte* path, byte** argv);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int waitpid(int pid, int* status, int options);

    [LibraryImport("libc")]
    private static partial nint signal(int signal, nint handler);

    private static int openat(int directory, string path, int flags, ushort mode)
    {
        using CString name = new(path, stackalloc byte[CString.Room]);
        return LibC.openat(directory, name.Pointer, flags, mode);
    }

    private static int statx(int directory, string path, int flags, uint mask, statx* status)
    {
        using CString name = new(path, stackalloc byte[CString.Room]);
        return LibC.statx(directory, name.Pointer, flags, mask, status);
    }

    private static int unlink(string path)
    {
        using CString name = new(path, stackalloc byte[CString.Room]);
        return LibC.unlink(name.Pointer);
    }

    private static int unlinkat(int directory, string path, int flags)
    {
        using CString name = new(path, stackalloc byte[CString.Room]);
        return LibC.unlinkat(directory, name.Pointer, flags);
    }

    private static int mkdir(string path, ushort mode)
    {
        using CString name = new(path, stackalloc byte[CString.Room]);
        return LibC.mkdir(name.Pointer, mode);
    }

    private static int mkfifo(string path, ushort mode)
    {
        using CString name = new(path, stackalloc byte[CString.Room]);
        return LibC.mkfifo(name.Pointer, mode);
    }

    private static int mkdirat(int directory, string path, ushort mode)
    {
        using CString name = new(path, stackalloc byte[CString.Room]);
        return LibC.mkdirat(directory, name.Pointer, mode);
    }

    private static int linkat(int fromDirectory, string from, int toDirectory, string to, int flags)
    {
        using CString old = new(from, stackalloc byte[CString.Room]);
        using CString name = new(to, stackalloc byte[CString.Room]);
        return LibC.linkat(fromDirectory, old.Pointer, toDirectory, name.Pointer, flags);
    }

    private static int symlinkat(string target, int directory, string path)
    {
        using CString leadsTo = new(target, stackalloc byte[CString.Room]);
        using CString name = new(path, stackalloc byte[CString.Room]);
        return LibC.symlinkat(leadsTo.Pointer, directory, name.Pointer);
    }

    private static long readlinkat(int directory, string path, byte* buffer, int length)
    {
        using CString name = new(path, stackalloc byte[CString.Room]);
        return LibC.readlinkat(directory, name.Pointer, buffer, length);
    }

    /// <summary>A text as C has it: UTF-8, ended by NUL; in the caller's room on the stack if it is short.</summary>
    private ref struct CString
    {
        internal static int Room => Utf8StringMarshaller.ManagedToUnmanagedIn.BufferSize;

        private Utf8StringMarshaller.ManagedToUnmanagedIn _text;

        internal CString(string text, Span<byte> room) => _text.FromManaged(text, room);

        internal byte* Pointer => _text.ToUnmanaged();

        public void Dispose() => _text.Free();
    }
}
