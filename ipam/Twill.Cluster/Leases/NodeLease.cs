using System.Net;

namespace Twill.Cluster;

/// <summary>A subnet that a host has leased, as published in etcd.</summary>
/// <param name="Key">The key in etcd: the lease's identity in a watch.</param>
/// <param name="Subnet">The IPv4 subnet.</param>
/// <param name="SubnetV6">The IPv6 subnet of a dual-stack lease, or null.</param>
/// <param name="Attributes">What the host published.</param>
/// <param name="LeaseId">The etcd lease that the key lives by; 0: a reservation, it stays until deleted.</param>
public sealed record NodeLease(string Key, IPNetwork Subnet, IPNetwork? SubnetV6, LeaseAttributes Attributes, long LeaseId)
{
    /// <summary>The revision at which the key came to be: of two that contradict each other the older one stays.</summary>
    public long Created { get; init; }

    /// <summary>Both subnets.</summary>
    public SubnetKey Subnets => new(Subnet, SubnetV6);
}

/// <summary>Something under <c>subnets/</c> that is not a lease one can use.</summary>
/// <param name="Key">The key in etcd, of any length and with any characters.</param>
/// <param name="Reason">What is wrong with it.</param>
public sealed record UnreadableLease(string Key, string Reason);
