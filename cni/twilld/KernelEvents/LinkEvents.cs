using Twill.Linux;
using Twill.Linux.Links;

namespace Twill.Agent;

/// <summary>
/// Collects the kernel's events of the links that a network uses. Many of them change nothing that matters here: the kernel announces the
/// bridge whenever a container is added or deleted. So each event is compared with the link as the last pass left it.
/// <para>
/// Somebody may change a link after the pass has looked at it, and before the pass ends. So links are read before and after it: one that
/// differs was changed by the pass or by somebody else, which only another pass can tell. When it was changed and is as it was before, the
/// pass has changed it as well, and its events tell.
/// </para>
/// </summary>
internal sealed class LinkEvents
{
    private readonly Lock _lock = new();
    private readonly Dictionary<int, LinkState> _expected = [];
    private readonly Dictionary<int, LinkState> _before = [];
    private bool _changedDuringPass;
    private List<(int Index, LinkState? State)> _events = [];

    /// <summary>The attributes of a link that a pass depends on.</summary>
    private sealed record LinkState(string Name, bool IsUp, uint Mtu, MacAddress? Mac, int Master, string? Alias, string? Vxlan);

    /// <summary>Records the links before a pass looks at them. Only the reconcile loop calls this, <see cref="Expect"/> and
    /// <see cref="TakeAndCompare"/>.</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="indexes">Indexes of all interfaces, as far as they are known; 0 for none.</param>
    internal void BeginPass(RouteSocket route, params ReadOnlySpan<int> indexes)
    {
        _before.Clear();
        foreach (int index in indexes)
        {
            if (index != 0 && route.TryGetLink(index, out Link? link))
            {
                _before[index] = StateOf(link);
            }
        }
    }

    /// <summary>Records the links as a pass left them.</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="underlay">The underlay's interface and the MTU that the pass used. One that changed since is an event to act
    /// on.</param>
    /// <param name="indexes">Indexes of the other interfaces; 0 for none.</param>
    internal void Expect(RouteSocket route, (int Index, int Mtu) underlay, params ReadOnlySpan<int> indexes)
    {
        _expected.Clear();
        _changedDuringPass = false;
        if (underlay.Index != 0 && route.TryGetLink(underlay.Index, out Link? uplink))
        {
            LinkState state = StateOf(uplink);
            _expected[underlay.Index] = state with { Mtu = (uint)underlay.Mtu };
            _changedDuringPass |= IsChanged(underlay.Index, state);
        }

        foreach (int index in indexes)
        {
            if (index != 0 && route.TryGetLink(index, out Link? link))
            {
                LinkState state = StateOf(link);
                _expected[index] = state;
                _changedDuringPass |= IsChanged(index, state);
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
    /// <returns>Whether they leave the links as the last pass did, and that one found them as it left them.</returns>
    internal bool TakeAndCompare()
    {
        List<(int, LinkState?)> events;
        lock (_lock)
        {
            (events, _events) = (_events, []);
        }

        return !_changedDuringPass
            && events.TrueForAll(e =>
                e is (var index, { } state) && _expected.TryGetValue(index, out LinkState? expected) && state == expected
            );
    }

    /// <summary>A new link is not: its own events tell what became of it.</summary>
    private bool IsChanged(int index, LinkState now) => _before.TryGetValue(index, out LinkState? before) && before != now;

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
