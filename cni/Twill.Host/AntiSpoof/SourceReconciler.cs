using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Neighbours;
using Twill.Linux.Nftables;
using Twill.System;

namespace Twill.Host.AntiSpoof;

/// <summary>Compares what containers may send as with the records, and corrects it: for the agent, and for a GC.</summary>
/// <param name="route">A socket in the host's namespace.</param>
/// <param name="nft">Another one.</param>
/// <param name="records">What containers may send as.</param>
/// <param name="network">The network's name.</param>
public sealed class SourceReconciler(RouteSocket route, NftSocket nft, AttachmentRecords records, string network)
{
    /// <summary>Puts back what is missing, and deletes what is left of host ends that are gone.</summary>
    /// <returns>What had to be done, each a phrase for the log.</returns>
    public List<string> Reconcile()
    {
        List<string> changes = [];
        List<ContainerSource> sources = [];
        Dictionary<string, Link> links = [];
        nft.Change(batch =>
        {
            // Read after the ruleset's generation was asked for: an ADD that is not seen here adds its elements later, and a DEL deletes
            // them later. Then this is done once more.
            changes.Clear();
            sources = records.List();
            links = HostEnds();
            foreach (SourceTable table in SourceTable.All(network))
            {
                if (Reconcile(batch, table, sources, links) is { } change)
                {
                    changes.Add(change);
                }
            }
        });
        changes.AddRange(ReconcilePorts(sources.FindAll(source => !source.IsRouted), links));
        return changes;
    }

    /// <summary>The names of the host ends of all containers that are in the tables or on record.</summary>
    public HashSet<string> Owners()
    {
        HashSet<string> owners = [.. records.Owners()];
        foreach (SourceTable table in SourceTable.All(network))
        {
            if (nft.TryGetTable(table.Id, out _))
            {
                foreach (SetElement end in nft.ListElements(table.Ends))
                {
                    owners.Add(SourceTable.HostNameOf(end));
                }
            }
        }

        return owners;
    }

    /// <summary>Deletes what a container is in the tables, with or without its record, and the record.</summary>
    /// <param name="hostName">The name of its host end.</param>
    public void Remove(string hostName)
    {
        foreach (SourceTable table in SourceTable.All(network))
        {
            if (!nft.TryGetTable(table.Id, out _))
            {
                continue;
            }

            foreach (NftSet set in table.Sets)
            {
                nft.DestroyElements(set, [.. nft.ListElements(set).FindAll(there => SourceTable.HostNameOf(there) == hostName)]);
            }
        }

        records.Remove(hostName);
    }

    private Dictionary<string, Link> HostEnds()
    {
        Dictionary<string, Link> links = [];
        foreach (Link link in route.ListLinks(kind: "veth"))
        {
            links[link.Name] = link;
        }

        return links;
    }

    private string? Reconcile(NftBatch batch, SourceTable table, List<ContainerSource> sources, Dictionary<string, Link> links)
    {
        bool isRouted = table.Id.Family != NftFamily.Bridge;
        List<ContainerSource> living = sources.FindAll(source => source.IsRouted == isRouted && links.ContainsKey(source.HostName));
        if (living.Count == 0 && !nft.TryGetTable(table.Id, out _))
        {
            return null;
        }

        if (SourceFilter.FindDifference(nft, table) is { } difference)
        {
            SourceFilter.Write(batch, table, living);
            return $"what {living.Count} containers may send as written, because {difference}";
        }

        int before = batch.Count,
            missing = Complete(batch, table, living, links);
        return
            missing > 0 ? $"{missing} elements that say what containers may send as put back into nftables table {table.Id}"
            : batch.Count > before ? $"elements of containers that are gone deleted from nftables table {table.Id}"
            : null;
    }

    /// <returns>How many elements were missing.</returns>
    private int Complete(NftBatch batch, SourceTable table, List<ContainerSource> living, Dictionary<string, Link> links)
    {
        int missing = 0;
        HashSet<string> recorded = [.. living.ConvertAll(source => source.HostName)];
        List<(NftSet Set, SetElement Element)> wanted = [];
        foreach (ContainerSource source in living)
        {
            wanted.AddRange(table.ElementsOf(source));
        }

        foreach (NftSet set in table.Sets)
        {
            HashSet<SetElement> present = [.. nft.ListElements(set)],
                ofSet = [.. wanted.FindAll(one => one.Set == set).ConvertAll(one => one.Element)];
            foreach (SetElement there in present)
            {
                string hostName = SourceTable.HostNameOf(there);
                if (!links.ContainsKey(hostName) || (recorded.Contains(hostName) && !ofSet.Contains(there)))
                {
                    batch.DeleteElements(set, there);
                }
            }

            ofSet.ExceptWith(present);
            missing += ofSet.Count;
            batch.AddElements(set, [.. ofSet]);
        }

        return missing;
    }

    private List<string> ReconcilePorts(List<ContainerSource> sources, Dictionary<string, Link> links)
    {
        if (sources.Count == 0)
        {
            return [];
        }

        HashSet<(int, MacAddress)> entries = [];
        foreach (Neighbour entry in route.ListFdb())
        {
            if (entry.Mac is { } mac && BridgePortGuard.IsEntry(entry, mac))
            {
                entries.Add((entry.Index, mac));
            }
        }

        RouteBatch batch = route.NewBatch();
        int ports = 0;
        foreach (ContainerSource source in sources)
        {
            if (!links.TryGetValue(source.HostName, out Link? end) || end.BridgePort is not { } port)
            {
                continue;
            }

            bool isKnown = entries.Contains((end.Index, source.Mac));
            ports += port.Learning || !isKnown ? 1 : 0;
            if (port.Learning)
            {
                batch.Add(new SetBridgePort(end.Index) { Learning = false }, tolerate: Errno.ENODEV, alsoTolerate: Errno.EOPNOTSUPP);
            }

            if (!isKnown)
            {
                batch.Add(BridgePortGuard.Entry(end.Index, source.Mac), tolerate: Errno.ENODEV, alsoTolerate: Errno.EOPNOTSUPP);
            }
        }

        batch.Send();
        return ports == 0
            ? []
            : [$"the bridge knows again which hardware addresses are behind {ports} of its ports, and learns nothing there"];
    }
}
