namespace Twill.System;

/// <summary>Time that nobody can set and that goes on while the machine sleeps; comparable only within one boot.</summary>
public static class BootClock
{
    private static string? _bootId;

    /// <summary>Seconds since boot (CLOCK_BOOTTIME).</summary>
    public static double Now => Libc.BootSeconds();

    /// <summary>Whether a file was last written before this boot, by the time of day; false when there is no such file.</summary>
    public static bool IsBeforeBoot(string path) =>
        Libc.TryWriteTime(path) is { } written && written < (DateTime.UtcNow - DateTime.UnixEpoch).TotalSeconds - Now;

    /// <summary>The kernel's random id of this boot.</summary>
    public static string BootId => _bootId ??= TextFile.ReadAll("/proc/sys/kernel/random/boot_id").Trim();
}
