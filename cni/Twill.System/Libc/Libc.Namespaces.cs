using Microsoft.Win32.SafeHandles;
using static Tmds.Linux.LibC;

namespace Twill.System;

internal static unsafe partial class Libc
{
    private const int NS_GET_NSTYPE = 0xb703; // linux/nsfs.h

    /// <summary>Moves the calling thread into a network namespace.</summary>
    internal static void SetNs(SafeFileHandle ns)
    {
        using Descriptor fd = new(ns);
        if (setns(fd.Number, CLONE_NEWNET) != 0)
        {
            throw LibcException.Last("setns(CLONE_NEWNET)");
        }
    }

    /// <summary>The kind of namespace a descriptor stands for, CLONE_NEW*.</summary>
    /// <returns>-1 when it stands for none.</returns>
    internal static int NamespaceType(SafeFileHandle file)
    {
        using Descriptor fd = new(file);
        int type = ioctl(fd.Number, NS_GET_NSTYPE);
        if (type >= 0)
        {
            return type;
        }

        Errno errno = LastError;
        return errno is Errno.ENOTTY or Errno.EINVAL or Errno.EOPNOTSUPP ? -1 : throw new LibcException("ioctl(NS_GET_NSTYPE)", errno);
    }
}
