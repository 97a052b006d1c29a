using Twill.Host;
using Twill.Host.Reconcile;
using Twill.Linux;
using Twill.Linux.Nexthops;

namespace Twill.Agent;

/// <summary>
/// Collects the kernel's events of nexthop objects. Those of other networks and programs matter as little here as they are many, so each
/// event is compared with the objects as the last pass left them.
/// </summary>
internal sealed class NexthopEvents
{
    /// <summary>More than the objects of any pass. Past that everything is compared with the kernel anyway.</summary>
    private const int Capacity = 1 << 17;

    private readonly Lock _lock = new();
    private Dictionary<uint, NexthopEvent> _events = [];
    private NexthopIds? _expected;

    /// <param name="Device">Name of the overlay device that it leads through; null when it leads through none of this network's.</param>
    /// <param name="Nexthop">The object as it is, or was when it went.</param>
    /// <param name="IsRemoval">Whether it went.</param>
    private readonly record struct NexthopEvent(string? Device, NexthopObject Nexthop, bool IsRemoval);

    /// <summary>
    /// Records the objects that there are after a pass. Only the reconcile loop calls this and <see cref="TakeAndCompare"/>, and changes
    /// them.
    /// </summary>
    internal void Expect(NexthopIds? ids) => _expected = ids;

    /// <summary>Adds an event. From any thread.</summary>
    /// <param name="device">Name of the overlay device that the object leads through; null when it leads through none of this
    /// network's.</param>
    /// <param name="change">The change.</param>
    internal void Add(string? device, in NetworkChange change)
    {
        lock (_lock)
        {
            if (_events.Count <= Capacity && change.Nexthop is { } nexthop)
            {
                // The last event of an object says how it is now.
                _events[nexthop.Id] = new NexthopEvent(device, nexthop, change.IsRemoval);
            }
        }
    }

    /// <summary>Takes the events collected so far.</summary>
    /// <returns>Whether they leave the objects as desired.</returns>
    internal bool TakeAndCompare()
    {
        Dictionary<uint, NexthopEvent> events;
        lock (_lock)
        {
            (events, _events) = (_events, []);
        }

        return events.Count <= Capacity && events.Values.All(IsExpected);
    }

    private bool IsExpected(NexthopEvent e)
    {
        if (_expected?.HopOf(e.Nexthop.Id) is not { } hop)
        {
            return e.IsRemoval || e.Device is null || e.Nexthop.Protocol != RouteProtocol.Twill;
        }

        return !e.IsRemoval
            && e.Nexthop is { Onlink: true, Protocol: RouteProtocol.Twill }
            && e.Device == hop.Device
            && hop.Address.Equals(e.Nexthop.Gateway);
    }
}
