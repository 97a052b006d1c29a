using System.Net;

namespace Twill.Cluster;

/// <summary>A subnet that a host has leased, as published in etcd.</summary>
/// <param name="Key">The key in etcd: the lease's identity in a watch.</param>
/// <param name="Subnet">The IPv4 subnet.</param>
/// <param name="SubnetV6">The IPv6 subnet of a dual-stack lease, or null.</param>
/// <param name="Attributes">What the host published.</param>
/// <param name="LeaseId">The etcd lease that the key lives by; 0: a reservation, it stays until deleted.</param>
public sealed record NodeLease(string Key, IPNetwork Subnet, IPNetwork? SubnetV6, LeaseAttributes Attributes, long LeaseId);

/// <summary>Something under <c>subnets/</c> that is not a lease one can use.</summary>
/// <param name="Key">The key in etcd.</param>
/// <param name="Reason">What is wrong with it.</param>
public sealed record UnreadableLease(string Key, string Reason);
