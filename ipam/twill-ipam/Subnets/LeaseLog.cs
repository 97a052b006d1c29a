using Twill.Cluster;

namespace Twill.Ipam.Subnets;

/// <summary>What an operator should know of a lease, on standard error.</summary>
internal sealed class LeaseLog(Action<string> log) : ILeaseLog
{
    public void Lost(SubnetKey subnets) =>
        log($"the subnet {subnets.Describe()} is another host's now: nothing is handed out from it any more");

    public void Outdated(SubnetKey subnets) =>
        log($"the subnet {subnets.Describe()} is kept for the containers that use it; the network does not lease it any more");

    public void GivenUp(SubnetKey subnets, NeededPrefix needed) =>
        log($"the subnet {subnets.Describe()} overlaps {needed.Reason}: another is leased in its place");

    public void OfAnotherNode(HeldLease lease, string nodeId) =>
        log(
            $"{string.Join(", ", lease.Prefixes)} is leased to node {nodeId}, which this host is not any more: nothing is handed out "
                + "from it"
        );
}
