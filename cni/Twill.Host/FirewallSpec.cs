using System.Net;
using System.Net.Sockets;

namespace Twill.Host;

/// <summary>What the nftables table of a network does.</summary>
/// <param name="Network">The network's name.</param>
/// <param name="Bridge">The bridge that the containers hang on.</param>
/// <param name="Masquerade">Whether containers' traffic leaves the cluster network under the host's address.</param>
/// <param name="Local">The containers' addresses: the cluster network. Prefixes found out later are added with <see cref="Firewall.AddLocal"/>.</param>
/// <param name="Exempt">Destinations that see the container's own address, besides the local ones and multicast.</param>
public sealed record FirewallSpec(
    string Network, string Bridge, bool Masquerade, IReadOnlyList<IPNetwork> Local, IReadOnlyList<IPNetwork> Exempt)
{
    // 224.0.0.0/4 and the limited broadcast: nobody could answer to a translated address.
    private static readonly IPNetwork[] s_never = [new(new IPAddress([224, 0, 0, 0]), 4), new(IPAddress.Broadcast, 32)];

    /// <summary>Elements of the set of containers' addresses: IPv4, sorted, none inside another.</summary>
    public IReadOnlyList<IPNetwork> LocalElements => Disjoint(Local);

    /// <summary>Elements of the set of other destinations that are not masqueraded: IPv4, sorted, none inside another.</summary>
    public IReadOnlyList<IPNetwork> ExemptElements => Disjoint([.. Exempt, .. s_never]);

    /// <summary>Everything that decides the table's content, in one line: equal texts, equal tables.</summary>
    internal string Fingerprint()
    {
        string text = $"{Firewall.Generation} {Bridge} {Masquerade} {string.Join(',', LocalElements)} {string.Join(',', ExemptElements)}";
        return StableHash.Of(Network, text).ToString("x16");
    }

    /// <summary>An interval set takes no overlapping elements: what lies inside another prefix is dropped.</summary>
    private static List<IPNetwork> Disjoint(IReadOnlyList<IPNetwork> prefixes)
    {
        List<IPNetwork> kept = [];
        foreach (IPNetwork prefix in prefixes)
        {
            if (prefix.BaseAddress.AddressFamily != AddressFamily.InterNetwork || kept.Exists(k => Covers(k, prefix)))
                continue;
            kept.RemoveAll(k => Covers(prefix, k));
            kept.Add(prefix);
        }
        kept.Sort(static (a, b) => Number(a).CompareTo(Number(b)));
        return kept;
    }

    private static bool Covers(IPNetwork outer, IPNetwork inner) => outer.PrefixLength <= inner.PrefixLength && outer.Contains(inner.BaseAddress);

    private static uint Number(IPNetwork prefix)
    {
        Span<byte> bytes = stackalloc byte[4];
        prefix.BaseAddress.TryWriteBytes(bytes, out _);
        return System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(bytes);
    }
}
