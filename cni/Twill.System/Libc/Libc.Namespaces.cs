using Microsoft.Win32.SafeHandles;
using Tmds.Linux;
using static Tmds.Linux.LibC;

namespace Twill.System;

internal static unsafe partial class Libc
{
    private const int NS_GET_NSTYPE = 0xb703, // linux/nsfs.h
        NS_GET_ID = unchecked((int)0x8008b70d); // linux/nsfs.h, since Linux 6.18
    private const int SO_NETNS_COOKIE = 71; // asm-generic/socket.h, since Linux 5.14

    /// <summary>Moves the calling thread into a network namespace.</summary>
    internal static void SetNs(SafeFileHandle ns)
    {
        using Descriptor fd = new(ns);
        if (setns(fd.Number, CLONE_NEWNET) != 0)
        {
            throw LibcException.Last("setns(CLONE_NEWNET)");
        }
    }

    /// <summary>Moves the calling thread into a network namespace of its own, which is new.</summary>
    internal static void UnshareNetwork()
    {
        if (unshare(CLONE_NEWNET) != 0)
        {
            throw LibcException.Last("unshare(CLONE_NEWNET)");
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

    /// <summary>
    /// The number of a network namespace that no other one of this boot ever has (SO_NETNS_COOKIE). Where the kernel does not tell it of a
    /// descriptor, the calling thread goes into the namespace for a moment.
    /// </summary>
    /// <returns>null when the kernel has none, or does not let us in</returns>
    internal static ulong? TryNetnsCookie(SafeFileHandle ns)
    {
        using Descriptor fd = new(ns);
        ulong cookie = 0;
        if (ioctl(fd.Number, NS_GET_ID, &cookie) == 0)
        {
            return cookie;
        }

        using SafeFileHandle own = Open("/proc/thread-self/ns/net", O_RDONLY);
        using Descriptor ownFd = new(own);
        if (setns(fd.Number, CLONE_NEWNET) != 0)
        {
            return null;
        }

        int inside = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (setns(ownFd.Number, CLONE_NEWNET) != 0)
        {
            // Who cannot go back must not go on: whatever came next would be done to the wrong namespace.
            Environment.FailFast("cannot return to the thread's own network namespace", LibcException.Last("setns(CLONE_NEWNET)"));
        }

        if (inside < 0)
        {
            return null;
        }

        using SafeFileHandle opened = new(inside, ownsHandle: true);
        socklen_t length = sizeof(ulong);
        return getsockopt(inside, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &length) == 0 ? cookie : null;
    }
}
