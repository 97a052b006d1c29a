using Twill.Network.State;

namespace Twill.Cluster;

/// <content>Whether a subnet could be had, for STATUS.</content>
public sealed partial class LeaseManager
{
    /// <summary>Throws what <see cref="HoldAsync"/> would, as far as reading tells; changes nothing.</summary>
    /// <param name="demand">What the subnets are for.</param>
    /// <param name="publish">What this host publishes, asked for when etcd has answered.</param>
    /// <param name="stop">Breaks off.</param>
    /// <exception cref="EtcdException">etcd could not be asked.</exception>
    /// <exception cref="ClusterException">etcd knows the network with another configuration, or has no subnet left.</exception>
    public async Task ProbeAsync(LeaseDemand demand, Func<LeaseAttributes> publish, CancellationToken stop)
    {
        NetworkConfig network = await store.ReadConfigAsync(stop).ConfigureAwait(false) ?? request.Wanted;
        if (store.Contradiction(request.Wanted, network) is { } contradiction)
        {
            throw contradiction;
        }

        SubnetFile? file = Read();
        long? held = file?.LeaseId;
        await store.ThrowIfDisputedAsync(Known(file), publish(), stop).ConfigureAwait(false);
        LeaseSnapshot snapshot = await store.ListAsync(stop).ConfigureAwait(false);
        LeaseAttributes self = publish();
        IReadOnlyList<NeededPrefix> needed = store.Needed();
        foreach (SubnetRange range in network.Ranges)
        {
            SubnetChoice choice = new(range);
            bool own = false;
            foreach (NeededPrefix one in needed)
            {
                choice.AddLeased(one.Prefix);
            }

            foreach (NodeLease lease in snapshot.Leases)
            {
                if (!range.Leases(lease.Subnet) && !(lease.SubnetV6 is { } v6 && range.Leases(v6)))
                {
                    continue;
                }

                choice.AddLeased(lease.Subnet);
                if (lease.SubnetV6 is { } six)
                {
                    choice.AddLeased(six);
                }

                own |= lease.LeaseId != 0 && (lease.LeaseId == held || lease.Attributes.HasAddressOf(self));
            }

            if (choice.Pick(Random.Shared, 0) is null && (demand == LeaseDemand.MoreAddresses || !own))
            {
                throw new ClusterException(
                    ClusterErrorKind.NetworkFull,
                    $"all {range.Count} subnets of {range.Network} are leased under {store.Keys.Subnets}"
                        + (needed.Count == 0 ? "" : $", or overlap what this host needs itself ({needed[0].Reason})")
                );
            }
        }
    }
}
