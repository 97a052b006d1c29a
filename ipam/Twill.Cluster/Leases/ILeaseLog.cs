using System.Net;

namespace Twill.Cluster;

/// <summary>Hears what <see cref="LeaseManager"/> found and did; each program says it in its own words, or not at all.</summary>
public interface ILeaseLog
{
    /// <summary>subnet.json is there and cannot be used.</summary>
    void Unreadable(string problem) { }

    /// <summary>A lease was taken.</summary>
    void Leased(HeldLease lease, LeaseAttributes published) { }

    /// <summary>A lease that an earlier process took is kept.</summary>
    void Adopted(HeldLease lease) { }

    /// <summary>The lease is good until its new deadline.</summary>
    void Renewed(HeldLease lease) { }

    /// <summary>The network has got or lost IPv6: these subnets took the place of the former ones.</summary>
    void FamiliesChanged(HeldLease lease, HeldLease former) { }

    /// <summary>Another host owns a subnet that was this host's.</summary>
    void Lost(SubnetKey subnets) { }

    /// <summary>Keys that were gone from etcd, and not taken by anybody, were written again.</summary>
    void Restored(IReadOnlyList<SubnetKey> subnets) { }

    /// <summary>No container here uses a lost subnet any more.</summary>
    void LostIsUnused(IPNetwork subnet) { }

    /// <summary>The network does not lease this subnet any more, and containers here have addresses of it: it is kept until they are
    /// gone.</summary>
    void Outdated(SubnetKey subnets) { }

    /// <summary>The network does not lease this subnet any more, and no container here has an address of it: it is given back.</summary>
    void OutdatedIsUnused(SubnetKey subnets) { }

    /// <summary>Subnets of the network overlap what this host needs itself, and are not leased here.</summary>
    void Avoided(IReadOnlyList<NeededPrefix> needed) { }

    /// <summary>A subnet of this host overlaps what it needs itself, and no container has an address of it: it is given back.</summary>
    void GivenUp(SubnetKey subnets, NeededPrefix needed) { }

    /// <summary>subnet.json is of another identity, and etcd does not show its lease as this host's: its subnets count as lost.</summary>
    void OfAnotherNode(HeldLease lease, string nodeId) { }

    /// <summary>A subnet for new containers was leased: the others were lost, or are kept for the containers that use them.</summary>
    void Replaced(HeldLease lease) { }

    /// <summary>This host changed, and is published anew under the same lease.</summary>
    void Republished(LeaseAttributes published) { }
}
