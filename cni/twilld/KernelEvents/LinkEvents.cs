using Twill.Linux;
using Twill.Linux.Links;

namespace Twill.Agent;

/// <summary>
/// Collects the kernel's events of the links that a network uses. Many of them change nothing that matters here: the kernel announces the
/// bridge whenever a container is added or deleted. So each event is compared with the link as the last pass left it.
/// </summary>
internal sealed class LinkEvents
{
    private readonly Lock _lock = new();
    private readonly Dictionary<int, LinkState> _expected = [];
    private List<(int Index, LinkState? State)> _events = [];

    /// <summary>The attributes of a link that a pass depends on.</summary>
    private sealed record LinkState(string Name, bool IsUp, uint Mtu, MacAddress? Mac, int Master, string? Alias, string? Vxlan);

    /// <summary>Records the links as a pass left them. Only the reconcile loop calls this and <see cref="TakeAndCompare"/>.</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="underlay">The underlay's interface and the MTU that the pass used. One that changed since is an event to act
    /// on.</param>
    /// <param name="indexes">Indexes of the other interfaces; 0 for none.</param>
    internal void Expect(RouteSocket route, (int Index, int Mtu) underlay, params ReadOnlySpan<int> indexes)
    {
        _expected.Clear();
        if (underlay.Index != 0 && route.TryGetLink(underlay.Index, out Link? uplink))
        {
            _expected[underlay.Index] = StateOf(uplink) with { Mtu = (uint)underlay.Mtu };
        }

        foreach (int index in indexes)
        {
            if (index != 0 && route.TryGetLink(index, out Link? link))
            {
                _expected[index] = StateOf(link);
            }
        }
    }

    /// <summary>Adds an event. From any thread.</summary>
    internal void Add(in NetworkChange change)
    {
        lock (_lock)
        {
            _events.Add((change.Index, change.IsRemoval || change.Link is null ? null : StateOf(change.Link)));
        }
    }

    /// <summary>Takes the events collected so far.</summary>
    /// <returns>Whether they leave the links as the last pass did.</returns>
    internal bool TakeAndCompare()
    {
        List<(int, LinkState?)> events;
        lock (_lock)
        {
            (events, _events) = (_events, []);
        }

        return events.TrueForAll(e =>
            e is (var index, { } state) && _expected.TryGetValue(index, out LinkState? expected) && state == expected
        );
    }

    private static LinkState StateOf(Link link) =>
        new(
            link.Name,
            link.IsUp,
            link.Mtu,
            link.Mac,
            link.MasterIndex,
            link.Alias,
            link.Vxlan is { } v ? $"{v.Vni} {v.Port} {v.Local} {v.Learning} {v.LowerIndex} {v.External} {v.Remote} {v.Ttl}" : null
        );
}
