namespace Twill.System;

/// <summary>Error numbers of the kernel (asm-generic/errno-base.h, errno.h) under their C names. Others appear as plain numbers.</summary>
public enum Errno
{
    /// <summary>No error.</summary>
    None = 0,

    /// <summary>Operation not permitted: usually CAP_NET_ADMIN is missing.</summary>
    EPERM = 1,

    /// <summary>No such file, device node, nf_tables object, or route table.</summary>
    ENOENT = 2,

    /// <summary>No such process; of a route or rule: it does not exist.</summary>
    ESRCH = 3,

    /// <summary>A signal arrived before the call began.</summary>
    EINTR = 4,

    /// <summary>Input/output error.</summary>
    EIO = 5,

    /// <summary>No such device or address.</summary>
    ENXIO = 6,

    /// <summary>Bad file descriptor.</summary>
    EBADF = 9,

    /// <summary>Nothing there yet: try again.</summary>
    EAGAIN = 11,

    /// <summary>Out of memory.</summary>
    ENOMEM = 12,

    /// <summary>Permission denied.</summary>
    EACCES = 13,

    /// <summary>Device or resource busy.</summary>
    EBUSY = 16,

    /// <summary>It exists already.</summary>
    EEXIST = 17,

    /// <summary>No such device.</summary>
    ENODEV = 19,

    /// <summary>Not a directory.</summary>
    ENOTDIR = 20,

    /// <summary>Is a directory.</summary>
    EISDIR = 21,

    /// <summary>Invalid argument.</summary>
    EINVAL = 22,

    /// <summary>Too many open files on this host.</summary>
    ENFILE = 23,

    /// <summary>Too many open files in this process.</summary>
    EMFILE = 24,

    /// <summary>Inappropriate ioctl: the file is of another kind.</summary>
    ENOTTY = 25,

    /// <summary>Text file busy: a program's file is still being written.</summary>
    ETXTBSY = 26,

    /// <summary>No space left; of a bridge or an interval set: no room.</summary>
    ENOSPC = 28,

    /// <summary>Read-only file system.</summary>
    EROFS = 30,

    /// <summary>Number out of range; of an attribute: too long.</summary>
    ERANGE = 34,

    /// <summary>Name too long.</summary>
    ENAMETOOLONG = 36,

    /// <summary>Too many levels of nesting or of symbolic links.</summary>
    ELOOP = 40,

    /// <summary>Exchange full: of a bridge, all its 1,023 ports are taken.</summary>
    EXFULL = 54,

    /// <summary>No data available.</summary>
    ENODATA = 61,

    /// <summary>Interrupted, to be done again; of an nf_tables transaction: the rules are of another generation than it was made
    /// for.</summary>
    ERESTART = 85,

    /// <summary>Message too long.</summary>
    EMSGSIZE = 90,

    /// <summary>Protocol not supported: of netlink, the family is not built in.</summary>
    EPROTONOSUPPORT = 93,

    /// <summary>Not supported by this device or kernel.</summary>
    EOPNOTSUPP = 95,

    /// <summary>Address family not supported: of IPv6, it is not built in or disabled.</summary>
    EAFNOSUPPORT = 97,

    /// <summary>Address in use; of vxlan: another device has this VNI and port.</summary>
    EADDRINUSE = 98,

    /// <summary>No such address on the interface.</summary>
    EADDRNOTAVAIL = 99,

    /// <summary>The network is down.</summary>
    ENETDOWN = 100,

    /// <summary>The network is unreachable; of a route: its gateway is.</summary>
    ENETUNREACH = 101,

    /// <summary>The receive buffer overflowed: messages were lost.</summary>
    ENOBUFS = 105,

    /// <summary>Not connected; of a link in creation: not yet registered.</summary>
    ENOTCONN = 107,

    /// <summary>No answer in time.</summary>
    ETIMEDOUT = 110,

    /// <summary>Connection refused: nobody listens.</summary>
    ECONNREFUSED = 111,

    /// <summary>No route to host.</summary>
    EHOSTUNREACH = 113,
}
