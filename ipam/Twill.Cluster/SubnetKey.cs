using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Twill.System;

namespace Twill.Cluster;

/// <summary>The name of a leased subnet as flannel spells it in etcd: <c>10.5.52.0-24</c>, dual-stack <c>10.5.52.0-24&amp;fc00:1:2::-64</c>
/// (flannel pkg/subnet/subnet.go). There is no IPv6-only form.</summary>
/// <param name="Subnet">The IPv4 subnet.</param>
/// <param name="SubnetV6">The IPv6 subnet of a dual-stack lease.</param>
public readonly record struct SubnetKey(IPNetwork Subnet, IPNetwork? SubnetV6 = null)
{
    /// <summary>As it stands in etcd.</summary>
    public override string ToString() => SubnetV6 is { } v6 ? $"{Spell(Subnet)}&{Spell(v6)}" : Spell(Subnet);

    /// <summary>Reads the last part of a key under <c>subnets/</c>, spelled as whoever leases spells it: a subnet has one key, so that two
    /// hosts cannot lease it under two names. <c>010.5.52.0-24</c>, <c>10.5.52.7-24</c> and <c>..&amp;FC00::-64</c> are none.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out SubnetKey key) =>
        TryReadBoth(text, out key) && text.SequenceEqual(key.ToString());

    private static bool TryReadBoth(ReadOnlySpan<char> text, out SubnetKey key)
    {
        key = default;
        int and = text.IndexOf('&');
        if (!TryRead(and < 0 ? text : text[..and], AddressFamily.InterNetwork, out IPNetwork v4))
        {
            return false;
        }

        if (and < 0)
        {
            key = new SubnetKey(v4);
            return true;
        }
        if (!TryRead(text[(and + 1)..], AddressFamily.InterNetworkV6, out IPNetwork v6))
        {
            return false;
        }

        key = new SubnetKey(v4, v6);
        return true;
    }

    /// <summary>Every subnet of these leases, of an IPv6 one behind the IPv4 one that it was leased with: what <see cref="Pairs"/>
    /// reads.</summary>
    public static List<IPNetwork> Prefixes(IReadOnlyList<SubnetKey> leases)
    {
        List<IPNetwork> prefixes = new(leases.Count);
        foreach (SubnetKey lease in leases)
        {
            prefixes.Add(lease.Subnet);
            if (lease.SubnetV6 is { } v6)
            {
                prefixes.Add(v6);
            }
        }
        return prefixes;
    }

    /// <summary>The leases whose subnets these are: an IPv6 one belongs to the IPv4 one right before it. One that follows none is
    /// none.</summary>
    public static List<SubnetKey> Pairs(IEnumerable<IPNetwork> prefixes)
    {
        List<SubnetKey> leases = [];
        foreach (IPNetwork prefix in prefixes)
        {
            if (prefix.BaseAddress.AddressFamily == AddressFamily.InterNetwork)
            {
                leases.Add(new SubnetKey(prefix));
            }
            else if (leases.Count > 0 && leases[^1].SubnetV6 is null)
            {
                leases[^1] = leases[^1] with { SubnetV6 = prefix };
            }
        }
        return leases;
    }

    /// <summary>Whether the two have an address in common, of either family.</summary>
    public bool Overlaps(SubnetKey other) =>
        Subnet.Overlaps(other.Subnet)
        || (SubnetV6 is { } v6 && other.SubnetV6 is { } otherV6 && v6.Overlaps(otherV6));

    /// <summary>For people: <c>10.244.7.0/24</c>, <c>10.244.7.0/24 and fc00:1:0:7::/64</c>.</summary>
    public string Describe() => SubnetV6 is { } v6 ? $"{Subnet} and {v6}" : $"{Subnet}";

    private static string Spell(IPNetwork n) =>
        string.Create(CultureInfo.InvariantCulture, $"{FlannelText.Of(n.BaseAddress)}-{n.PrefixLength}");

    private static bool TryRead(ReadOnlySpan<char> text, AddressFamily family, out IPNetwork network)
    {
        network = default;
        int dash = text.LastIndexOf('-');
        if (
            dash < 0
            || !IPPrefix.TryParseLength(text[(dash + 1)..], family, out int length)
            || !IPPrefix.TryParseAddress(text[..dash], family, out IPAddress address)
        )
        {
            return false;
        }

        network = IPPrefix.Of(address, length);
        return true;
    }
}
