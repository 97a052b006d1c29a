using System.Net;

namespace Twill.Cluster;

/// <summary>Which lease to try next, of one family or of both. The IPv6 subnet beside an IPv4 one is, if it can be, the one that somebody
/// had with it, else the one of the same number (10.244.7.0/24 and fc00:1:0:7::/64): so nodes that do not meet in IPv4 do not meet in IPv6
/// either, although etcd, which compares whole keys, would not notice.</summary>
internal sealed class LeaseChoice(NetworkConfig config)
{
    private readonly SubnetChoice _v4 = new(config.IPv4);
    private readonly SubnetChoice? _v6 = config.IPv6 is { } ipv6 ? new(ipv6) : null;
    private readonly List<(SubnetKey Lease, long Revision)> _remembered = [];

    /// <summary>What somebody holds.</summary>
    public void AddLeased(SubnetKey lease)
    {
        _v4.AddLeased(lease.Subnet);
        if (lease.SubnetV6 is { } v6)
        {
            _v6?.AddLeased(v6);
        }
    }

    /// <summary>What nobody may lease here, of either family.</summary>
    public void AddNeeded(IPNetwork prefix)
    {
        _v4.AddLeased(prefix);
        _v6?.AddLeased(prefix);
    }

    /// <summary>What a node had; the revision orders nodes by when they were last alive.</summary>
    public void AddRemembered(SubnetKey lease, long revision)
    {
        _remembered.Add((lease, revision));
        _v4.AddRemembered(lease.Subnet, revision);
        if (lease.SubnetV6 is { } v6)
        {
            _v6?.AddRemembered(v6, revision);
        }
    }

    /// <summary>A lease to try; null when all subnets of a family are leased, and then <paramref name="full"/> is that family's.</summary>
    /// <param name="random">Where chance comes from.</param>
    /// <param name="lostRaces">How many tries were lost so far: the choice among old ones widens with it.</param>
    /// <param name="full">The range in which nothing is free.</param>
    public SubnetKey? Pick(Random random, int lostRaces, out SubnetRange? full)
    {
        full = null;
        if (_v4.Pick(random, lostRaces) is { } subnet)
        {
            return PairWith(subnet, random, lostRaces, out full);
        }

        full = config.IPv4;
        return null;
    }

    /// <summary>The lease of this IPv4 subnet with an IPv6 one to try, if the network has them; null when all of those are
    /// leased.</summary>
    /// <param name="subnet">The IPv4 subnet.</param>
    /// <param name="random">Where chance comes from.</param>
    /// <param name="lostRaces">How many tries were lost so far.</param>
    /// <param name="full">The range in which nothing is free.</param>
    public SubnetKey? PairWith(IPNetwork subnet, Random random, int lostRaces, out SubnetRange? full)
    {
        full = null;
        if (_v6 is null)
        {
            return new SubnetKey(subnet);
        }

        if ((FormerPartner(subnet) ?? SameIndex(subnet) ?? _v6.Pick(random, lostRaces)) is { } v6)
        {
            return new SubnetKey(subnet, v6);
        }

        full = config.IPv6;
        return null;
    }

    private IPNetwork? FormerPartner(IPNetwork subnet)
    {
        (IPNetwork? partner, long newest) = (null, long.MinValue);
        foreach ((SubnetKey lease, long revision) in _remembered)
        {
            if (revision > newest && lease.Subnet.Equals(subnet) && lease.SubnetV6 is { } v6 && _v6!.IsFree(v6))
            {
                (partner, newest) = (v6, revision);
            }
        }
        return partner;
    }

    private IPNetwork? SameIndex(IPNetwork subnet) =>
        config.IPv4.IndexesOf(subnet) is { } at
        && at.From < config.IPv6!.Count
        && config.IPv6[at.From] is var candidate
        && _v6!.IsUnused(candidate)
            ? candidate
            : null;
}
