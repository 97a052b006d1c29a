using Twill.System;

namespace Twill.Ipam;

/// <summary>The boot we are in and the seconds since it began; replaced in tests that reboot or let a lease run out.</summary>
internal interface IBootClock
{
    /// <summary>The kernel's random id of this boot.</summary>
    string BootId { get; }

    /// <summary>Seconds on CLOCK_BOOTTIME.</summary>
    double Now { get; }
}

/// <summary>The machine's own.</summary>
internal sealed class SystemBootClock : IBootClock
{
    public string BootId => BootClock.BootId;

    public double Now => BootClock.Now;
}
