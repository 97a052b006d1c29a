using System.Net.Sockets;
using Twill.Linux;
using Twill.Linux.Neighbours;
using Twill.Linux.Nexthops;
using Twill.Linux.Routes;
using Twill.System;

namespace Twill.Host.Reconcile;

/// <summary>Carries out a plan: many messages per system call, in the plan's order, none kept from the kernel by the failure of
/// another.</summary>
public static class Applier
{
    /// <summary>Carries out the plan.</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="names">Names of links for this round.</param>
    /// <param name="plan">What to do.</param>
    /// <returns>The entries that the kernel refused, each with the refusal.</returns>
    public static IReadOnlyList<Refusal> Apply(RouteSocket route, LinkNames names, Plan plan)
    {
        List<Refusal> refusals = TunnelApplier.Put(route, plan);
        RouteBatch batch = route.NewBatch();
        List<object> entries = [];
        foreach (OverlayFdbEntry entry in plan.EvictFdb)
        {
            batch.Add(Delete(entry, names), tolerate: Errno.ENOENT);
            entries.Add(entry);
        }

        foreach (OverlayFdbEntry entry in plan.PutFdb)
        {
            batch.Add(
                new NewFdbEntry(names.IndexOf(entry.Device), entry.Mac) { Destination = entry.Dst, EntryFlags = OverlayFdbEntry.Mark }
            );
            entries.Add(entry);
        }

        foreach ((OverlayHop hop, OverlayNeighbour neighbour) in plan.PutNeighbours)
        {
            batch.Add(new NewNeighbour(names.IndexOf(hop.Device), hop.Address, neighbour.Mac) { Protocol = RouteProtocol.Twill });
            entries.Add($"neighbour {hop.Address} lladdr {neighbour.Mac}");
        }

        Dictionary<uint, IOException> missing = PutNexthops(batch, entries, refusals, names, plan);
        foreach (PeerRoute put in plan.PutRoutes)
        {
            if (missing.TryGetValue(put.NexthopId, out IOException? error))
            {
                refusals.Add(new Refusal(put, error));
                continue;
            }

            // IPv4: not "replace", which would overwrite whatever route to the subnet comes first, whoever made it. Ours goes before it.
            // IPv6 compares the metric as well, and would share the packets between ours and another of that metric.
            bool v6 = put.Subnet.BaseAddress.AddressFamily == AddressFamily.InterNetworkV6;
            batch.Add(
                new NewRoute(put.Subnet)
                {
                    Mode = v6 ? RouteMode.Replace : RouteMode.Prepend,
                    NexthopId = put.NexthopId,
                    Gateway = put.NexthopId == 0 ? put.Via : null,
                    Index = put.NexthopId == 0 ? names.IndexOf(put.Device) : 0,
                    Onlink = put.NexthopId == 0 && put.OnLink,
                    Metric = put.Metric,
                    RouteType = put.Type,
                    Protocol = RouteProtocol.Twill,
                },
                tolerate: Errno.EEXIST
            );
            entries.Add(put);
        }

        foreach (PeerRoute gone in plan.RemoveRoutes)
        {
            batch.Add(
                new DeleteRoute(gone.Subnet)
                {
                    NexthopId = gone.NexthopId,
                    Gateway = gone.NexthopId == 0 ? gone.Via : null,
                    Index = gone.NexthopId == 0 ? names.IndexOf(gone.Device) : 0,
                    Metric = gone.Metric,
                    // One by a blackhole is shown as a route of that type, which it is not.
                    RouteType = gone.NexthopId == 0 ? gone.Type : RouteType.Unspecified,
                    Protocol = RouteProtocol.Twill,
                },
                tolerate: Errno.ESRCH
            );
            entries.Add(gone);
        }

        foreach (uint id in plan.RemoveNexthops)
        {
            batch.Add(new DeleteNexthop(id), tolerate: Errno.ENOENT);
            entries.Add($"nexthop {id}");
        }

        foreach (OverlayHop hop in plan.RemoveNeighbours)
        {
            batch.Add(new DeleteNeighbour(names.IndexOf(hop.Device), hop.Address), tolerate: Errno.ENOENT);
            entries.Add($"neighbour {hop.Address}");
        }

        foreach (OverlayFdbEntry entry in plan.RemoveFdb)
        {
            // A replaced destination is gone already when its turn comes.
            batch.Add(Delete(entry, names), tolerate: Errno.ENOENT);
            entries.Add(entry);
        }

        Send(batch, entries, refusals);
        refusals.AddRange(TunnelApplier.Remove(route, plan));
        return refusals;
    }

    /// <summary>The kernel finds an entry that says more than the host only when all of that is named; a unicast address has one.</summary>
    private static DeleteFdbEntry Delete(OverlayFdbEntry entry, LinkNames names) =>
        new(names.IndexOf(entry.Device), entry.Mac) { Destination = entry.IsPlain ? entry.Dst : null };

    /// <summary>
    /// Makes nexthop objects, and waits for them: a number may have been taken since they were listed, and a route that named it would
    /// lead wherever that object leads.
    /// </summary>
    /// <returns>The numbers of those that the kernel refused; the routes to them are the refusals to tell.</returns>
    private static Dictionary<uint, IOException> PutNexthops(
        RouteBatch batch,
        List<object> entries,
        List<Refusal> refusals,
        LinkNames names,
        Plan plan
    )
    {
        Dictionary<uint, IOException> missing = [];
        if (plan.PutNexthops.Count == 0)
        {
            return missing;
        }

        foreach (PeerNexthop put in plan.PutNexthops)
        {
            batch.Add(
                new NewNexthop(put.Id, put.Hop.Address, names.IndexOf(put.Hop.Device)) { Onlink = true, Protocol = RouteProtocol.Twill }
            );
            entries.Add(put);
        }

        List<Refusal> refused = [];
        Send(batch, entries, refused);
        foreach (Refusal refusal in refused)
        {
            if (refusal.Entry is PeerNexthop nexthop)
            {
                missing.Add(nexthop.Id, refusal.Error);
            }
            else
            {
                refusals.Add(refusal);
            }
        }

        return missing;
    }

    /// <summary>Sends the batch, and begins a new one.</summary>
    private static void Send(RouteBatch batch, List<object> entries, List<Refusal> refusals)
    {
        if (batch.Count > 0 && batch.TrySend() != 0)
        {
            for (int i = 0; i < batch.Count; i++)
            {
                if (batch.Failed(i))
                {
                    refusals.Add(new Refusal(entries[i], batch.ErrorOf(i)!));
                }
            }
        }

        batch.Clear();
        entries.Clear();
    }
}

/// <summary>An entry that the kernel would not write or remove.</summary>
/// <param name="Entry">The route or FDB entry, or a text for a neighbour; shows itself as the log wants it.</param>
/// <param name="Error">Why.</param>
public sealed record Refusal(object Entry, IOException Error);
