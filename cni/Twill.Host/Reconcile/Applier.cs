using System.Net.Sockets;
using Twill.Linux;
using Twill.Linux.Neighbours;
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

        foreach (PeerRoute put in plan.PutRoutes)
        {
            // IPv4: not "replace", which would overwrite whatever route to the subnet comes first, whoever made it. Ours goes before it.
            // IPv6 compares the metric as well, and would share the packets between ours and another of that metric.
            bool v6 = put.Subnet.BaseAddress.AddressFamily == AddressFamily.InterNetworkV6;
            batch.Add(
                new NewRoute(put.Subnet)
                {
                    Mode = v6 ? RouteMode.Replace : RouteMode.Prepend,
                    Gateway = put.Via,
                    Index = names.IndexOf(put.Device),
                    Onlink = put.OnLink,
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
                    Gateway = gone.Via,
                    Index = names.IndexOf(gone.Device),
                    Metric = gone.Metric,
                    RouteType = gone.Type,
                    Protocol = RouteProtocol.Twill,
                },
                tolerate: Errno.ESRCH
            );
            entries.Add(gone);
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

        if (batch.Count > 0 && batch.TrySend() != 0)
        {
            Collect(batch, entries, refusals);
        }

        refusals.AddRange(TunnelApplier.Remove(route, plan));
        return refusals;
    }

    /// <summary>The kernel finds an entry that says more than the host only when all of that is named; a unicast address has one.</summary>
    private static DeleteFdbEntry Delete(OverlayFdbEntry entry, LinkNames names) =>
        new(names.IndexOf(entry.Device), entry.Mac) { Destination = entry.IsPlain ? entry.Dst : null };

    private static void Collect(RouteBatch batch, List<object> entries, List<Refusal> refusals)
    {
        for (int i = 0; i < batch.Count; i++)
        {
            if (batch.Failed(i))
            {
                refusals.Add(new Refusal(entries[i], batch.ErrorOf(i)!));
            }
        }
    }
}

/// <summary>An entry that the kernel would not write or remove.</summary>
/// <param name="Entry">The route or FDB entry, or a text for a neighbour; shows itself as the log wants it.</param>
/// <param name="Error">Why.</param>
public sealed record Refusal(object Entry, IOException Error);
