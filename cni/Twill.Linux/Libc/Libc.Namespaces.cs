using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Twill.Linux;

internal static unsafe partial class Libc
{
    internal const int CLONE_NEWNET = 0x40000000;
    private const nuint NS_GET_NSTYPE = 0xb703; // linux/nsfs.h

    /// <summary>Moves the calling thread into a network namespace.</summary>
    internal static void SetNs(SafeFileHandle ns)
    {
        if (setns(ns, CLONE_NEWNET) != 0)
        {
            throw LibcException.Last("setns(CLONE_NEWNET)");
        }
    }

    /// <summary>The kind of namespace a descriptor stands for, CLONE_NEW*.</summary>
    /// <returns>-1 when it stands for none.</returns>
    internal static int NamespaceType(SafeFileHandle fd)
    {
        int type = ioctl(fd, NS_GET_NSTYPE);
        if (type >= 0)
        {
            return type;
        }

        Errno errno = (Errno)Marshal.GetLastPInvokeError();
        return errno is Errno.ENOTTY or Errno.EINVAL or Errno.EOPNOTSUPP ? -1 : throw new LibcException("ioctl(NS_GET_NSTYPE)", errno);
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setns(SafeFileHandle fd, int type);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ioctl(SafeFileHandle fd, nuint request);
}
