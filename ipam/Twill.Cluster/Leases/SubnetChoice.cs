using System.Net;
using Twill.System;

namespace Twill.Cluster;

/// <summary>Which subnet of one family to try next: pure, of what is leased and what is remembered. Never-used ones first, any of them with
/// the same chance so that nodes that start together rarely meet; then those whose last owner has been away longest.</summary>
internal sealed class SubnetChoice(SubnetRange range)
{
    private readonly List<(UInt128 From, UInt128 To)> _leased = [];
    private readonly List<(UInt128 From, UInt128 To, long Revision)> _remembered = [];

    /// <summary>A subnet of any length and family that somebody holds.</summary>
    public void AddLeased(IPNetwork subnet)
    {
        if (range.IndexesOf(subnet) is { } span)
        {
            _leased.Add(span);
        }
    }

    /// <summary>A subnet of any length and family that a node had; the revision orders nodes by when they were last alive.</summary>
    public void AddRemembered(IPNetwork subnet, long revision)
    {
        if (range.IndexesOf(subnet) is { } span)
        {
            _remembered.Add((span.From, span.To, revision));
        }
    }

    /// <summary>True when the subnet is of the range and nobody holds any of it.</summary>
    public bool IsFree(IPNetwork subnet) =>
        range.Leases(subnet) && range.IndexesOf(subnet) is { } span && !_leased.Exists(other => Meet(span, other));

    /// <summary>True when nobody had any of it either.</summary>
    public bool IsUnused(IPNetwork subnet) =>
        IsFree(subnet) && range.IndexesOf(subnet) is { } span && !_remembered.Exists(other => Meet(span, (other.From, other.To)));

    /// <summary>A subnet to try, or null when all are leased.</summary>
    /// <param name="random">Where chance comes from.</param>
    /// <param name="lostRaces">How many tries were lost so far: the choice among old ones widens with it.</param>
    public IPNetwork? Pick(Random random, int lostRaces)
    {
        List<(UInt128 From, UInt128 To)> used = [.. _leased];
        foreach ((UInt128 from, UInt128 to, _) in _remembered)
        {
            used.Add((from, to));
        }

        List<(UInt128 From, UInt128 To)> among = Gaps(used);
        if (among.Count > 0)
        {
            return range[Nth(among, random.NextInt64(Count(among, long.MaxValue)))];
        }

        among = LongestAway();
        return among.Count == 0 ? null : range[Nth(among, random.Next((int)Count(among, 1L << Math.Min(lostRaces, 20))))];
    }

    /// <summary>What is only remembered, the longest expired first. A subnet that several had counts by the newest.</summary>
    private List<(UInt128 From, UInt128 To)> LongestAway()
    {
        List<(UInt128 From, UInt128 To)> free = Gaps(_leased);
        List<UInt128> borders = [];
        foreach ((UInt128 from, UInt128 to) in free)
        {
            borders.AddRange([from, to + 1]);
        }

        foreach ((UInt128 from, UInt128 to, _) in _remembered)
        {
            borders.AddRange([from, to + 1]);
        }

        borders.SortBy(static (one, other) => one.CompareTo(other));

        List<(long Revision, UInt128 From, UInt128 To)> parts = [];
        for (int i = 0; i + 1 < borders.Count; i++)
        {
            (UInt128 From, UInt128 To) part = (borders[i], borders[i + 1] - 1);
            if (borders[i] == borders[i + 1] || !free.Exists(gap => Meet(gap, part)))
            {
                continue;
            }

            long newest = long.MinValue;
            foreach ((UInt128 from, UInt128 to, long revision) in _remembered)
            {
                if (Meet((from, to), part))
                {
                    newest = Math.Max(newest, revision);
                }
            }
            if (newest > long.MinValue)
            {
                parts.Add((newest, part.From, part.To));
            }
        }
        parts.SortBy(static (one, other) => one.CompareTo(other));
        return parts.ConvertAll(part => (part.From, part.To));
    }

    private static bool Meet((UInt128 From, UInt128 To) one, (UInt128 From, UInt128 To) other) =>
        one.From <= other.To && other.From <= one.To;

    private List<(UInt128 From, UInt128 To)> Gaps(List<(UInt128 From, UInt128 To)> spans)
    {
        List<(UInt128 From, UInt128 To)> sorted = [.. spans],
            gaps = [];
        sorted.SortBy(static (one, other) => one.CompareTo(other));
        UInt128 next = 0;
        foreach ((UInt128 from, UInt128 to) in sorted)
        {
            if (from > next)
            {
                gaps.Add((next, from - 1));
            }

            next = UInt128.Max(next, to + 1);
        }
        if (next < range.Count)
        {
            gaps.Add((next, range.Count - 1));
        }

        return gaps;
    }

    private static long Count(List<(UInt128 From, UInt128 To)> spans, long most)
    {
        UInt128 count = 0;
        foreach ((UInt128 from, UInt128 to) in spans)
        {
            count += to - from + 1;
        }

        return (long)UInt128.Min(count, (UInt128)most);
    }

    private static UInt128 Nth(List<(UInt128 From, UInt128 To)> spans, long n)
    {
        UInt128 rest = (UInt128)n;
        foreach ((UInt128 from, UInt128 to) in spans)
        {
            if (rest <= to - from)
            {
                return from + rest;
            }

            rest -= to - from + 1;
        }
        throw new ArgumentOutOfRangeException(nameof(n));
    }
}
