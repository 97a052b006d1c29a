using Twill.Linux;
using Twill.Linux.Links;

namespace Twill.Agent;

/// <summary>
/// What the kernel announces of the links that a network stands on. Much of it is no change in anything that matters here: a bridge is told
/// of
/// whenever a container comes or goes. Each is compared with the link as the last round left it.
/// </summary>
internal sealed class HeardLinks
{
    private readonly Lock _lock = new();
    private readonly Dictionary<int, Shape> _left = [];
    private List<(int Index, Shape? Shape)> _heard = [];

    /// <summary>What of a link matters to a round; null stands for one that is gone.</summary>
    private sealed record Shape(string Name, bool IsUp, uint Mtu, MacAddress? Mac, int Master, string? Alias, string? Vxlan);

    /// <summary>Takes note of the links as a round left them.</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="indexes">Their indexes; 0 for none.</param>
    internal void Leave(RouteSocket route, params ReadOnlySpan<int> indexes)
    {
        _left.Clear();
        foreach (int index in indexes)
        {
            if (index != 0 && route.TryGetLink(index, out Link? link))
            {
                _left[index] = Of(link);
            }
        }
    }

    /// <summary>Hears of a change, on any thread.</summary>
    internal void Add(in NetworkChange change)
    {
        lock (_lock)
        {
            _heard.Add((change.Index, change.IsRemoval || change.Link is null ? null : Of(change.Link)));
        }
    }

    /// <summary>Whether all that was heard so far leaves the links as the last round did.</summary>
    internal bool AreAsLeft()
    {
        List<(int, Shape?)> heard;
        lock (_lock)
        {
            (heard, _heard) = (_heard, []);
        }

        return heard.TrueForAll(h => h is (var index, { } shape) && _left.TryGetValue(index, out Shape? left) && shape == left);
    }

    private static Shape Of(Link link) =>
        new(
            link.Name,
            link.IsUp,
            link.Mtu,
            link.Mac,
            link.MasterIndex,
            link.Alias,
            link.Vxlan is { } v ? $"{v.Vni} {v.Port} {v.Local} {v.Learning} {v.LowerIndex} {v.External}" : null
        );
}
