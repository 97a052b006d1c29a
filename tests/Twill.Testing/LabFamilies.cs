namespace Twill.Testing;

/// <summary>The address families of a <see cref="Lab"/>'s underlay.</summary>
[Flags]
public enum LabFamilies
{
    /// <summary>192.168.50.0/24.</summary>
    IPv4 = 1,

    /// <summary>fd00:50::/64.</summary>
    IPv6 = 2,

    /// <summary>Each machine has an address of both.</summary>
    Both = IPv4 | IPv6,
}
