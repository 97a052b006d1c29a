using System.Runtime.InteropServices;
using Twill.Cni;

namespace Twill.Plugin.Cli;

/// <summary>Who asks: a person at a terminal, and whether it is root.</summary>
internal static partial class Terminal
{
    /// <summary>On a terminal that knows colours, unless NO_COLOR says otherwise (no-color.org).</summary>
    public static bool TakesColours(ICniProcess process) =>
        process.Environment.GetValueOrDefault("NO_COLOR", "").Length == 0
        && process.Environment.GetValueOrDefault("TERM", "") is not ("" or "dumb")
        && isatty(1) == 1;

    /// <summary>Not by Environment.IsPrivilegedProcess: in a static program that drags in the user database.</summary>
    public static bool IsRoot => geteuid() == 0;

    [LibraryImport("libc")]
    private static partial int isatty(int fd);

    [LibraryImport("libc")]
    private static partial uint geteuid();
}
