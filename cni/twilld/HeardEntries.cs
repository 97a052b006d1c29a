using System.Net;
using Twill.Host;
using Twill.Host.Reconcile;
using Twill.Linux;
using Twill.Linux.Neighbours;

namespace Twill.Agent;

/// <summary>
/// FDB entries and neighbours of the overlay device, as the kernel announces them. It does not say whose doing a change was (of FDB entries
/// never, of neighbours not when they go), so each is compared with what is wanted, and only what differs is somebody else's doing.
/// </summary>
internal sealed class HeardEntries
{
    /// <summary>More than the entries of any round of ours; then everything is looked at anyway.</summary>
    private const int Most = 1 << 15;

    private readonly Lock _lock = new();
    private readonly Dictionary<MacAddress, IPAddress> _fdb = [];
    private readonly Dictionary<IPAddress, MacAddress> _neighbours = [];
    private Dictionary<(MacAddress?, IPAddress?), Heard> _heard = [];

    private readonly record struct Heard(Neighbour Entry, bool IsRemoval);

    /// <summary>Takes note of what a round wants, after it was written: only the round's thread calls this and <see cref="AreOurDoing"/>.</summary>
    internal void Want(Desired desired)
    {
        _fdb.Clear();
        _neighbours.Clear();
        Add(desired);
    }

    /// <summary>Takes note of what changed for a few hosts.</summary>
    internal void Want(FollowUp round)
    {
        foreach (OverlayFdbEntry entry in round.Was.Fdb)
        {
            _fdb.Remove(entry.Mac);
        }

        foreach (IPAddress address in round.Was.Neighbours.Keys)
        {
            _neighbours.Remove(address);
        }

        Add(round.Desired);
    }

    /// <summary>Hears of a change, on any thread.</summary>
    internal void Add(in NetworkChange change)
    {
        lock (_lock)
        {
            if (_heard.Count <= Most && change.Entry is { } entry)
            {
                // What was heard last of an entry is how it is: a host may have come and gone since.
                _heard[entry.IsFdbEntry ? (entry.Mac, entry.Address) : (null, entry.Address)] = new Heard(entry, change.IsRemoval);
            }
        }
    }

    /// <summary>Whether all that was heard so far leaves the entries as they are wanted.</summary>
    internal bool AreOurDoing()
    {
        Dictionary<(MacAddress?, IPAddress?), Heard> heard;
        lock (_lock)
        {
            (heard, _heard) = (_heard, []);
        }

        return heard.Count <= Most && heard.Values.All(h => h.Entry.IsFdbEntry ? FitsFdb(h) : FitsNeighbour(h));
    }

    private void Add(Desired desired)
    {
        foreach (OverlayFdbEntry entry in desired.Fdb)
        {
            _fdb[entry.Mac] = entry.Dst;
        }

        foreach ((IPAddress address, OverlayNeighbour neighbour) in desired.Neighbours)
        {
            _neighbours[address] = neighbour.Mac;
        }
    }

    private bool FitsFdb(Heard heard)
    {
        bool wanted = heard.Entry.Mac is { } mac && _fdb.TryGetValue(mac, out IPAddress? dst) && dst.Equals(heard.Entry.Address);
        return heard.IsRemoval ? !wanted : wanted && (heard.Entry.Flags & NeighbourFlags.ExternallyLearned) != 0;
    }

    /// <summary>An address that nobody wants may have any neighbour but one of ours.</summary>
    private bool FitsNeighbour(Heard heard) => heard.Entry.Address is { } address && _neighbours.TryGetValue(address, out MacAddress mac)
        ? !heard.IsRemoval && heard.Entry.IsPermanent && heard.Entry.Mac == mac
        : heard.IsRemoval || heard.Entry.Protocol != RouteProtocol.Twill;
}
