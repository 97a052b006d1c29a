using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Twill.System;

namespace Twill.Cluster;

/// <summary>What a network leases of one address family: flannel's Network, SubnetLen, SubnetMin and SubnetMax, or the same with IPv6
/// before their names. Always complete and checked.</summary>
public sealed record SubnetRange
{
    private SubnetRange() { }

    /// <summary>The cluster network.</summary>
    public required IPNetwork Network { get; init; }

    /// <summary>Prefix length of one lease.</summary>
    public required int SubnetLen { get; init; }

    /// <summary>The first subnet that is leased. flannel's default is the second of the network.</summary>
    public required IPAddress SubnetMin { get; init; }

    /// <summary>The last subnet that is leased.</summary>
    public required IPAddress SubnetMax { get; init; }

    /// <summary>Which of the fields with defaults an administrator set: one that was left open contradicts nothing.</summary>
    internal (bool SubnetLen, bool SubnetMin, bool SubnetMax) IsSet { get; init; } = (true, true, true);

    /// <summary>IPv4 or IPv6.</summary>
    public AddressFamily Family => Network.BaseAddress.AddressFamily;

    /// <summary>How many subnets there are to lease.</summary>
    public UInt128 Count => IndexOf(IPPrefix.NumberOf(SubnetMax)) + 1;

    /// <summary>The range that a node wants, with flannel's defaults and checks. What is null takes the default when this node is the
    /// first, and is no contradiction when another one has written something else.</summary>
    /// <exception cref="ClusterException">ConfigInvalid: names the value and what was expected.</exception>
    public static SubnetRange Create(IPNetwork network, int? subnetLen = null, IPAddress? subnetMin = null, IPAddress? subnetMax = null)
    {
        try
        {
            return Complete(network.BaseAddress.AddressFamily, network, subnetLen, subnetMin, subnetMax) with
            {
                IsSet = (subnetLen is not null, subnetMin is not null, subnetMax is not null),
            };
        }
        catch (FormatException e)
        {
            throw new ClusterException(ClusterErrorKind.ConfigInvalid, e.Message);
        }
    }

    /// <summary>True when the subnet is one that is handed out of this range.</summary>
    public bool Leases(IPNetwork subnet)
    {
        if (subnet.PrefixLength != SubnetLen || subnet.BaseAddress.AddressFamily != Family)
        {
            return false;
        }

        UInt128 number = subnet.First();
        return number >= IPPrefix.NumberOf(SubnetMin) && number <= IPPrefix.NumberOf(SubnetMax);
    }

    /// <summary>Why a subnet is none of this network's, or null.</summary>
    /// <param name="subnet">The subnet.</param>
    /// <param name="mayBeFormer">Whether it may have a length that the network leased before.</param>
    internal string? WhyNoLease(IPNetwork subnet, bool mayBeFormer) =>
        !Network.Covers(subnet) ? $"{subnet} is not inside the network {Network}"
        : subnet.PrefixLength == SubnetLen || (mayBeFormer && IsPossible(Family, Network, subnet.PrefixLength)) ? null
        : $"the network leases subnets of length /{SubnetLen}, and {subnet} is none";

    /// <summary>For people: <c>/24, 10.244.1.0 to 10.244.255.0</c>.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"/{SubnetLen}, {FlannelText.Of(SubnetMin)} to {FlannelText.Of(SubnetMax)}");

    /// <summary>What stands for it in flannel's configuration: <c>"EnableIPv6":true,"IPv6Network":"fc00:1::/48",...</c>.</summary>
    internal string FlannelFields() =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"\"EnableIPv6\":true,\"{Field(Family, "Network")}\":\"{FlannelText.Of(Network)}\",\"{Field(Family, "SubnetLen")}\":{SubnetLen}"
        );

    /// <summary>What stands for it in a network's configuration list: <c>"ipv6Network":"fc00:1::/48",...</c>.</summary>
    internal string IpamFields() =>
        string.Create(CultureInfo.InvariantCulture, $"\"ipv6Network\":\"{FlannelText.Of(Network)}\",\"ipv6SubnetLen\":{SubnetLen}");

    /// <summary>One of the subnets, counted from 0.</summary>
    internal IPNetwork this[UInt128 index] =>
        new(IPPrefix.AddressOf(IPPrefix.NumberOf(SubnetMin) + (index << HostBits), Family), SubnetLen);

    /// <summary>The first and last of the subnets that an address range touches; null when it touches none.</summary>
    internal (UInt128 From, UInt128 To)? IndexesOf(IPNetwork by)
    {
        if (by.BaseAddress.AddressFamily != Family)
        {
            return null;
        }

        UInt128 min = IPPrefix.NumberOf(SubnetMin),
            from = by.First(),
            to = by.Last();
        if (to < min || (from > min && IndexOf(from) >= Count))
        {
            return null;
        }

        return (from > min ? IndexOf(from) : 0, UInt128.Min(Count - 1, IndexOf(to)));
    }

    /// <summary>As flannel's field is called: <c>SubnetLen</c>, <c>IPv6SubnetLen</c>.</summary>
    internal static string Field(AddressFamily family, string name) => family == AddressFamily.InterNetwork ? name : $"IPv6{name}";

    /// <summary>What contradicts another one: each field with both values.</summary>
    internal void Compare(SubnetRange stored, Action<string, string, string> tell)
    {
        if (!Network.Equals(stored.Network))
        {
            tell(Field(Family, "Network"), Network.ToString(), stored.Network.ToString());
        }

        if (IsSet.SubnetLen && SubnetLen != stored.SubnetLen)
        {
            tell(Field(Family, "SubnetLen"), Text(SubnetLen), Text(stored.SubnetLen));
        }

        if (IsSet.SubnetMin && !SubnetMin.Equals(stored.SubnetMin))
        {
            tell(Field(Family, "SubnetMin"), FlannelText.Of(SubnetMin), FlannelText.Of(stored.SubnetMin));
        }

        if (IsSet.SubnetMax && !SubnetMax.Equals(stored.SubnetMax))
        {
            tell(Field(Family, "SubnetMax"), FlannelText.Of(SubnetMax), FlannelText.Of(stored.SubnetMax));
        }
    }

    /// <summary>Reads a family's fields as flannel does.</summary>
    internal static SubnetRange Parse(JsonFields fields, AddressFamily family)
    {
        string length = Field(family, "SubnetLen");
        return Complete(
            family,
            Prefix(fields, family),
            fields.Int(length, 0, IPPrefix.Bits(family)) is > 0 and var given ? given : null,
            Address(fields, family, "SubnetMin"),
            Address(fields, family, "SubnetMax")
        );
    }

    private int HostBits => IPPrefix.Bits(Family) - SubnetLen;

    private UInt128 IndexOf(UInt128 address) => (address - IPPrefix.NumberOf(SubnetMin)) >> HostBits;

    private static SubnetRange Complete(AddressFamily family, IPNetwork network, int? subnetLen, IPAddress? subnetMin, IPAddress? subnetMax)
    {
        int usual = family == AddressFamily.InterNetwork ? 24 : 64,
            longest = LongestOf(family);
        if (subnetLen is null && network.PrefixLength > longest - 2)
        {
            throw new FormatException(
                $"{Field(family, "Network")} {network} is too small: the longest prefix that still makes four subnets is /{longest - 2}"
            );
        }

        int length = subnetLen ?? Math.Max(usual, network.PrefixLength + 2);
        if (!IsPossible(family, network, length))
        {
            throw new FormatException(
                $"{Field(family, "SubnetLen")}: expected {network.PrefixLength + 2} to {longest} "
                    + $"(at least four subnets in {network}, at least four addresses in each), got {length}"
            );
        }
        UInt128 size = UInt128.One << (IPPrefix.Bits(family) - length),
            first = network.First();
        UInt128 last = network.Last() - (size - 1);
        UInt128 min = Bound("SubnetMin", subnetMin, first + size),
            max = Bound("SubnetMax", subnetMax, last);
        var range = new SubnetRange
        {
            Network = network,
            SubnetLen = length,
            SubnetMin = IPPrefix.AddressOf(min, family),
            SubnetMax = IPPrefix.AddressOf(max, family),
        };
        return min <= max
            ? range
            : throw new FormatException(
                $"{Field(family, "SubnetMin")} {FlannelText.Of(range.SubnetMin)} is above {Field(family, "SubnetMax")} "
                    + $"{FlannelText.Of(range.SubnetMax)}"
            );

        UInt128 Bound(string name, IPAddress? given, UInt128 standard)
        {
            if (given is null || given.Equals(IPAddress.Any) || given.Equals(IPAddress.IPv6Any))
            {
                return standard;
            }

            if (!network.Contains(given))
            {
                throw new FormatException($"{Field(family, name)}: expected an address inside {network}, got '{given}'");
            }

            UInt128 value = IPPrefix.NumberOf(given);
            return value % size == 0
                ? value
                : throw new FormatException($"{Field(family, name)}: expected the first address of a /{length}, got '{given}'");
        }
    }

    /// <summary>Of the shortest lease only so much is a matter of course that a bridge and a container have an address each.</summary>
    private static int LongestOf(AddressFamily family) => family == AddressFamily.InterNetwork ? 30 : 126;

    private static bool IsPossible(AddressFamily family, IPNetwork network, int length) =>
        length <= LongestOf(family) && length >= network.PrefixLength + 2;

    private static IPNetwork Prefix(JsonFields fields, AddressFamily family)
    {
        string name = Field(family, "Network"),
            text = fields.Text(name) ?? throw Wrong("");
        return
            IPPrefix.TryParse(text, out IPAddress address, out int length)
            && address.AddressFamily == family
            ? IPPrefix.Of(address, length)
            : throw Wrong(text);

        FormatException Wrong(string got) =>
            fields.Wrong(
                name,
                family == AddressFamily.InterNetwork ? "an IPv4 prefix such as 10.244.0.0/16" : "an IPv6 prefix such as fc00:1::/48",
                got
            );
    }

    private static IPAddress? Address(JsonFields fields, AddressFamily family, string name)
    {
        string field = Field(family, name);
        string? text = fields.Text(field);
        if (string.IsNullOrEmpty(text))
        {
            return null;
        }

        return IPPrefix.TryParseAddress(text, family, out IPAddress address)
            ? address
            : throw fields.Wrong(field, family == AddressFamily.InterNetwork ? "an IPv4 address" : "an IPv6 address", text);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
