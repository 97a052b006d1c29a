using System.Globalization;

namespace Twill.System;

/// <summary>
/// Who takes over the children that outlive this process: process 1 of its PID namespace, or a subreaper between them. Where that does
/// not reap, each child stays as a zombie. A subreaper is not to be seen from here, but it is one in order to reap; so process 1 decides.
/// </summary>
internal static class OrphanReaper
{
    private const int Sigchld = 17,
        Sigurg = 23;

    private static bool? _isThere;

    /// <summary>Whether a child may outlive this process. Where that is not to be seen, it may not.</summary>
    internal static bool IsThere => _isThere ??= Find();

    /// <summary>Whether a process reaps whatever it inherits, by the masks of its <c>/proc/PID/status</c>.</summary>
    /// <remarks>
    /// SIGCHLD ignored: the kernel reaps. Blocked: it is read with signalfd or sigwait, as systemd, tini, catatonit and dumb-init do.
    /// Caught, as by shells, sysvinit and s6: a handler reaps. A Go program catches every signal, SIGURG as well, and waits for its own
    /// children only.
    /// </remarks>
    internal static bool Reaps(string status) =>
        Has(status, "SigIgn:", Sigchld)
        || Has(status, "SigBlk:", Sigchld)
        || (Has(status, "SigCgt:", Sigchld) && !Has(status, "SigCgt:", Sigurg));

    private static bool Find()
    {
        try
        {
            // Where /proc is that of another PID namespace, its process 1 is not ours.
            return new FileInfo("/proc/self").LinkTarget == Environment.ProcessId.ToString(CultureInfo.InvariantCulture)
                && Reaps(TextFile.ReadAll("/proc/1/status"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static bool Has(string status, string field, int signal)
    {
        int at = status.IndexOf('\n' + field, StringComparison.Ordinal);
        if (at < 0)
        {
            return false;
        }

        ReadOnlySpan<char> mask = status.AsSpan(at + 1 + field.Length);
        int end = mask.IndexOf('\n');
        ReadOnlySpan<char> digits = (end < 0 ? mask : mask[..end]).Trim();
        return ulong.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong bits)
            && (bits >> (signal - 1) & 1) != 0;
    }
}
