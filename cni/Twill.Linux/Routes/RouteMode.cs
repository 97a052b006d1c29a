namespace Twill.Linux.Routes;

/// <summary>What becomes of a route to the same destination, with the same metric, in the same table.</summary>
public enum RouteMode
{
    /// <summary><c>ip route add</c>: EEXIST.</summary>
    Add,

    /// <summary><c>ip route replace</c>: it is replaced, without a moment in which there is none.</summary>
    Replace,

    /// <summary><c>ip route append</c>: it stays, the new one comes behind it.</summary>
    Append,

    /// <summary><c>ip route prepend</c>: it stays, the new one comes before it and is the one taken. EEXIST when they are the same in
    /// all.</summary>
    Prepend,
}
