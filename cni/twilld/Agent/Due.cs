namespace Twill.Agent;

/// <summary>What the next round is to look at.</summary>
[Flags]
internal enum Due
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Forwarding, bridge and firewall.</summary>
    Host = 1,

    /// <summary>All there is.</summary>
    Everything = 2,

    /// <summary>What has been heard of FDB entries: whether somebody else changed them.</summary>
    Heard = 4,

    /// <summary>Other hosts that changed: at once, while the rest may settle first.</summary>
    Peers = 8,
}
