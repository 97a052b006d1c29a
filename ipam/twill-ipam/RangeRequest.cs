using System.Net;
using System.Net.Sockets;
using Twill.Cni;
using Twill.Ipam.Addresses;
using Twill.Network.Configuration;
using Twill.System;

namespace Twill.Ipam;

/// <summary>
/// A range of addresses that a runtime wants the container's to be of: <c>runtimeConfig.ipRanges</c> (capability <c>ipRanges</c>), a list
/// of lists of <c>{subnet, rangeStart, rangeEnd, gateway}</c>. The outer list has an entry per address to give out, so that here it has one
/// for each address family at most; the inner list's ranges are together the pool for it. Ranges choose among the addresses that this host
/// may give out anyway: each lies in one of its subnets, whose prefix length and gateway count.
/// </summary>
/// <param name="Path">where it stands in the configuration</param>
/// <param name="First">its first address</param>
/// <param name="Last">its last address</param>
/// <param name="Gateway">the gateway it names; null: none</param>
internal sealed record RangeRequest(string Path, IPAddress First, IPAddress Last, IPAddress? Gateway)
{
    /// <summary>The address family it is of.</summary>
    public AddressFamily Family => First.AddressFamily;

    /// <returns>the ranges; none when none is asked for</returns>
    /// <exception cref="CniException">code 7: one makes no sense; 2: one of a family that is not given out, or for more than one address of
    /// it</exception>
    public static IReadOnlyList<RangeRequest> Read(CniRequest request, IpamConf conf)
    {
        if (request.RuntimeConfig is not { } runtimeConfig)
        {
            return [];
        }

        var ranges = new List<RangeRequest>();
        foreach (ConfigReader pool in runtimeConfig["ipRanges"].Items())
        {
            int before = ranges.Count;
            foreach (ConfigReader item in pool.Items())
            {
                if (item.Object() is not { } at)
                {
                    continue;
                }

                RangeRequest range = ReadOne(at, conf);
                if (ranges.Count > before && ranges[before].Family != range.Family)
                {
                    at["subnet"]
                        .Complain(
                            $"a range of {AddressRequest.Name(ranges[before].Family)} like the others of its list, which is the pool "
                                + $"for one address",
                            false
                        );
                }

                ranges.Add(range);
            }
            if (ranges.Count == before)
            {
                pool.Complain("""a list of at least one range like {"subnet":"10.244.7.0/24"}""", false);
            }
            else if (Has(ranges, before, ranges[before].Family))
            {
                throw new CniException(
                    CniErrorCode.UnsupportedField,
                    $"an attachment gets one {AddressRequest.Name(ranges[before].Family)} address",
                    $"{pool.Path}: a pool for one more; put all ranges into the first list, which is the pool for the one"
                );
            }
        }
        return ranges;
    }

    private static bool Has(List<RangeRequest> ranges, int count, AddressFamily family)
    {
        for (int i = 0; i < count; i++)
        {
            if (ranges[i].Family == family)
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>The part of this host's pool that is in the ranges of its family.</summary>
    /// <param name="pool">what this host may give out</param>
    /// <param name="ranges">the ranges asked for; none: no bounds</param>
    /// <exception cref="CniException">code 7: a range lies outside, or has no address in it</exception>
    public static AddressPool Narrow(AddressPool pool, IReadOnlyList<RangeRequest> ranges)
    {
        if (ranges.Count == 0)
        {
            return pool;
        }

        var narrowed = new List<AddressRange>();
        foreach (RangeRequest range in ranges)
        {
            if (range.Family == pool.Family)
            {
                narrowed.Add(range.Of(pool));
            }
        }
        return narrowed.Count == 0 ? pool : new AddressPool(pool.Family, narrowed);
    }

    private AddressRange Of(AddressPool pool)
    {
        foreach (AddressRange own in pool.Ranges)
        {
            if (!own.Subnet.Contains(First) || !own.Subnet.Contains(Last))
            {
                continue;
            }

            if (Gateway is not null && !Gateway.Equals(own.Gateway))
            {
                throw Bad($"gateway {Gateway}, but that of this host's subnet {own.Subnet} is {own.Gateway}");
            }

            AddressRange range = own with
            {
                First = UInt128.Max(own.First, IPPrefix.NumberOf(First)),
                Last = UInt128.Min(own.Last, IPPrefix.NumberOf(Last)),
            };
            return range.Capacity > 0
                ? range
                : throw Bad($"no address from {First} to {Last} may be given out: this host hands out {pool}");
        }
        throw Bad($"{First} to {Last} lies in no subnet of this host, which hands out {pool}");
    }

    private CniException Bad(string why) => new(CniErrorCode.InvalidNetworkConfig, "the range asked for cannot be had", $"{Path}: {why}");

    private static RangeRequest ReadOne(ConfigReader at, IpamConf conf)
    {
        ConfigReader subnetAt = at["subnet"];
        IPNetwork subnet = subnetAt.OptionalNetwork() ?? subnetAt.Complain("a prefix like 10.244.7.0/24", default(IPNetwork));
        AddressFamily family = subnet.BaseAddress.AddressFamily;
        AddressRequest.RefuseUngiven(conf, family, $"{subnetAt.Path}: {subnet}");
        AddressRange whole = AddressRange.Of(subnet, null, null, null);
        IPAddress start = Bound(at["rangeStart"], subnet) ?? IPPrefix.AddressOf(whole.First, family);
        IPAddress end = Bound(at["rangeEnd"], subnet) ?? IPPrefix.AddressOf(whole.Last, family);
        if (IPPrefix.NumberOf(start) > IPPrefix.NumberOf(end))
        {
            at["rangeEnd"].Complain($"an address not below rangeStart {start}", false);
        }

        return new RangeRequest(at.Path, start, end, at["gateway"].OptionalAddress(family));
    }

    private static IPAddress? Bound(ConfigReader at, IPNetwork subnet) =>
        at.OptionalAddress(subnet.BaseAddress.AddressFamily) is not { } address ? null
        : subnet.Contains(address) ? address
        : at.Complain<IPAddress?>($"an address in {subnet}", null);
}
