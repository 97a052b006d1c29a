namespace Twill.Host.Reconcile;

/// <summary>Which nexthop object each wanted route names: the one that leads there already, or one to be made.</summary>
internal sealed class NexthopChoice
{
    private readonly Dictionary<OverlayHop, uint> _wanted = [];
    private readonly List<PeerNexthop> _put = [];
    private readonly List<uint> _remove;

    private NexthopChoice(IEnumerable<uint> strays) => _remove = [.. strays];

    /// <summary>Objects to make.</summary>
    internal IReadOnlyList<PeerNexthop> Put => _put;

    /// <summary>Objects that nothing wants.</summary>
    internal IReadOnlyList<uint> Remove => _remove;

    internal static NexthopChoice Of(Desired desired, Actual actual)
    {
        NexthopChoice choice = new(actual.StrayNexthops);
        if (actual.NexthopIds is { } ids)
        {
            choice.Choose(desired, ids);
        }

        foreach ((OverlayHop hop, uint id) in actual.Nexthops)
        {
            if (!choice._wanted.ContainsKey(hop))
            {
                choice._remove.Add(id);
            }
        }

        return choice;
    }

    /// <summary>The route with the number of its object, or as it is when it does without.</summary>
    /// <param name="route">A route that says next hop and device itself.</param>
    internal PeerRoute Name(PeerRoute route) =>
        route.NexthopKey is { } hop && _wanted.TryGetValue(hop, out uint id) ? route with { NexthopId = id } : route;

    private void Choose(Desired desired, NexthopIds ids)
    {
        HashSet<uint> chosen = [];
        foreach (PeerRoute route in desired.Routes)
        {
            if (route.NexthopKey is not { } hop || _wanted.ContainsKey(hop))
            {
                continue;
            }

            uint id = ids.IdOf(hop);
            if (id == 0)
            {
                id = ids.Choose(hop, chosen);
                if (id == 0)
                {
                    continue; // the range is full: the route says its way itself
                }

                chosen.Add(id);
                _put.Add(new PeerNexthop(id, hop));
            }

            _wanted.Add(hop, id);
        }
    }
}
