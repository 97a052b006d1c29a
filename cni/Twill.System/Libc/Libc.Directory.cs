using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Twill.System;

/// <summary>
/// Files relative to a directory that is already open: one system call each, where the framework's <see cref="FileStream"/> makes several
/// and knows no link(2). Every failure names call, file and the kernel's reason; the errno a caller expects comes back as <c>false</c> or
/// null.
/// </summary>
internal static unsafe partial class Libc
{
    /// <summary>Opens a directory, null when there is none.</summary>
    internal static SafeFileHandle? TryOpenDirectory(string path)
    {
        int fd = openat(AT_FDCWD, path, O_DIRECTORY | O_CLOEXEC, 0);
        if (fd >= 0)
        {
            return new SafeFileHandle(fd, ownsHandle: true);
        }

        return LastError == Errno.ENOENT ? null : throw LibcException.Last("open", path);
    }

    /// <summary>
    /// Reads a small file whole. -1 when it does not exist; the buffer's length when it is as large or larger; 0 when it is
    /// empty or something other than a file (a directory, a pipe, a symbolic link).
    /// </summary>
    internal static int ReadAt(SafeFileHandle directory, string name, Span<byte> buffer)
    {
        using SafeFileHandle? file = TryOpenAt(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, out Errno error);
        if (file is null)
        {
            return error switch
            {
                Errno.ENOENT => -1,
                Errno.ELOOP or Errno.ENXIO => 0,
                _ => throw FailedAt("open", directory, name, error),
            };
        }

        using Descriptor fd = new(file);
        int length = 0;
        while (length < buffer.Length)
        {
            long got;
            fixed (byte* rest = buffer[length..])
            {
                got = read(fd.Number, rest, buffer.Length - length);
            }

            if (got > 0)
            {
                length += (int)got;
            }
            else if (got == 0 || LastError == Errno.EISDIR)
            {
                break;
            }
            else if (LastError != Errno.EINTR)
            {
                throw FailedAt("read", directory, name, LastError);
            }
        }
        return length;
    }

    /// <summary>Makes a file with this content; one that exists is an error.</summary>
    internal static void WriteNewAt(SafeFileHandle directory, string name, ReadOnlySpan<byte> content)
    {
        using SafeFileHandle file = TryOpenAt(directory, name, O_WRONLY | O_CREAT | O_EXCL, out Errno error)
            ?? throw FailedAt("open", directory, name, error);
        WriteAllAt(file, directory, name, content);
    }

    /// <summary>
    /// Makes the file's content this, with no promise about what a crash in between leaves. What is no file (a symbolic link, which
    /// is not followed, or a FIFO) makes way for one; a directory does not.
    /// </summary>
    internal static void OverwriteAt(SafeFileHandle directory, string name, ReadOnlySpan<byte> content)
    {
        int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK;
        using (SafeFileHandle? file = TryOpenAt(directory, name, flags | O_NOFOLLOW, out Errno error))
        {
            if (file is not null)
            {
                WriteAllAt(file, directory, name, content);
                return;
            }

            if (error is not (Errno.ELOOP or Errno.ENXIO))
            {
                throw FailedAt("open", directory, name, error);
            }
        }
        TryUnlinkAt(directory, name);
        WriteNewAt(directory, name, content);
    }

    /// <summary>Gives a file a second name, at once and only if that name is free: false when it is taken.</summary>
    internal static bool TryLinkAt(SafeFileHandle directory, string from, string to)
    {
        using Descriptor fd = new(directory);
        return IsDone(linkat(fd.Number, from, fd.Number, to, 0), "link", directory, to, Errno.EEXIST);
    }

    /// <summary>Makes a symbolic link: false when the name is taken.</summary>
    internal static bool TrySymlinkAt(SafeFileHandle directory, string target, string name)
    {
        using Descriptor fd = new(directory);
        return IsDone(symlinkat(target, fd.Number, name), "symlink", directory, name, Errno.EEXIST);
    }

    /// <summary>Makes a directory (0700) where there is none.</summary>
    internal static void MakeDirectoryAt(SafeFileHandle directory, string name)
    {
        using Descriptor fd = new(directory);
        IsDone(mkdirat(fd.Number, name, OwnerAll), "mkdir", directory, name, Errno.EEXIST);
    }

    /// <summary>Removes a name: false when it was not there.</summary>
    internal static bool TryUnlinkAt(SafeFileHandle directory, string name)
    {
        using Descriptor fd = new(directory);
        return IsDone(unlinkat(fd.Number, name, 0), "unlink", directory, name, Errno.ENOENT);
    }

    /// <summary>Whether a name is taken, by whatever.</summary>
    internal static bool ExistsAt(SafeFileHandle directory, string name)
    {
        using Descriptor fd = new(directory);
        statx status;
        return IsDone(statx(fd.Number, name, AT_SYMLINK_NOFOLLOW, 0, &status), "statx", directory, name, Errno.ENOENT);
    }

    /// <summary>What a symbolic link points to; -1 when there is none of this name or it is no symbolic link.</summary>
    internal static int ReadLinkAt(SafeFileHandle directory, string name, Span<byte> target)
    {
        using Descriptor fd = new(directory);
        fixed (byte* first = target)
        {
            long length = readlinkat(fd.Number, name, first, target.Length);
            if (length >= 0)
            {
                return (int)length;
            }

            return LastError is Errno.ENOENT or Errno.EINVAL ? -1 : throw FailedAt("readlink", directory, name, LastError);
        }
    }

    private static void WriteAllAt(SafeFileHandle file, SafeFileHandle directory, string name, ReadOnlySpan<byte> content)
    {
        using Descriptor fd = new(file);
        while (!content.IsEmpty)
        {
            fixed (byte* first = content)
            {
                long count = write(fd.Number, first, content.Length);
                if (count >= 0)
                {
                    content = content[(int)count..];
                }
                else if (LastError != Errno.EINTR)
                {
                    throw FailedAt("write", directory, name, LastError);
                }
            }
        }
    }

    // A file that is made has the mode 0600.
    private static SafeFileHandle? TryOpenAt(SafeFileHandle directory, string name, int flags, out Errno error)
    {
        using Descriptor at = new(directory);
        int fd = openat(at.Number, name, flags | O_CLOEXEC, OwnerReadWrite);
        error = fd < 0 ? LastError : Errno.None;
        return fd < 0 ? null : new SafeFileHandle(fd, ownsHandle: true);
    }

    private static bool IsDone(int result, string call, SafeFileHandle directory, string name, Errno expected)
    {
        if (result == 0)
        {
            return true;
        }

        Errno error = LastError;
        return error == expected ? false : throw FailedAt(call, directory, name, error);
    }

    // Told with the whole path: the kernel knows where the directory is that was opened.
    private static LibcException FailedAt(string call, SafeFileHandle directory, string name, Errno error)
    {
        FileSystemInfo? opened = File.ResolveLinkTarget($"/proc/self/fd/{directory.DangerousGetHandle()}", returnFinalTarget: false);
        return new LibcException(call, $"{(opened is null ? "" : $"{opened.FullName}/")}{name}", error);
    }
}
