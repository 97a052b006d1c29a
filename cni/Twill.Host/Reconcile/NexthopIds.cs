using Twill.System;

namespace Twill.Host.Reconcile;

/// <summary>
/// The numbers of nexthop objects: which of ours lead where, and which are taken by others. All networks of a host and all other programs
/// number theirs in one space. Ours are 0x74000000 to 0x74ffffff (1946157056 to 1963934719; 0x74 is 116, the protocol number that marks
/// what is ours): far above where the kernel and iproute2 begin to count, and outside the ranges that FRRouting gives to its daemons.
/// Within it, a hash of device and address says where to begin, and the first number that nobody has is taken.
/// </summary>
public sealed class NexthopIds
{
    private const int OffsetBits = 24;
    private const uint Offsets = 1 << OffsetBits;

    private readonly Dictionary<OverlayHop, uint> _ids = [];
    private readonly Dictionary<uint, OverlayHop> _hops = [];
    private readonly HashSet<uint> _others = [];

    /// <summary>Our objects by where they lead.</summary>
    public IReadOnlyDictionary<OverlayHop, uint> ByHop => _ids;

    /// <summary>Whether the number is of the range that ours are from.</summary>
    public static bool IsInRange(uint id) => id >> OffsetBits == RouteProtocol.Twill;

    /// <summary>The number of our object that leads there; 0 when there is none.</summary>
    public uint IdOf(OverlayHop hop) => _ids.GetValueOrDefault(hop);

    /// <summary>Where our object of that number leads; null when it is not ours.</summary>
    public OverlayHop? HopOf(uint id) => _hops.TryGetValue(id, out OverlayHop hop) ? hop : null;

    /// <summary>Takes note of an object of ours.</summary>
    /// <returns>False when another leads there already.</returns>
    public bool TryAdd(PeerNexthop nexthop)
    {
        if (!_ids.TryAdd(nexthop.Hop, nexthop.Id))
        {
            return false;
        }

        _hops[nexthop.Id] = nexthop.Hop;
        return true;
    }

    /// <summary>Takes note that a number is taken, by an object that no route of ours should name.</summary>
    public void AddOther(uint id) => _others.Add(id);

    /// <summary>Takes note of what a plan made and removed.</summary>
    public void Record(Plan plan)
    {
        foreach (uint id in plan.RemoveNexthops)
        {
            if (_hops.Remove(id, out OverlayHop hop))
            {
                _ids.Remove(hop);
            }

            _others.Remove(id);
        }

        foreach (PeerNexthop put in plan.PutNexthops)
        {
            TryAdd(put);
        }
    }

    /// <summary>A number for a new object.</summary>
    /// <param name="hop">Where it is to lead.</param>
    /// <param name="chosen">Numbers that were chosen for others, and are not made yet.</param>
    /// <returns>0 when the range is full.</returns>
    internal uint Choose(OverlayHop hop, HashSet<uint> chosen)
    {
        var start = (uint)StableHash.Of(hop.Device, hop.Address.ToString());
        for (uint i = 0; i < Offsets; i++)
        {
            uint id = ((uint)RouteProtocol.Twill << OffsetBits) | ((start + i) & (Offsets - 1));
            if (!_hops.ContainsKey(id) && !_others.Contains(id) && !chosen.Contains(id))
            {
                return id;
            }
        }

        return 0;
    }
}
