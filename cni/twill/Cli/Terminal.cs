using Twill.Cni;
using Twill.System;

namespace Twill.Plugin.Cli;

/// <summary>Who asks: a person at a terminal, and whether it is root.</summary>
internal static class Terminal
{
    /// <summary>On a terminal that knows colours, unless NO_COLOR says otherwise (no-color.org).</summary>
    public static bool TakesColours(ICniProcess process) =>
        process.Environment.GetValueOrDefault("NO_COLOR", "").Length == 0
        && process.Environment.GetValueOrDefault("TERM", "") is not ("" or "dumb")
        && Libc.IsTerminal(1);

    /// <summary>Not by Environment.IsPrivilegedProcess: in a static program that drags in the user database.</summary>
    public static bool IsRoot => Libc.IsRoot;
}
