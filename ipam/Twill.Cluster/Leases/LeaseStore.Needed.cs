using System.Net;
using Twill.System;

namespace Twill.Cluster;

/// <content>What is not leased, because hosts need it themselves.</content>
public sealed partial class LeaseStore
{
    /// <summary>What this host needs itself: subnets that overlap it are not leased. Asked for whenever one is about to be.</summary>
    public Func<IReadOnlyList<NeededPrefix>> Needed { get; init; } = static () => [];

    /// <summary>What of this host a subnet would take; null: nothing.</summary>
    public static NeededPrefix? FindOverlap(IReadOnlyList<NeededPrefix> needed, SubnetKey subnets)
    {
        foreach (NeededPrefix one in needed)
        {
            if (one.Prefix.Overlaps(subnets.Subnet) || (subnets.SubnetV6 is { } v6 && one.Prefix.Overlaps(v6)))
            {
                return one;
            }
        }

        return null;
    }

    /// <summary>What this host needs itself, and where hosts' addresses may lie in the network, those of all hosts.</summary>
    private async Task<IReadOnlyList<NeededPrefix>> NeededAsync(
        NetworkConfig config,
        LeaseAttributes attributes,
        CancellationToken cancel
    )
    {
        IReadOnlyList<NeededPrefix> own = Needed();
        if (!config.Contains(attributes.PublicIP) && !(attributes.PublicIPv6 is { } six && config.Contains(six)))
        {
            return own;
        }

        List<NeededPrefix> all = [.. own];
        foreach (NodeLease lease in (await ListAsync(cancel).ConfigureAwait(false)).Leases)
        {
            foreach (IPAddress? address in (ReadOnlySpan<IPAddress?>)[lease.Attributes.PublicIP, lease.Attributes.PublicIPv6])
            {
                if (address is not null && config.Contains(address))
                {
                    IPNetwork alone = new(address, IPPrefix.Bits(address.AddressFamily));
                    all.Add(new NeededPrefix(alone, $"{address}, the address of the host of {lease.Subnet}"));
                }
            }
        }

        return all;
    }

    private ClusterException Full(SubnetRange range, IReadOnlyList<NeededPrefix> needed)
    {
        NeededPrefix? first = null;
        foreach (NeededPrefix one in needed)
        {
            first ??= range.IndexesOf(one.Prefix) is null ? null : one;
        }

        string own = first is null ? "" : $", or overlap what this host needs itself ({first.Reason})";
        return new(
            ClusterErrorKind.NetworkFull,
            $"all {range.Count} subnets ({range}) of {range.Network} are leased under {Keys.Subnets}{own}; "
                + "release hosts that are gone (twilld --release there, or wait until their leases expire), or use a larger network"
        );
    }
}
