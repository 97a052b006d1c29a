using System.Net;
using Twill.System;

namespace Twill.Cluster;

/// <summary>A key under <c>subnets/</c>.</summary>
/// <param name="Key">The key.</param>
/// <param name="Subnets">What it leases.</param>
/// <param name="Created">The revision at which it came to be.</param>
public readonly record struct LeaseClaim(string Key, SubnetKey Subnets, long Created);

/// <summary>
/// Which keys count as leases: those of the network and its length that overlap no older one that counts. All who read the same keys come
/// to the same answer. A key that does not count takes nothing from anybody.
/// </summary>
public sealed class LeaseCensus
{
    private readonly NetworkConfig? _network;
    private readonly Dictionary<string, string> _refused = [];
    private readonly Dictionary<IPNetwork, string> _owners = [];
    private readonly Dictionary<IPNetwork, string> _above = []; // prefixes that cover one of these, of the lengths that there are
    private readonly SortedSet<int> _lengths = [];
    private readonly bool _isContested;

    /// <summary>Counts.</summary>
    /// <param name="claims">All keys there are, in any order.</param>
    /// <param name="network">The network; null: it is not known, and only overlaps are looked at.</param>
    public LeaseCensus(IEnumerable<LeaseClaim> claims, NetworkConfig? network)
    {
        ArgumentNullException.ThrowIfNull(claims);
        _network = network;
        List<LeaseClaim> inOrder = [];
        foreach (LeaseClaim claim in claims)
        {
            if (network?.WhyNoLease(claim.Subnets, claim.Created) is { } why)
            {
                _refused[claim.Key] = why;
                continue;
            }

            inOrder.Add(claim);
            foreach (IPNetwork prefix in Prefixes(claim.Subnets))
            {
                _lengths.Add(prefix.PrefixLength);
            }
        }

        inOrder.SortBy(
            (one, other) =>
                one.Created != other.Created ? one.Created.CompareTo(other.Created) : string.CompareOrdinal(one.Key, other.Key)
        );
        foreach (LeaseClaim claim in inOrder)
        {
            if (FindOverlap(claim.Subnets) is { } older)
            {
                _refused[claim.Key] = Overlaps(older);
                _isContested = true;
            }
            else
            {
                Take(claim);
            }
        }
    }

    /// <summary>The keys that do not count, each with the reason, as the end of the sentence "it does not count: ..".</summary>
    public IReadOnlyDictionary<string, string> Refused => _refused;

    /// <summary>Whether a key counts, of those that were given.</summary>
    public bool Counts(string key) => !_refused.ContainsKey(key);

    /// <summary>Follows one change.</summary>
    /// <param name="key">The key that came, went or changed.</param>
    /// <param name="now">What it is now; null: gone.</param>
    /// <returns>False when others than this key may count now, or not any more: then all must be counted again.</returns>
    public bool TryFollow(string key, LeaseClaim? now)
    {
        if (_isContested)
        {
            return false;
        }

        if (now is not { } claim)
        {
            _refused.Remove(key);
            Release(key);
            return true;
        }

        if (_network?.WhyNoLease(claim.Subnets, claim.Created) is { } why)
        {
            _refused[key] = why;
            Release(key);
            return true;
        }

        foreach (IPNetwork prefix in Prefixes(claim.Subnets))
        {
            // With one length in each family, subnets overlap only when they are the same one.
            if (
                (_owners.TryGetValue(prefix, out string? owner) && owner != key)
                || _lengths.Count > (claim.Subnets.SubnetV6 is null ? 1 : 2)
                || !_lengths.Contains(prefix.PrefixLength)
            )
            {
                return false;
            }
        }

        _refused.Remove(key);
        Take(claim);
        return true;
    }

    private static string Overlaps(string older) => $"it overlaps the older {ForeignText.Shown(older)}";

    private static IEnumerable<IPNetwork> Prefixes(SubnetKey subnets)
    {
        yield return subnets.Subnet;
        if (subnets.SubnetV6 is { } v6)
        {
            yield return v6;
        }
    }

    private void Take(LeaseClaim claim)
    {
        foreach (IPNetwork prefix in Prefixes(claim.Subnets))
        {
            _owners[prefix] = claim.Key;
            foreach (int length in _lengths)
            {
                if (length < prefix.PrefixLength)
                {
                    _above.TryAdd(IPPrefix.Of(prefix.BaseAddress, length), claim.Key);
                }
            }
        }
    }

    private void Release(string key)
    {
        int at = key.LastIndexOf('/');
        if (!SubnetKey.TryParse(key.AsSpan(at + 1), out SubnetKey subnets))
        {
            return;
        }

        foreach (IPNetwork prefix in Prefixes(subnets))
        {
            if (_owners.TryGetValue(prefix, out string? owner) && owner == key)
            {
                _owners.Remove(prefix);
            }
        }
    }

    private string? FindOverlap(SubnetKey subnets)
    {
        foreach (IPNetwork prefix in Prefixes(subnets))
        {
            if (_above.TryGetValue(prefix, out string? inside))
            {
                return inside;
            }

            foreach (int length in _lengths)
            {
                if (length <= prefix.PrefixLength && _owners.TryGetValue(IPPrefix.Of(prefix.BaseAddress, length), out string? owner))
                {
                    return owner;
                }
            }
        }

        return null;
    }
}
