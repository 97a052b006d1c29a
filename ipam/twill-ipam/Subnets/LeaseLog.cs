using Twill.Cluster;

namespace Twill.Ipam.Subnets;

/// <summary>What an operator should know of a lease, on standard error.</summary>
internal sealed class LeaseLog(Action<string> log) : ILeaseLog
{
    public void Lost(SubnetKey subnets) =>
        log($"the subnet {subnets.Describe()} is another host's now: nothing is handed out from it any more");
}
