using System.Net;
using Twill.Cluster;
using Twill.System;

namespace Twill.Agent;

/// <summary>What happens to the lease, in the agent's log.</summary>
internal sealed class LeaseLog(Log log) : ILeaseLog
{
    public void Unreadable(string problem) => log.Warning($"{problem}; it is not used, and will be written anew");

    public void Leased(HeldLease lease, LeaseAttributes published) =>
        log.Info($"leased {Names(lease)} for {lease.Ttl} s, published as {published.Describe()}");

    public void Adopted(HeldLease lease) =>
        log.Info($"keeping the lease of {Names(lease)}, good for another {Math.Max(0, lease.Deadline - BootClock.Now):0} s");

    public void Renewed(HeldLease lease) => log.Debug($"lease of {Names(lease)} is good for {lease.Deadline - BootClock.Now:0} s");

    public void FamiliesChanged(HeldLease lease, HeldLease former) =>
        log.Warning($"the network's address families have changed: leased {Names(lease)} in place of {Names(former)}");

    public void Lost(SubnetKey subnets) =>
        log.Error(
            $"subnet {subnets.Describe()} is LOST: another host owns its key in etcd. It is not overwritten; no address of it is "
                + "handed out here any more. "
                + "Containers that have one keep it, but other hosts now send its packets elsewhere: restart them"
        );

    public void Restored(IReadOnlyList<SubnetKey> subnets) =>
        log.Warning(
            $"lease of {string.Join(", ", SubnetKey.Prefixes(subnets))} was gone from etcd; nobody had taken it, and it is leased again"
        );

    public void LostIsUnused(IPNetwork subnet) =>
        log.Info($"no container here has an address of the lost subnet {subnet} any more: from now on it is its new owner's");

    public void Outdated(SubnetKey subnets) =>
        log.Warning(
            $"subnet {subnets.Describe()} is not one that the network leases now: it is kept until the last container here that has an "
                + "address of it is gone; new containers get addresses of another"
        );

    public void OutdatedIsUnused(SubnetKey subnets) =>
        log.Info($"subnet {subnets.Describe()} is not one that the network leases now, and no container here uses it: it is given back");

    public void Avoided(IReadOnlyList<NeededPrefix> needed) =>
        log.Warning(
            $"no subnet is leased that overlaps what this host needs itself: {string.Join("; ", needed.Take(10).Select(n => n.Reason))}"
        );

    public void GivenUp(SubnetKey subnets, NeededPrefix needed) =>
        log.Warning($"subnet {subnets.Describe()} overlaps {needed.Reason}, and no container here uses it: another is leased in its place");

    public void OfAnotherNode(HeldLease lease, string nodeId) =>
        log.Error(
            $"subnet.json tells of a lease of {Names(lease)} by node {nodeId}, which this host is not any more, and etcd does not show "
                + "it as this host's: no address of it is handed out here any more. Containers that have one keep it, but their "
                + "packets may "
                + "go to another host: restart them"
        );

    public void Replaced(HeldLease lease) => log.Warning($"leased {Names(lease)} for new containers, in place of what was lost");

    public void Republished(LeaseAttributes published) =>
        log.Info($"published under the same lease: this host is now {published.Describe()}");

    private static string Names(HeldLease lease) => lease.Subnets.Count == 0 ? "no subnet" : string.Join(", ", lease.Prefixes);
}
