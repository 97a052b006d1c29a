using Twill.Host.Backends;

namespace Twill.Host.Reconcile;

/// <summary>
/// How many leases carry each of the marks by which the entries of several hosts depend on one another: hardware address, WireGuard key,
/// first address of a subnet. A change of a host whose marks nobody else has is about that host alone, however many others there are.
/// Marks are counted by their hash: two that fall together make a look at all leases necessary that finds nothing.
/// </summary>
public sealed class SharedMarks
{
    private readonly Dictionary<int, int> _counts = [];

    private enum Kind
    {
        HardwareAddress,
        WireGuardKey,
        FirstAddress,
    }

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
            foreach (int mark in MarksOf(lease))
            {
                own.TryAdd(mark, 0);
            }
        }

        foreach (PeerLease lease in after)
        {
            foreach (int mark in MarksOf(lease))
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
        foreach (int mark in MarksOf(lease))
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

    private static IEnumerable<int> MarksOf(PeerLease lease)
    {
        yield return HashCode.Combine(Kind.FirstAddress, lease.Subnet.BaseAddress);
        foreach (PeerAddress address in lease.Addresses)
        {
            if (address.VtepMac is { } mac)
            {
                yield return HashCode.Combine(Kind.HardwareAddress, mac);
            }

            if (address.WireGuard is { } end)
            {
                yield return HashCode.Combine(Kind.WireGuardKey, end.PublicKey);
            }
        }
    }
}
