using System.Net;
using Twill.Host.Backends;
using Twill.Host.Reconcile;
using Twill.Linux;
using Twill.Linux.WireGuard;

namespace Twill.Agent;

/// <summary>Tells a person what a round changed: hosts that came, left or moved, and entries that somebody else had broken.</summary>
internal sealed class PeerReport(Log log)
{
    /// <summary>More lines than this of one kind in one round become one line with a count; all of them go to the debug level.</summary>
    internal const int MostLines = LogLimit.MostInSecond;

    private Dictionary<IPNetwork, PeerPath>? _peers;
    private readonly Dictionary<IPNetwork, string> _skipped = [];

    /// <summary>Reports the round that applied <paramref name="plan"/>.</summary>
    /// <param name="desired">What was wanted.</param>
    /// <param name="plan">What it took.</param>
    /// <param name="freshDevices">The overlay devices that were made in this round, empty.</param>
    internal void Tell(Desired desired, Plan plan, IReadOnlyCollection<string> freshDevices)
    {
        Dictionary<IPNetwork, PeerPath> now = desired.Peers.ToDictionary(peer => peer.Subnet);
        bool first = _peers is null;
        Dictionary<IPNetwork, PeerPath> before = _peers ?? AlreadyThere(now, plan);
        if (first && before.Count > 0)
        {
            log.Info($"{Peers(before.Count)} already in place");
        }

        Compare(before, now, plan, freshDevices);
        _peers = now;
        TellSkipped(desired.Skipped, [.. _skipped.Keys]);
    }

    /// <summary>Reports what became of a few hosts.</summary>
    internal void Tell(IncrementalResult round)
    {
        Compare(
            round.Was.Peers.ToDictionary(peer => peer.Subnet),
            round.Desired.Peers.ToDictionary(peer => peer.Subnet),
            round.Plan,
            freshDevices: []
        );
        foreach (PeerPath peer in round.Was.Peers)
        {
            _peers?.Remove(peer.Subnet);
        }

        foreach (PeerPath peer in round.Desired.Peers)
        {
            _peers?.TryAdd(peer.Subnet, peer);
        }

        TellSkipped(round.Desired.Skipped, round.Was.Skipped.ConvertAll(skip => skip.Peer.Subnet));
    }

    private void Compare(
        Dictionary<IPNetwork, PeerPath> before,
        Dictionary<IPNetwork, PeerPath> now,
        Plan plan,
        IReadOnlyCollection<string> freshDevices
    )
    {
        Lines(LogLevel.Info, "peers added", [.. now.Values.Where(p => !before.ContainsKey(p.Subnet)).Select(p => $"peer {p} added")]);
        Lines(LogLevel.Info, "peers removed", [.. before.Values.Where(p => !now.ContainsKey(p.Subnet)).Select(p => $"peer {p} removed")]);
        Lines(
            LogLevel.Info,
            "peers changed",
            [.. now.Values.Where(p => before.TryGetValue(p.Subnet, out PeerPath? was) && was != p).Select(p => Change(before[p.Subnet], p))]
        );
        if (plan.Count == 0)
        {
            return;
        }

        PeerPath[] settled = [.. now.Values.Where(p => before.TryGetValue(p.Subnet, out PeerPath? was) && was == p)];
        PeerRoute[] restated = [.. Restated(plan)];
        if (restated.Length > 0)
        {
            log.Info(
                restated[0].NexthopId != 0
                    ? $"{Routes(restated.Length)} by a nexthop object now"
                    : $"{Routes(restated.Length)} without a nexthop object now"
            );
        }

        HashSet<IPNetwork> anew = [.. plan.PutRoutes.Where(route => freshDevices.Contains(route.Device)).Select(route => route.Subnet)];
        int written = settled.Count(p => anew.Contains(p.Subnet));
        if (written > 0)
        {
            log.Info($"{Peers(written)} written to the new device");
        }

        Lines(LogLevel.Warning, "entries put back", [.. Repairs(plan, restated, [.. settled.Where(p => !anew.Contains(p.Subnet))])]);

        Lines(LogLevel.Info, "stale entries removed", [.. Leftovers(plan, before, now)]);
    }

    private static string Routes(int count) => count == 1 ? "1 route leads" : $"{count} routes lead";

    /// <summary>
    /// The routes that lead where they led, but say so by a nexthop object, or do not any more: after another version of twill, or another
    /// kernel. Nobody had broken them.
    /// </summary>
    private static IEnumerable<PeerRoute> Restated(Plan plan)
    {
        HashSet<PeerRoute> plain = [.. plan.RemoveRoutes.Where(route => route.NexthopId == 0)];
        HashSet<PeerRoute> named =
        [
            .. plan.RemoveRoutes.Where(route => route.NexthopId != 0).Select(route => route with { NexthopId = 0 }),
        ];
        return plan.PutRoutes.Where(route =>
            route.NexthopId != 0 ? plain.Contains(route with { NexthopId = 0 }) : named.Contains(route)
        );
    }

    private static string Peers(int count) => count == 1 ? "1 peer" : $"{count} peers";

    /// <summary>At the first round: the peers that an earlier run of the agent left in the kernel as they should be.</summary>
    private static Dictionary<IPNetwork, PeerPath> AlreadyThere(Dictionary<IPNetwork, PeerPath> now, Plan plan)
    {
        HashSet<IPNetwork> written = [.. plan.PutRoutes.Except(Restated(plan)).Select(route => route.Subnet)];
        return now.Where(peer => !written.Contains(peer.Key)).ToDictionary();
    }

    private static string Change(PeerPath was, PeerPath now) =>
        was.PublicIP.Equals(now.PublicIP) && was.PublicKey != now.PublicKey
            ? $"peer {now} changed: public key {was.PublicKey} is now {now.PublicKey}"
        : was.PublicIP.Equals(now.PublicIP)
            ? $"peer {now} changed: {(was.VtepMac is null ? "direct" : $"VtepMAC {was.VtepMac}")} is now "
                + $"{(now.VtepMac is null ? "direct" : now.VtepMac)}"
        : $"peer {now.Subnet} moved from {was.PublicIP} to {now.PublicIP}";

    /// <summary>What was written for peers that nothing had changed about.</summary>
    private static IEnumerable<string> Repairs(Plan plan, PeerRoute[] restated, PeerPath[] settled)
    {
        HashSet<IPNetwork> subnets = [.. settled.Select(p => p.Subnet)];
        HashSet<IPAddress?> hops =
        [
            .. settled.Where(p => p.VtepMac is not null).Select(p => PeerRoute.Overlay(p.Subnet, p.VtepMac!.Value, "").Via),
        ];
        HashSet<OverlayHop?> again = [.. restated.Select(route => route.NexthopKey)];
        HashSet<WireGuardKey?> keys = [.. settled.Select(p => p.PublicKey)];
        HashSet<MacAddress?> macs = [.. settled.Select(p => p.VtepMac)];
        IEnumerable<string> entries =
        [
            .. plan.PutNexthops.Where(put => hops.Contains(put.Hop.Address) && !again.Contains(put.Hop)).Select(put => $"{put}"),
            .. plan.PutRoutes.Except(restated).Where(route => subnets.Contains(route.Subnet)).Select(route => $"{route}"),
            .. plan.PutNeighbours.Where(n => hops.Contains(n.Key.Address)).Select(n => $"neighbour {n.Key.Address} lladdr {n.Value.Mac}"),
            .. plan.PutFdb.Where(entry => macs.Contains(entry.Mac)).Select(entry => $"{entry}"),
            .. plan.PutTunnels.Where(put => keys.Contains(put.Key.PublicKey)).Select(put => $"{put.Key}"),
        ];
        return entries.Select(entry => $"{entry} was missing or changed, and is put back");
    }

    private static IEnumerable<string> Leftovers(Plan plan, Dictionary<IPNetwork, PeerPath> before, Dictionary<IPNetwork, PeerPath> now) =>
        plan
            .RemoveRoutes.Where(route => !before.ContainsKey(route.Subnet) && !now.ContainsKey(route.Subnet))
            .Select(route => $"stale {route} removed");

    private void Lines(LogLevel level, string many, List<string> lines)
    {
        bool few = lines.Count <= MostLines;
        foreach (string line in lines)
        {
            log.Limited(few ? level : LogLevel.Debug, line);
        }

        if (!few)
        {
            log.Limited(level, $"{lines.Count} {many}");
        }
    }

    private void TellSkipped(IReadOnlyList<SkippedPeer> skips, IReadOnlyList<IPNetwork> before)
    {
        Dictionary<IPNetwork, string> now = [];
        List<string> lines = [];
        foreach (SkippedPeer skip in skips)
        {
            now[skip.Peer.Subnet] = skip.Why;
            if (!_skipped.TryGetValue(skip.Peer.Subnet, out string? why) || why != skip.Why)
            {
                lines.Add($"lease {skip.Peer} is skipped: {skip.Why}");
            }
        }

        Lines(LogLevel.Warning, "leases skipped", lines);
        foreach (IPNetwork subnet in before)
        {
            _skipped.Remove(subnet);
        }

        foreach ((IPNetwork subnet, string why) in now)
        {
            _skipped[subnet] = why;
        }
    }
}
