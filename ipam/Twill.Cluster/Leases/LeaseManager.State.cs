using System.Net;
using Twill.Network.State;

namespace Twill.Cluster;

/// <content>What is kept on this host, and what etcd last said.</content>
public sealed partial class LeaseManager
{
    /// <summary>The cluster's configuration is compared each time: an operator may change it, and change it back.</summary>
    private async Task<ClusterException?> CheckConfigAsync(CancellationToken stop)
    {
        try
        {
            _agreement = new Agreement(await store.EnsureConfigAsync(request.Wanted, stop).ConfigureAwait(false), null);
            return null;
        }
        catch (ClusterException e)
        {
            _agreement = _agreement with { Refusal = e };
            return e;
        }
    }

    /// <summary>Tells what is not leased here, when that is not as it was told before.</summary>
    private void TellAvoided()
    {
        IReadOnlyList<NeededPrefix> needed = store.Needed();
        List<string> reasons = [];
        foreach (NeededPrefix one in needed)
        {
            reasons.Add(one.Reason);
        }

        string now = string.Join("; ", reasons);
        if (now != _avoided && now.Length > 0)
        {
            log.Avoided(needed);
        }

        _avoided = now;
    }

    private SubnetFile? Read()
    {
        SubnetFile? file = state.Read(out string? problem);
        if (problem is not null)
        {
            log.Unreadable(problem);
        }

        return file;
    }

    private HeldLease? Known(SubnetFile? file) => LeaseMapper.Held(file, request.Network, request.NodeId, request.BootId);

    /// <summary>The lease of a subnet.json that was written under another identity, in this boot.</summary>
    private HeldLease? OfAnotherNode(SubnetFile? file) =>
        file is null || file.NodeId == request.NodeId ? null : LeaseMapper.Held(file, request.Network, file.NodeId, request.BootId);

    private void Save(HeldLease lease, IReadOnlyList<IPNetwork> lost, NodeFile? node, SubnetFile? before)
    {
        SubnetFile file = LeaseMapper.File(request, lease, lost, node);
        if (node is null && before is not null && before.BootId == request.BootId)
        {
            file = file with { Backend = before.Backend, Mtu = before.Mtu };
        }

        List<IPNetwork> former = FormerOf(lease, lost, before);
        file = file with { Former = former };

        lock (_lock)
        {
            state.Write(file);
            _holding = new Holding(lease, lost, former);
        }
    }

    /// <summary>What was this host's before a step, and is not any more.</summary>
    private List<IPNetwork> FormerOf(HeldLease lease, IReadOnlyList<IPNetwork> lost, SubnetFile? before)
    {
        if (before is null || before.BootId != request.BootId)
        {
            return [];
        }

        List<IPNetwork> had = Joined(Joined(before.Former, before.Subnets), before.Lost);
        List<IPNetwork> former = Without(Without(had, lease.Prefixes), lost);
        return former.Count <= MostFormer ? former : former.GetRange(former.Count - MostFormer, MostFormer);
    }

    private List<IPNetwork> StillUsed(IReadOnlyList<IPNetwork> lost)
    {
        List<IPNetwork> used = [];
        foreach (IPNetwork subnet in lost)
        {
            if (state.HasContainers(subnet))
            {
                used.Add(subnet);
            }
            else
            {
                log.LostIsUnused(subnet);
            }
        }

        return used;
    }

    private IReadOnlyList<IPNetwork> Settle(RenewResult renewed, IReadOnlyList<IPNetwork> lost)
    {
        foreach (SubnetKey subnets in renewed.Lost)
        {
            log.Lost(subnets);
        }

        if (renewed.Restored.Count > 0)
        {
            log.Restored(renewed.Restored);
        }

        return Without(Joined(lost, SubnetKey.Prefixes(renewed.Lost)), renewed.Held.Prefixes);
    }

    private static bool Any(IReadOnlyList<SubnetKey> leased, Func<SubnetKey, bool> isIt)
    {
        foreach (SubnetKey subnets in leased)
        {
            if (isIt(subnets))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Both, each subnet once.</summary>
    private static List<IPNetwork> Joined(IReadOnlyList<IPNetwork> first, IReadOnlyList<IPNetwork> second)
    {
        List<IPNetwork> joined = [.. first];
        joined.AddRange(Without(second, first));
        return joined;
    }

    private static List<IPNetwork> Without(IReadOnlyList<IPNetwork> subnets, IReadOnlyList<IPNetwork> others)
    {
        List<IPNetwork> rest = [];
        foreach (IPNetwork subnet in subnets)
        {
            bool isOther = false;
            foreach (IPNetwork other in others)
            {
                isOther |= other.Equals(subnet);
            }

            if (!isOther)
            {
                rest.Add(subnet);
            }
        }

        return rest;
    }

    /// <summary>What other threads see of the last step.</summary>
    private sealed record Holding(HeldLease? Lease, IReadOnlyList<IPNetwork> Lost, IReadOnlyList<IPNetwork> Former);

    /// <summary>The last answer of etcd about the network's configuration.</summary>
    private sealed record Agreement(NetworkConfig? Network, ClusterException? Refusal);
}
