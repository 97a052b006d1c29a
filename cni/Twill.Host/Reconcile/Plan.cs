using Twill.Linux;
using Twill.System;

namespace Twill.Host.Reconcile;

/// <summary>
/// The difference between what should be and what is, in the order in which it is applied: first all that makes hosts reachable
/// (peers of tunnels, FDB, neighbours, nexthop objects, routes: a packet never meets half a path), then all that is in the way, from the
/// route downwards.
/// </summary>
public sealed record Plan
{
    /// <summary>Peers of WireGuard devices to write.</summary>
    public required IReadOnlyList<KeyValuePair<TunnelEnd, TunnelPeer>> PutTunnels { get; init; }

    /// <summary>FDB entries without our mark that sit on a wanted MAC address; the kernel would not let ours take their place.</summary>
    public required IReadOnlyList<OverlayFdbEntry> EvictFdb { get; init; }

    /// <summary>FDB entries to write.</summary>
    public required IReadOnlyList<OverlayFdbEntry> PutFdb { get; init; }

    /// <summary>Neighbours to write.</summary>
    public required IReadOnlyList<KeyValuePair<OverlayHop, OverlayNeighbour>> PutNeighbours { get; init; }

    /// <summary>Nexthop objects to make.</summary>
    public required IReadOnlyList<PeerNexthop> PutNexthops { get; init; }

    /// <summary>Routes to write.</summary>
    public required IReadOnlyList<PeerRoute> PutRoutes { get; init; }

    /// <summary>Routes of ours that nothing wants.</summary>
    public required IReadOnlyList<PeerRoute> RemoveRoutes { get; init; }

    /// <summary>Nexthop objects of ours that nothing wants, by number. The kernel deletes the routes that name one with it: ours go
    /// before.</summary>
    public required IReadOnlyList<uint> RemoveNexthops { get; init; }

    /// <summary>Neighbours of ours that nothing wants.</summary>
    public required IReadOnlyList<OverlayHop> RemoveNeighbours { get; init; }

    /// <summary>FDB entries of ours that nothing wants.</summary>
    public required IReadOnlyList<OverlayFdbEntry> RemoveFdb { get; init; }

    /// <summary>Peers of WireGuard devices that nothing wants, whoever made them: who is one may send into the network.</summary>
    public required IReadOnlyList<TunnelEnd> RemoveTunnels { get; init; }

    /// <summary>How many writes and removals it takes.</summary>
    public int Count =>
        PutTunnels.Count
        + EvictFdb.Count
        + PutFdb.Count
        + PutNeighbours.Count
        + PutNexthops.Count
        + PutRoutes.Count
        + RemoveRoutes.Count
        + RemoveNexthops.Count
        + RemoveNeighbours.Count
        + RemoveFdb.Count
        + RemoveTunnels.Count;

    /// <summary>What turns <paramref name="actual"/> into <paramref name="desired"/>.</summary>
    public static Plan Between(Desired desired, Actual actual)
    {
        OverlayFdbEntry[] putFdb = [.. desired.Fdb.FindAll(entry => !actual.Fdb.Contains(entry))];
        HashSet<(string, MacAddress)> put = [.. putFdb.ConvertAll(entry => (entry.Device, entry.Mac))];
        NexthopChoice nexthops = NexthopChoice.Of(desired, actual);
        return new Plan
        {
            PutTunnels = [.. Corrections(desired, actual)],
            EvictFdb = [.. actual.ForeignFdb.FindAll(entry => put.Contains((entry.Device, entry.Mac)))],
            PutFdb = putFdb,
            PutNeighbours = [.. desired.Neighbours.FindAll(want => !Has(actual, want))],
            PutNexthops = nexthops.Put,
            PutRoutes = [.. desired.Routes.ConvertAll(nexthops.Name).FindAll(route => !actual.Routes.Contains(route))],
            RemoveRoutes = [.. actual.Routes.FindAll(route => !IsWanted(desired, nexthops, route))],
            RemoveNexthops = nexthops.Remove,
            RemoveNeighbours = [.. actual.Neighbours.Keys.FindAll(hop => !desired.Neighbours.ContainsKey(hop))],
            // One that differs from the wanted one in more than its host is overwritten.
            RemoveFdb =
            [
                .. actual.Fdb.FindAll(entry => !desired.Fdb.Contains(entry) && (entry.IsPlain || !put.Contains((entry.Device, entry.Mac)))),
            ],
            RemoveTunnels = [.. actual.Tunnels.Keys.FindAll(end => !desired.Tunnels.ContainsKey(end))],
        };
    }

    private static IEnumerable<KeyValuePair<TunnelEnd, TunnelPeer>> Corrections(Desired desired, Actual actual)
    {
        foreach ((TunnelEnd end, TunnelPeer wanted) in desired.Tunnels)
        {
            if (TunnelPeer.Correction(wanted, actual.Tunnels.GetValueOrDefault(end)) is { } correction)
            {
                yield return new(end, correction);
            }
        }
    }

    private static bool IsWanted(Desired desired, NexthopChoice nexthops, PeerRoute route)
    {
        PeerRoute plain = route with { NexthopId = 0 };
        return desired.Routes.Contains(plain) && nexthops.Name(plain) == route;
    }

    private static bool Has(Actual actual, KeyValuePair<OverlayHop, OverlayNeighbour> want) =>
        actual.Neighbours.TryGetValue(want.Key, out OverlayNeighbour have) && have == want.Value;
}
