using System.Net;
using System.Net.Sockets;
using Twill.Cni;
using Twill.Ipam.Addresses;

namespace Twill.Ipam;

/// <summary>
/// A range of addresses that a runtime wants the container's to be of: <c>runtimeConfig.ipRanges</c> (capability <c>ipRanges</c>), a list of
/// lists of <c>{subnet, rangeStart, rangeEnd, gateway}</c>. The outer list has an entry per address to give out, so that here it has one;
/// the inner list's ranges are together the pool for it. Ranges choose among the addresses that this host may give out anyway: each lies in
/// one of its subnets, whose prefix length and gateway count.
/// </summary>
/// <param name="Path">where it stands in the configuration</param>
/// <param name="First">its first address</param>
/// <param name="Last">its last address</param>
/// <param name="Gateway">the gateway it names; null: none</param>
internal sealed record RangeRequest(string Path, IPAddress First, IPAddress Last, IPAddress? Gateway)
{
    /// <returns>the ranges; none when none is asked for</returns>
    /// <exception cref="CniException">code 7: one makes no sense; 2: one of IPv6, or for more than one address</exception>
    public static IReadOnlyList<RangeRequest> Read(CniRequest request)
    {
        if (request.RuntimeConfig is not { } runtimeConfig) return [];
        var ranges = new List<RangeRequest>();
        bool any = false;
        foreach (ConfigReader pool in runtimeConfig["ipRanges"].Items())
        {
            if (any) throw new CniException(CniErrorCode.UnsupportedField, "an attachment gets one IPv4 address",
                $"{pool.Path}: a pool for one more; put all ranges into the first list, which is the pool for the one");
            any = true;
            foreach (ConfigReader item in pool.Items())
            {
                if (item.Object() is { } range) ranges.Add(ReadOne(range));
            }
            if (ranges.Count == 0) pool.Complain("""a list of at least one range like {"subnet":"10.244.7.0/24"}""", false);
        }
        return ranges;
    }

    /// <summary>The part of this host's pool that is in the ranges.</summary>
    /// <param name="pool">what this host may give out</param>
    /// <param name="ranges">the ranges asked for; none: no bounds</param>
    /// <exception cref="CniException">code 7: a range lies outside, or has no address in it</exception>
    public static AddressPool Narrow(AddressPool pool, IReadOnlyList<RangeRequest> ranges)
    {
        if (ranges.Count == 0) return pool;
        var narrowed = new AddressRange[ranges.Count];
        for (int i = 0; i < narrowed.Length; i++) narrowed[i] = ranges[i].Of(pool);
        return new AddressPool(narrowed);
    }

    private AddressRange Of(AddressPool pool)
    {
        foreach (AddressRange own in pool.Ranges)
        {
            if (!own.Subnet.Contains(First) || !own.Subnet.Contains(Last)) continue;
            if (Gateway is not null && !Gateway.Equals(own.Gateway))
                throw Bad($"gateway {Gateway}, but that of this host's subnet {own.Subnet} is {own.Gateway}");
            AddressRange range = own with { First = UInt128.Max(own.First, AddressNumber.Of(First)), Last = UInt128.Min(own.Last, AddressNumber.Of(Last)) };
            return range.Capacity > 0 ? range : throw Bad($"no address from {First} to {Last} may be given out: this host hands out {pool}");
        }
        throw Bad($"{First} to {Last} lies in no subnet of this host, which hands out {pool}");
    }

    private CniException Bad(string why) => new(CniErrorCode.InvalidNetworkConfig, "the range asked for cannot be had", $"{Path}: {why}");

    private static RangeRequest ReadOne(ConfigReader at)
    {
        if (at["subnet"].OptionalString() is { } text && text.Contains(':')) throw new CniException(CniErrorCode.UnsupportedField,
            "only IPv4 addresses are given out here", $"{at["subnet"].Path}: {text}");
        IPNetwork subnet = at["subnet"].OptionalNetwork(AddressFamily.InterNetwork) ?? at["subnet"].Complain("an IPv4 prefix like 10.244.7.0/24", default(IPNetwork));
        UInt128 first = AddressNumber.Of(subnet.BaseAddress) + 1, last = AddressNumber.LastOf(subnet) - 1;
        if (subnet.PrefixLength > 30) at["subnet"].Complain("a prefix of at most 30 bits", false);
        IPAddress start = Bound(at["rangeStart"], subnet) ?? AddressNumber.ToAddress(first, AddressFamily.InterNetwork);
        IPAddress end = Bound(at["rangeEnd"], subnet) ?? AddressNumber.ToAddress(last, AddressFamily.InterNetwork);
        if (AddressNumber.Of(start) > AddressNumber.Of(end)) at["rangeEnd"].Complain($"an address not below rangeStart {start}", false);
        return new RangeRequest(at.Path, start, end, at["gateway"].OptionalAddress(AddressFamily.InterNetwork));
    }

    private static IPAddress? Bound(ConfigReader at, IPNetwork subnet) => at.OptionalAddress(AddressFamily.InterNetwork) is not { } address ? null
        : subnet.Contains(address) ? address
        : at.Complain<IPAddress?>($"an address in {subnet}", null);
}
