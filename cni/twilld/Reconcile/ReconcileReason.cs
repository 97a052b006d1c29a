namespace Twill.Agent;

/// <summary>Why the reconcile loop has work to do.</summary>
[Flags]
internal enum ReconcileReason
{
    /// <summary>No reason.</summary>
    None = 0,

    /// <summary>Forwarding, the bridge, its ports or the firewall may have changed.</summary>
    Host = 1,

    /// <summary>Anything may have changed.</summary>
    Everything = 2,

    /// <summary>The kernel announced changes of overlay entries or links. They count only if they differ from what is expected.</summary>
    KernelEvents = 4,

    /// <summary>Leases of other hosts changed. They are written at once, while everything else may settle first.</summary>
    Peers = 8,
}
