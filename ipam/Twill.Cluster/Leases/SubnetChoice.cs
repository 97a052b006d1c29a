using System.Net;

namespace Twill.Cluster;

/// <summary>Which subnet to try next: pure, of what is leased and what is remembered. Never-used ones first, any of them with the same
/// chance so that nodes that start together rarely meet; then those whose last owner has been away longest.</summary>
internal sealed class SubnetChoice
{
    private readonly long _first;       // SubnetMin as a number; subnets are counted from it
    private readonly int _shift;
    private readonly long _count;
    private readonly List<(long From, long To)> _leased = [];
    private readonly List<(long From, long To, long Revision)> _remembered = [];

    public SubnetChoice(NetworkConfig config)
    {
        _first = FlannelText.Number(config.SubnetMin);
        _shift = 32 - config.SubnetLen;
        _count = config.SubnetCount;
    }

    /// <summary>A subnet of any length that somebody holds.</summary>
    public void AddLeased(IPNetwork subnet)
    {
        if (Span(subnet) is { } span) _leased.Add(span);
    }

    /// <summary>A subnet of any length that a node had; the revision orders nodes by when they were last alive.</summary>
    public void AddRemembered(IPNetwork subnet, long revision)
    {
        if (Span(subnet) is { } span) _remembered.Add((span.From, span.To, revision));
    }

    /// <summary>A subnet to try, or null when all are leased.</summary>
    /// <param name="random">Where chance comes from.</param>
    /// <param name="lostRaces">How many tries were lost so far: the choice among old ones widens with it.</param>
    public IPNetwork? Pick(Random random, int lostRaces)
    {
        List<(long From, long To)> used = [.. _leased];
        foreach ((long from, long to, _) in _remembered) used.Add((from, to));
        List<(long From, long To)> unused = Gaps(used);
        long count = Count(unused);
        if (count > 0) return Subnet(Nth(unused, random.NextInt64(count)));

        List<(long Index, long Revision)> old = LongestAway();
        if (old.Count == 0) return null;
        int among = Math.Min(old.Count, 1 << Math.Min(lostRaces, 20));
        return Subnet(old[random.Next(among)].Index);
    }

    /// <summary>Subnets that are only remembered, the longest expired first. A subnet that several had counts by the newest.</summary>
    private List<(long Index, long Revision)> LongestAway()
    {
        var newest = new Dictionary<long, long>();
        foreach ((long from, long to) in Gaps(_leased))
        {
            foreach ((long rememberedFrom, long rememberedTo, long revision) in _remembered)
            {
                for (long i = Math.Max(from, rememberedFrom); i <= Math.Min(to, rememberedTo); i++)
                    newest[i] = Math.Max(revision, newest.GetValueOrDefault(i));
            }
        }
        List<(long Index, long Revision)> sorted = new(newest.Count);
        foreach ((long index, long revision) in newest) sorted.Add((index, revision));
        sorted.Sort(static (a, b) => a.Revision != b.Revision ? a.Revision.CompareTo(b.Revision) : a.Index.CompareTo(b.Index));
        return sorted;
    }

    private (long From, long To)? Span(IPNetwork subnet)
    {
        long from = FlannelText.Number(subnet.BaseAddress), to = from + (1L << (32 - subnet.PrefixLength)) - 1;
        if (to < _first || from >= _first + (_count << _shift)) return null;
        return (Math.Max(0, (from - _first) >> _shift), Math.Min(_count - 1, (to - _first) >> _shift));
    }

    private List<(long From, long To)> Gaps(List<(long From, long To)> spans)
    {
        List<(long From, long To)> sorted = [.. spans], gaps = [];
        sorted.Sort();
        long next = 0;
        foreach ((long from, long to) in sorted)
        {
            if (from > next) gaps.Add((next, from - 1));
            next = Math.Max(next, to + 1);
        }
        if (next < _count) gaps.Add((next, _count - 1));
        return gaps;
    }

    private static long Count(List<(long From, long To)> spans)
    {
        long count = 0;
        foreach ((long from, long to) in spans) count += to - from + 1;
        return count;
    }

    private static long Nth(List<(long From, long To)> spans, long n)
    {
        foreach ((long from, long to) in spans)
        {
            if (n <= to - from) return from + n;
            n -= to - from + 1;
        }
        throw new ArgumentOutOfRangeException(nameof(n));
    }

    private IPNetwork Subnet(long index) => new(FlannelText.Address((uint)(_first + (index << _shift))), 32 - _shift);
}
