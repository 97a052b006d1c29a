using System.Globalization;

namespace Twill.Agent;

/// <summary>systemd's journal as the reader of standard error.</summary>
internal static class Journal
{
    private const string StandardError = "/proc/self/fd/2";

    /// <summary>
    /// Whether standard error goes to the journal: <c>JOURNAL_STREAM</c> names device and inode of the socket that systemd connected
    /// (systemd.exec(5)). A program that redirects its output inherits the variable, but has another file there.
    /// </summary>
    /// <param name="stream">The variable; null when it is not set.</param>
    /// <param name="link">What standard error is, as a link in /proc.</param>
    internal static bool IsStandardError(string? stream, string link = StandardError) =>
        stream?.Split(':') is [_, var inode]
        && long.TryParse(inode, NumberStyles.None, CultureInfo.InvariantCulture, out _)
        && new FileInfo(link).LinkTarget == $"socket:[{inode}]";

    /// <summary>What the journal reads a line's level from (sd-daemon(3), SD_ERR and its like): the numbers are syslog's.</summary>
    internal static string Prefix(LogLevel level) =>
        level switch
        {
            LogLevel.Debug => "<7>",
            LogLevel.Info => "<6>",
            LogLevel.Warning => "<4>",
            LogLevel.Error => "<3>",
            _ => "<2>",
        };
}
