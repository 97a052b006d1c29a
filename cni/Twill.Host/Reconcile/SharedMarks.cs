using Twill.Host.Backends;

namespace Twill.Host.Reconcile;

/// <summary>
/// How many leases carry each <see cref="PeerMark"/>. A change of a host whose marks nobody else has is about that host alone, however many
/// others there are. Marks are counted by their hash: two that fall together make a look at all leases necessary that finds nothing.
/// </summary>
public sealed class SharedMarks
{
    private readonly Dictionary<int, int> _counts = [];

    /// <summary>Counts a lease.</summary>
    public void Add(PeerLease lease) => Count(lease, 1);

    /// <summary>Counts a lease no longer.</summary>
    public void Remove(PeerLease lease) => Count(lease, -1);

    /// <summary>Counts nothing any more.</summary>
    public void Clear() => _counts.Clear();

    /// <summary>Whether others than these may carry a mark of theirs.</summary>
    /// <param name="before">Changed leases as they were; not counted any more.</param>
    /// <param name="after">The changed leases as they are; counted.</param>
    public bool AreWithOthers(IEnumerable<PeerLease> before, IEnumerable<PeerLease> after)
    {
        Dictionary<int, int> own = [];
        foreach (PeerLease lease in before)
        {
            foreach (int mark in HashesOf(lease))
            {
                own.TryAdd(mark, 0);
            }
        }

        foreach (PeerLease lease in after)
        {
            foreach (int mark in HashesOf(lease))
            {
                own[mark] = own.GetValueOrDefault(mark) + 1;
            }
        }

        foreach ((int mark, int count) in own)
        {
            if (_counts.GetValueOrDefault(mark) > count)
            {
                return true;
            }
        }

        return false;
    }

    private void Count(PeerLease lease, int difference)
    {
        foreach (int mark in HashesOf(lease))
        {
            int count = _counts.GetValueOrDefault(mark) + difference;
            if (count == 0)
            {
                _counts.Remove(mark);
            }
            else
            {
                _counts[mark] = count;
            }
        }
    }

    private static List<int> HashesOf(PeerLease lease) => PeerMark.Of(lease).ConvertAll(static mark => mark.GetHashCode());
}
