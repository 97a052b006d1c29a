using System.Net;
using System.Net.Sockets;
using Twill.Network.Configuration;
using Twill.System;

namespace Twill.Host;

/// <summary>What the nftables table of a network does.</summary>
/// <param name="Network">The network's name.</param>
/// <param name="Bridge">The bridge that the containers hang on.</param>
/// <param name="Masquerade">Whether containers' traffic leaves the cluster network under the host's address.</param>
/// <param name="Local">The containers' addresses: the cluster's networks. Prefixes found out later are added with
/// <see cref="Firewall.AddLocal"/>.</param>
/// <param name="Exempt">Destinations that see the container's own address, besides the local ones, multicast and link-local ones.</param>
public sealed record FirewallSpec(
    string Network,
    string Bridge,
    bool Masquerade,
    IReadOnlyList<IPNetwork> Local,
    IReadOnlyList<IPNetwork> Exempt
)
{
    /// <inheritdoc/>
    public override string ToString() => Network;

    /// <summary>
    /// Whether containers may have IPv6 addresses that are not yet in <see cref="Local"/>: only the IPAM plugin knows. Without it, and
    /// without an IPv6 prefix there, the table has nothing for IPv6.
    /// </summary>
    public bool MayHaveIPv6 { get; init; }

    /// <summary>
    /// The device that alone packets from host to host may take, because they must not go in clear; null: they may take any.
    /// </summary>
    public string? Tunnel { get; init; }

    /// <summary>The port that is closed to containers, and with a VNI to all who are no peers; null: there is none.</summary>
    public TunnelPort? TunnelPort { get; init; }

    /// <summary>The network's own overlay devices, when containers of other networks are kept out; null: they are not.</summary>
    public IReadOnlyList<string>? IsolatedBut { get; init; }

    /// <summary>Whether containers of the network reach each other.</summary>
    public bool Icc { get; init; } = true;

    /// <summary>The families that the table has sets, maps and rules for.</summary>
    internal IReadOnlyList<TableFamily> Families => MayHaveIPv6 || HasIPv6(Local) ? TableFamily.Both : TableFamily.OnlyIPv4;

    /// <summary>The families that the sets of peers are of: those of the underlay, whatever containers have; none without such
    /// sets.</summary>
    internal IReadOnlyList<TableFamily> Outer => TunnelPort is { Vni: not null } ? TableFamily.Both : [];

    /// <summary>Elements of the set of containers' addresses: of one family, sorted, none inside another.</summary>
    public IReadOnlyList<IPNetwork> LocalElements(AddressFamily family) => Disjoint(Local, family);

    /// <summary>Elements of the set of other destinations that are not masqueraded: of one family, sorted, none inside another.</summary>
    public IReadOnlyList<IPNetwork> ExemptElements(AddressFamily family) =>
        Disjoint([.. Exempt, .. TableFamily.Of(family).NeverMasqueraded], family);

    /// <summary>Everything that decides the table's content, in one line: equal texts, equal tables.</summary>
    internal string Fingerprint()
    {
        string text = $"{Firewall.Generation} {Bridge} {Masquerade}";
        if (Tunnel is not null)
        {
            text += $" {Tunnel}";
        }

        if (TunnelPort is { } port)
        {
            text += $" {port.Port}/{port.Vni}";
        }

        if (IsolatedBut is not null)
        {
            text += $" isolated {string.Join(',', IsolatedBut)}";
        }

        if (!Icc)
        {
            text += " apart";
        }

        foreach (TableFamily family in Families)
        {
            text += $" {string.Join(',', LocalElements(family.Family))} {string.Join(',', ExemptElements(family.Family))}";
        }

        return StableHash.Of(Network, text).ToString("x16");
    }

    private static bool HasIPv6(IReadOnlyList<IPNetwork> prefixes)
    {
        foreach (IPNetwork prefix in prefixes)
        {
            if (prefix.BaseAddress.AddressFamily == AddressFamily.InterNetworkV6)
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>An interval set takes no overlapping elements: what lies inside another prefix is dropped.</summary>
    private static List<IPNetwork> Disjoint(IReadOnlyList<IPNetwork> prefixes, AddressFamily family)
    {
        List<IPNetwork> kept = [];
        foreach (IPNetwork prefix in prefixes)
        {
            if (prefix.BaseAddress.AddressFamily != family || kept.Exists(k => k.Covers(prefix)))
            {
                continue;
            }

            kept.RemoveAll(k => prefix.Covers(k));
            kept.Add(prefix);
        }
        kept.SortBy(static (a, b) => Compare(a.BaseAddress, b.BaseAddress));
        return kept;
    }

    private static int Compare(IPAddress one, IPAddress other)
    {
        Span<byte> first = stackalloc byte[16],
            second = stackalloc byte[16];
        one.TryWriteBytes(first, out int length);
        other.TryWriteBytes(second, out _);
        return first[..length].SequenceCompareTo(second[..length]);
    }
}
