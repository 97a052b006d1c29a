namespace Twill.System;

/// <summary>Time that nobody can set and that goes on while the machine sleeps; comparable only within one boot.</summary>
public static class BootClock
{
    private static string? _bootId;

    /// <summary>Seconds since boot (CLOCK_BOOTTIME).</summary>
    public static double Now => Libc.BootSeconds();

    /// <summary>The kernel's random id of this boot.</summary>
    public static string BootId => _bootId ??= File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
}
