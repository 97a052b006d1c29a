using System.Net;
using Twill.Host;
using Twill.Host.Reconcile;
using Twill.Linux;
using Twill.Linux.Neighbours;

namespace Twill.Agent;

/// <summary>
/// FDB entries and neighbours of the overlay devices, as the kernel announces them. It does not say whose doing a change was (of FDB
/// entries
/// never, of neighbours not when they go), so each is compared with what is wanted, and only what differs is somebody else's doing.
/// </summary>
internal sealed class HeardEntries
{
    /// <summary>More than the entries of any round of ours; then everything is looked at anyway.</summary>
    private const int Most = 1 << 15;

    private readonly Lock _lock = new();
    private readonly Dictionary<(string Device, MacAddress Mac), IPAddress> _fdb = [];
    private readonly Dictionary<OverlayHop, MacAddress> _neighbours = [];
    private Dictionary<(string, MacAddress?, IPAddress?), Heard> _heard = [];

    private readonly record struct Heard(string Device, Neighbour Entry, bool IsRemoval);

    /// <summary>Takes note of what a round wants, after it was written: only the round's thread calls this and
    /// <see cref="AreOurDoing"/>.</summary>
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
            _fdb.Remove((entry.Device, entry.Mac));
        }

        foreach (OverlayHop hop in round.Was.Neighbours.Keys)
        {
            _neighbours.Remove(hop);
        }

        Add(round.Desired);
    }

    /// <summary>Hears of a change, on any thread.</summary>
    /// <param name="device">Name of the overlay device.</param>
    /// <param name="change">The change.</param>
    internal void Add(string device, in NetworkChange change)
    {
        lock (_lock)
        {
            if (_heard.Count <= Most && change.Entry is { } entry)
            {
                // What was heard last of an entry is how it is: a host may have come and gone since.
                _heard[(device, entry.IsFdbEntry ? entry.Mac : null, entry.Address)] = new Heard(device, entry, change.IsRemoval);
            }
        }
    }

    /// <summary>Whether all that was heard so far leaves the entries as they are wanted.</summary>
    internal bool AreOurDoing()
    {
        Dictionary<(string, MacAddress?, IPAddress?), Heard> heard;
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
            _fdb[(entry.Device, entry.Mac)] = entry.Dst;
        }

        foreach ((OverlayHop hop, OverlayNeighbour neighbour) in desired.Neighbours)
        {
            _neighbours[hop] = neighbour.Mac;
        }
    }

    private bool FitsFdb(Heard heard)
    {
        bool wanted =
            heard.Entry.Mac is { } mac && _fdb.TryGetValue((heard.Device, mac), out IPAddress? dst) && dst.Equals(heard.Entry.Address);
        return heard.IsRemoval ? !wanted : wanted && (heard.Entry.Flags & NeighbourFlags.ExternallyLearned) != 0;
    }

    /// <summary>An address that nobody wants may have any neighbour but one of ours.</summary>
    private bool FitsNeighbour(Heard heard) =>
        heard.Entry.Address is { } address && _neighbours.TryGetValue(new OverlayHop(heard.Device, address), out MacAddress mac)
            ? !heard.IsRemoval && heard.Entry.IsPermanent && heard.Entry.Mac == mac
            : heard.IsRemoval || heard.Entry.Protocol != RouteProtocol.Twill;
}
