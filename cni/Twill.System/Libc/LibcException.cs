using System.Runtime.InteropServices;

namespace Twill.System;

/// <summary>A system call failed: which, on what, and the errno.</summary>
/// <param name="what">the call and its object, as in <c>open /run/twill/x</c></param>
/// <param name="errno">the error number</param>
public sealed class LibcException(string what, int errno) : IOException($"{what}: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})")
{
    /// <summary>The error number (include/uapi/asm-generic/errno.h).</summary>
    public int Errno { get; } = errno;

    internal static LibcException Last(string what) => new(what, Marshal.GetLastPInvokeError());
}
