namespace Twill.Linux.Routes;

/// <summary>Numbers of routing tables that the kernel knows, RT_TABLE_* of linux/rtnetlink.h.</summary>
public static class RouteTable
{
    /// <summary>RT_TABLE_MAIN: what <c>ip route</c> shows.</summary>
    public const uint Main = 254;

    /// <summary>RT_TABLE_LOCAL: the host's own addresses, kept by the kernel.</summary>
    public const uint Local = 255;
}
