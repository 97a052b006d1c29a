namespace Twill.Cluster;

/// <summary>What a host asks of the cluster in one network.</summary>
/// <param name="Network">The network's name.</param>
/// <param name="Wanted">The network as this host's configuration has it.</param>
/// <param name="Ttl">Seconds that a lease is to last without renewal.</param>
/// <param name="NodeId">This host's identity.</param>
/// <param name="BootId">The boot that deadlines belong to.</param>
/// <param name="Prefix">The network's prefix in etcd.</param>
public sealed record LeaseRequest(string Network, NetworkConfig Wanted, long Ttl, string NodeId, string BootId, string Prefix = "");
