namespace Twill.Linux.Routes;

/// <summary>How far away a destination is, or where an address is valid: rt_scope_t of linux/rtnetlink.h.</summary>
public enum RouteScope : byte
{
    /// <summary>RT_SCOPE_UNIVERSE ("global"): anywhere.</summary>
    Universe = 0,

    /// <summary>RT_SCOPE_SITE: inside this site.</summary>
    Site = 200,

    /// <summary>RT_SCOPE_LINK: on the directly attached network.</summary>
    Link = 253,

    /// <summary>RT_SCOPE_HOST: on this host.</summary>
    Host = 254,

    /// <summary>RT_SCOPE_NOWHERE; when a route is deleted: whichever scope it has.</summary>
    Nowhere = 255,
}
