using System.Runtime.InteropServices;

namespace Twill.System;

/// <summary>A call into the C library failed: which, on what, and the errno.</summary>
public sealed class LibcException : IOException
{
    /// <summary>A call that was about no file of its own.</summary>
    /// <param name="call">the call and its object, as in <c>socket(AF_NETLINK, protocol 0)</c></param>
    /// <param name="errno">the error number</param>
    public LibcException(string call, Errno errno)
        : base($"{call}: {ErrnoText.Of(errno)}") => Errno = errno;

    /// <summary>A call on a file or a standard stream: <c>open /run/twill/x: Permission denied (errno 13)</c>.</summary>
    /// <param name="call">the call, as in <c>open</c></param>
    /// <param name="path">the file, or what the stream is called</param>
    /// <param name="errno">the error number</param>
    public LibcException(string call, string path, Errno errno)
        : this($"{call} {path}", errno) => Path = path;

    /// <summary>The error number (include/uapi/asm-generic/errno.h).</summary>
    public Errno Errno { get; }

    /// <summary>The file that the call was about, or the name of a standard stream; null when it was about none.</summary>
    public string? Path { get; }

    internal static LibcException Last(string call) => new(call, (Errno)Marshal.GetLastPInvokeError());

    internal static LibcException Last(string call, string path) => new(call, path, (Errno)Marshal.GetLastPInvokeError());
}
