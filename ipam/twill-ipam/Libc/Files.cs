using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Twill.Ipam.Libc;

/// <summary>
/// The file system calls of the address store, relative to a directory that is already open: one system call each, where the
/// framework's <see cref="FileStream"/> makes several and knows no link(2). Every failure is an <see cref="IOException"/> that
/// names call, file and the kernel's reason; the errno a caller expects comes back as <c>false</c> or null.
/// </summary>
internal static partial class Files
{
    private const int AtFdCwd = -100;
    private const int ENOENT = 2,
        EINTR = 4,
        ENXIO = 6,
        EEXIST = 17,
        EISDIR = 21,
        EINVAL = 22,
        ELOOP = 40;
    private const int O_WRONLY = 0x1,
        O_CREAT = 0x40,
        O_EXCL = 0x80,
        O_TRUNC = 0x200,
        O_NONBLOCK = 0x800,
        O_CLOEXEC = 0x80000;
    private const int StatxIno = 0x100;

    // fcntl.h: the two whose value depends on the processor
    private static readonly int O_DIRECTORY = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x4000 : 0x10000;
    private static readonly int O_NOFOLLOW = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x8000 : 0x20000;

    /// <summary>Opens a directory, null when there is none.</summary>
    public static SafeFileHandle? OpenDirectory(string path)
    {
        using var here = new SafeFileHandle(AtFdCwd, ownsHandle: false);
        SafeFileHandle directory = Open(here, path, O_DIRECTORY, 0, out int errno);
        return errno switch
        {
            0 => directory,
            ENOENT => null,
            _ => throw Failed("open", null, path, errno),
        };
    }

    /// <summary>
    /// Reads a small file whole. -1 when it does not exist; the buffer's length when it is as large or larger; 0 when it is
    /// empty or something other than a file (a directory, a pipe, a symbolic link).
    /// </summary>
    public static int Read(SafeFileHandle directory, string name, Span<byte> buffer)
    {
        using SafeFileHandle file = Open(directory, name, O_NOFOLLOW | O_NONBLOCK, 0, out int errno);
        if (errno != 0)
        {
            return errno switch
            {
                ENOENT => -1,
                ELOOP or ENXIO => 0,
                _ => throw Failed("open", directory, name, errno),
            };
        }

        int length = 0;
        while (length < buffer.Length)
        {
            nint got = read(file, ref MemoryMarshal.GetReference(buffer[length..]), (nuint)(buffer.Length - length));
            if (got > 0)
            {
                length += (int)got;
            }
            else if (got == 0 || Marshal.GetLastPInvokeError() == EISDIR)
            {
                break;
            }
            else if (Marshal.GetLastPInvokeError() != EINTR)
            {
                throw Failed("read", directory, name, Marshal.GetLastPInvokeError());
            }
        }
        return length;
    }

    /// <summary>Makes a file with this content; one that exists is an error.</summary>
    public static void WriteNew(SafeFileHandle directory, string name, ReadOnlySpan<byte> content)
    {
        using SafeFileHandle file = Open(
            directory,
            name,
            O_WRONLY | O_CREAT | O_EXCL,
            0x180 /* 0600 */
            ,
            out int errno
        );
        if (errno != 0)
        {
            throw Failed("open", directory, name, errno);
        }

        Write(file, directory, name, content);
    }

    /// <summary>
    /// Makes the file's content this, with no promise about what a crash in between leaves. What is no file (a symbolic link, which
    /// is not followed, or a FIFO) makes way for one; a directory does not.
    /// </summary>
    public static void Overwrite(SafeFileHandle directory, string name, ReadOnlySpan<byte> content)
    {
        using (
            SafeFileHandle file = Open(
                directory,
                name,
                O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK,
                0x180 /* 0600 */
                ,
                out int errno
            )
        )
        {
            if (errno is not (0 or ELOOP or ENXIO))
            {
                throw Failed("open", directory, name, errno);
            }

            if (errno == 0)
            {
                Write(file, directory, name, content);
                return;
            }
        }
        TryUnlink(directory, name);
        WriteNew(directory, name, content);
    }

    /// <summary>Gives a file a second name, at once and only if that name is free: false when it is taken.</summary>
    public static bool TryLink(SafeFileHandle directory, string from, string to) =>
        Done(linkat(directory, from, directory, to, 0), "link", directory, to, EEXIST);

    /// <summary>Makes a symbolic link: false when the name is taken.</summary>
    public static bool TrySymlink(SafeFileHandle directory, string target, string name) =>
        Done(symlinkat(target, directory, name), "symlink", directory, name, EEXIST);

    /// <summary>Makes a directory (0700) where there is none.</summary>
    public static void MakeDirectory(SafeFileHandle directory, string name) =>
        Done(
            mkdirat(
                directory,
                name,
                0x1c0 /* 0700 */
            ),
            "mkdir",
            directory,
            name,
            EEXIST
        );

    /// <summary>Removes a name: false when it was not there.</summary>
    public static bool TryUnlink(SafeFileHandle directory, string name) =>
        Done(unlinkat(directory, name, 0), "unlink", directory, name, ENOENT);

    /// <summary>Whether a name is taken, by whatever.</summary>
    public static bool Exists(SafeFileHandle directory, string name)
    {
        Span<byte> status = stackalloc byte[StatxSize];
        const int AtSymlinkNofollow = 0x100;
        return Done(statx(directory, name, AtSymlinkNofollow, 0, ref MemoryMarshal.GetReference(status)), "statx", directory, name, ENOENT);
    }

    /// <summary>What a symbolic link points to; -1 when there is none of this name or it is no symbolic link.</summary>
    public static int ReadLink(SafeFileHandle directory, string name, Span<byte> buffer)
    {
        nint length = readlinkat(directory, name, ref MemoryMarshal.GetReference(buffer), (nuint)buffer.Length);
        if (length >= 0)
        {
            return (int)length;
        }

        int errno = Marshal.GetLastPInvokeError();
        return errno is ENOENT or EINVAL ? -1 : throw Failed("readlink", directory, name, errno);
    }

    /// <summary>Device and inode of what a path leads to, symbolic links followed: false when it leads nowhere.</summary>
    public static bool TryStat(string path, out ulong device, out ulong inode)
    {
        Span<byte> status = stackalloc byte[StatxSize];
        using var here = new SafeFileHandle(AtFdCwd, ownsHandle: false);
        bool found = statx(here, path, 0, StatxIno, ref MemoryMarshal.GetReference(status)) == 0;
        inode = found ? MemoryMarshal.Read<ulong>(status[0x20..]) : 0; // stx_ino
        uint major = found ? MemoryMarshal.Read<uint>(status[0x88..]) : 0; // stx_dev_major
        uint minor = found ? MemoryMarshal.Read<uint>(status[0x8c..]) : 0; // stx_dev_minor
        // makedev(3)
        device = ((major & 0xfffff000UL) << 32) | ((major & 0xfffUL) << 8) | ((minor & 0xffffff00UL) << 12) | (minor & 0xffUL);
        return found;
    }

    private const int StatxSize = 256; // struct statx, linux/stat.h: the same on every processor

    private static void Write(SafeFileHandle file, SafeFileHandle directory, string name, ReadOnlySpan<byte> content)
    {
        while (!content.IsEmpty)
        {
            nint put = write(file, in MemoryMarshal.GetReference(content), (nuint)content.Length);
            if (put >= 0)
            {
                content = content[(int)put..];
            }
            else if (Marshal.GetLastPInvokeError() != EINTR)
            {
                throw Failed("write", directory, name, Marshal.GetLastPInvokeError());
            }
        }
    }

    private static SafeFileHandle Open(SafeFileHandle directory, string name, int flags, uint mode, out int errno)
    {
        SafeFileHandle file = openat(directory, name, flags | O_CLOEXEC, mode);
        errno = file.IsInvalid ? Marshal.GetLastPInvokeError() : 0;
        return file;
    }

    private static bool Done(int result, string call, SafeFileHandle directory, string name, int tolerated)
    {
        if (result == 0)
        {
            return true;
        }

        int errno = Marshal.GetLastPInvokeError();
        return errno == tolerated ? false : throw Failed(call, directory, name, errno);
    }

    /// <summary>Told with the whole path: the kernel knows where the directory is that was opened.</summary>
    private static IOException Failed(string call, SafeFileHandle? directory, string name, int errno)
    {
        FileSystemInfo? opened = directory is null
            ? null
            : File.ResolveLinkTarget($"/proc/self/fd/{directory.DangerousGetHandle()}", returnFinalTarget: false);
        return new(
            $"{call} {(opened is null ? "" : $"{opened.FullName}/")}{name}: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})"
        );
    }

    private const string Library = "libc";

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle openat(SafeFileHandle directory, string name, int flags, uint mode);

    [LibraryImport(Library, SetLastError = true)]
    private static partial nint read(SafeFileHandle file, ref byte buffer, nuint length);

    [LibraryImport(Library, SetLastError = true)]
    private static partial nint write(SafeFileHandle file, ref readonly byte buffer, nuint length);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int linkat(SafeFileHandle fromDirectory, string from, SafeFileHandle toDirectory, string to, int flags);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int symlinkat(string target, SafeFileHandle directory, string name);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint readlinkat(SafeFileHandle directory, string name, ref byte buffer, nuint length);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int unlinkat(SafeFileHandle directory, string name, int flags);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int mkdirat(SafeFileHandle directory, string name, uint mode);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(SafeFileHandle directory, string name, int flags, uint mask, ref byte status);
}
