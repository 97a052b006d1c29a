using System.Runtime.InteropServices;

namespace Twill.Linux;

/// <summary>A call into the C library failed.</summary>
/// <param name="call">The call and what it was about, e.g. <c>open /run/netns/a</c>.</param>
/// <param name="errno">The error number the call left.</param>
public sealed class LibcException(string call, Errno errno) : IOException($"{call}: {ErrnoText.Of(errno)}")
{
    /// <summary>The error number the call left.</summary>
    public Errno Errno => errno;

    internal static LibcException Last(string call) => new(call, (Errno)Marshal.GetLastPInvokeError());
}
