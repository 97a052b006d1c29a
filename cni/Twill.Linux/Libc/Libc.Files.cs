using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Twill.Linux;

internal static unsafe partial class Libc
{
    internal const int O_RDONLY = 0;
    internal const int O_WRONLY = 1;
    internal const int O_NONBLOCK = 0x800;
    private const int O_CLOEXEC = 0x80000;
    private const int AT_EMPTY_PATH = 0x1000;
    private const uint STATX_INO = 0x100;

    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Statx // struct statx, the same on every architecture
    {
        [FieldOffset(0x20)]
        internal ulong Inode; // stx_ino

        [FieldOffset(0x88)]
        internal uint DeviceMajor; // stx_dev_major

        [FieldOffset(0x8c)]
        internal uint DeviceMinor; // stx_dev_minor
    }

    internal static SafeFileHandle Open(string path, int flags)
    {
        SafeFileHandle fd = open(path, flags | O_CLOEXEC, 0);
        if (!fd.IsInvalid)
        {
            return fd;
        }

        var failure = LibcException.Last($"open {path}");
        fd.Dispose();
        throw failure;
    }

    /// <returns>The number of bytes read, 0 at the end.</returns>
    internal static int Read(SafeFileHandle fd, Span<byte> buffer, string path)
    {
        fixed (byte* bytes = buffer)
        {
            while (true)
            {
                nint length = read(fd, bytes, (nuint)buffer.Length);
                if (length >= 0)
                {
                    return (int)length;
                }

                if (Marshal.GetLastPInvokeError() != (int)Errno.EINTR)
                {
                    throw LibcException.Last($"read {path}");
                }
            }
        }
    }

    /// <summary>Writes all bytes in one call, as files under /proc want it.</summary>
    internal static void Write(SafeFileHandle fd, ReadOnlySpan<byte> value, string path)
    {
        fixed (byte* bytes = value)
        {
            nint length;
            while ((length = write(fd, bytes, (nuint)value.Length)) < 0)
            {
                if (Marshal.GetLastPInvokeError() != (int)Errno.EINTR)
                {
                    throw LibcException.Last($"write {path}");
                }
            }
            if (length != value.Length)
            {
                throw new IOException($"write {path}: only {length} of {value.Length} bytes were taken");
            }
        }
    }

    /// <summary>What identifies the file behind a descriptor.</summary>
    internal static (ulong Device, ulong Inode) Identity(SafeFileHandle fd)
    {
        Statx stat = default;
        if (statx(fd, "", AT_EMPTY_PATH, STATX_INO, &stat) != 0)
        {
            throw LibcException.Last("statx");
        }

        return (MakeDevice(stat.DeviceMajor, stat.DeviceMinor), stat.Inode);
    }

    // The number that stat(2) calls st_dev, as glibc's makedev composes it.
    private static ulong MakeDevice(ulong major, ulong minor) =>
        (major & 0xfffff000) << 32 | (major & 0xfff) << 8 | (minor & 0xffffff00) << 12 | minor & 0xff;

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle open(string path, int flags, uint mode);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint read(SafeFileHandle fd, byte* bytes, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint write(SafeFileHandle fd, byte* bytes, nuint length);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(SafeFileHandle directory, string path, int flags, uint mask, Statx* stat);
}
