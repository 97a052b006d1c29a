using Microsoft.Win32.SafeHandles;

namespace Twill.Linux.Tests;

internal static class Fd
{
    /// <summary>A descriptor by its number, which is written into requests and never used.</summary>
    internal static SafeFileHandle Number(int fd) => new(fd, ownsHandle: false);
}
