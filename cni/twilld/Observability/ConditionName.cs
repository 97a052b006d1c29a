namespace Twill.Agent;

/// <summary>The conditions of a network, as metrics, health and log name them.</summary>
internal static class ConditionName
{
    internal const string Underlay = "underlay",
        Overlap = "overlap",
        Lease = "lease",
        LeaseWatch = "watch of etcd",
        Host = "host",
        ContainerMtu = "containers' MTU",
        Kernel = "kernel",
        StateFile = "state file",
        Names = "names",
        NamesInEtcd = "names in etcd",
        Firewall = "firewall";

    /// <summary>All that keep this host's own work from being done, the cause before what follows from it. A firewall of others is
    /// none.</summary>
    internal static IReadOnlyList<string> All { get; } = [Underlay, Overlap, Lease, LeaseWatch, Host, ContainerMtu, Kernel, StateFile];

    /// <summary>Those of a network that has names besides.</summary>
    internal static IReadOnlyList<string> OfNames { get; } = [Names, NamesInEtcd];
}
