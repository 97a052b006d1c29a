using System.Net;
using Twill.Host;
using Twill.Host.Reconcile;
using Twill.Linux;
using Twill.Linux.Neighbours;

namespace Twill.Agent;

/// <summary>
/// Collects the kernel's events of FDB entries and neighbours of the overlay devices. The kernel does not name the author of a change: of
/// FDB entries never, of neighbours not when they are deleted. So each event is compared with the desired entries. Only one that differs
/// was made by somebody else.
/// </summary>
internal sealed class OverlayEntryEvents
{
    /// <summary>More than the entries of any pass. Past that everything is compared with the kernel anyway.</summary>
    private const int Capacity = 1 << 17;

    private readonly Lock _lock = new();
    private readonly Dictionary<(string Device, MacAddress Mac), IPAddress> _fdb = [];
    private readonly Dictionary<OverlayHop, MacAddress> _neighbours = [];
    private Dictionary<(string, MacAddress?, IPAddress?), EntryEvent> _events = [];

    private readonly record struct EntryEvent(string Device, Neighbour Entry, bool IsRemoval);

    /// <summary>
    /// Records the desired entries, after they were written. Only the reconcile loop calls this and <see cref="TakeAndCompare"/>.
    /// </summary>
    internal void Expect(Desired desired)
    {
        _fdb.Clear();
        _neighbours.Clear();
        AddExpected(desired);
    }

    /// <summary>Records what changed for a few hosts.</summary>
    internal void Expect(IncrementalResult round)
    {
        foreach (OverlayFdbEntry entry in round.Was.Fdb)
        {
            _fdb.Remove((entry.Device, entry.Mac));
        }

        foreach (OverlayHop hop in round.Was.Neighbours.Keys)
        {
            _neighbours.Remove(hop);
        }

        AddExpected(round.Desired);
    }

    /// <summary>Adds an event. From any thread.</summary>
    /// <param name="device">Name of the overlay device.</param>
    /// <param name="change">The change.</param>
    internal void Add(string device, in NetworkChange change)
    {
        lock (_lock)
        {
            if (_events.Count <= Capacity && change.Entry is { } entry)
            {
                // The last event of an entry says how it is now: a host may have come and gone since.
                _events[(device, entry.IsFdbEntry ? entry.Mac : null, entry.Address)] = new EntryEvent(device, entry, change.IsRemoval);
            }
        }
    }

    /// <summary>Takes the events collected so far.</summary>
    /// <returns>Whether they leave the entries as desired.</returns>
    internal bool TakeAndCompare()
    {
        Dictionary<(string, MacAddress?, IPAddress?), EntryEvent> events;
        lock (_lock)
        {
            (events, _events) = (_events, []);
        }

        return events.Count <= Capacity && events.Values.All(e => e.Entry.IsFdbEntry ? IsExpectedFdb(e) : IsExpectedNeighbour(e));
    }

    private void AddExpected(Desired desired)
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

    private bool IsExpectedFdb(EntryEvent e)
    {
        if (OverlayFdbEntry.Of(e.Device, e.Entry) is not { } entry || !_fdb.TryGetValue((e.Device, entry.Mac), out IPAddress? dst))
        {
            return e.IsRemoval;
        }

        // The removal of one that says more than its host took the place of ours away.
        return e.IsRemoval
            ? entry.IsPlain && !dst.Equals(entry.Dst)
            : entry.IsPlain && dst.Equals(entry.Dst) && (e.Entry.Flags & NeighbourFlags.ExternallyLearned) != 0;
    }

    /// <summary>An address without a desired neighbour may have any but one with our mark.</summary>
    private bool IsExpectedNeighbour(EntryEvent e) =>
        e.Entry.Address is { } address && _neighbours.TryGetValue(new OverlayHop(e.Device, address), out MacAddress mac)
            ? !e.IsRemoval && e.Entry.IsPermanent && e.Entry.Mac == mac
            : e.IsRemoval || e.Entry.Protocol != RouteProtocol.Twill;
}
