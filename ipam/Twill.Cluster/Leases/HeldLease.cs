using System.Net;

namespace Twill.Cluster;

/// <summary>What this host holds in one network.</summary>
/// <param name="LeaseId">The etcd lease by which the keys of all its subnets live.</param>
/// <param name="Ttl">Seconds for which etcd granted it.</param>
/// <param name="Deadline">The fence: on the caller's boot clock, in seconds, the time when the newest request that etcd granted was sent,
/// plus <paramref name="Ttl"/>. etcd counts from when it received that request, so before this time no other host can own the
/// subnets.</param>
/// <param name="Subnets">The subnets, an IPv4 one alone or one of each family, in the order they were leased; empty when all were
/// lost.</param>
public sealed record HeldLease(long LeaseId, long Ttl, double Deadline, IReadOnlyList<SubnetKey> Subnets)
{
    /// <summary>The subnets of both families, as <see cref="SubnetKey.Prefixes"/> lists them.</summary>
    public IReadOnlyList<IPNetwork> Prefixes => SubnetKey.Prefixes(Subnets);
}

/// <summary>What a renewal came to.</summary>
/// <param name="Held">What the host holds now. With lost subnets gone from it; when it is empty, a new one is to be leased.</param>
/// <param name="Lost">Subnets whose key belongs to somebody else (or overlaps a key that does, in either family): no address may be handed
/// out from them.</param>
/// <param name="Restored">Subnets whose key had gone (lease expired, key deleted) and was written anew, nobody having taken it.</param>
public sealed record RenewResult(HeldLease Held, IReadOnlyList<SubnetKey> Lost, IReadOnlyList<SubnetKey> Restored);
