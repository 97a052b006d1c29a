using Twill.Linux.Netlink;
using Twill.Linux.Nftables;
using Twill.System;

namespace Twill.Host.AntiSpoof;

/// <summary>
/// Containers send under their own addresses only, whatever they may do inside their namespaces: <see cref="SourceTable"/> says by what.
/// An ADD adds elements, a DEL deletes them; the tables are made by the first who misses them, with the elements of all containers on
/// record, in one transaction, so that none is cut off meanwhile.
/// </summary>
public static class SourceFilter
{
    /// <summary>Makes the tables for one kind of host ends when they are not whole. Two short questions for each when they are.</summary>
    /// <param name="nft">A socket in the host's namespace.</param>
    /// <param name="network">The network's name.</param>
    /// <param name="isRouted">Which kind.</param>
    /// <param name="records">What containers may send as.</param>
    /// <exception cref="HostException">The kernel has no such tables.</exception>
    public static void Ensure(NftSocket nft, string network, bool isRouted, AttachmentRecords records)
    {
        foreach (SourceTable table in SourceTable.Of(network, isRouted))
        {
            if (LooksWhole(nft, table))
            {
                continue;
            }

            try
            {
                nft.Change(batch =>
                {
                    if (!LooksWhole(nft, table))
                    {
                        Write(batch, table, records.List().FindAll(source => source.IsRouted == isRouted));
                    }
                });
            }
            catch (NetlinkException e) when (e.Errno is Errno.EOPNOTSUPP or Errno.EAFNOSUPPORT or Errno.ENOENT)
            {
                throw new HostException(
                    $"cannot keep containers from sending as others: nftables table {table.Id}: {e.Message}; the kernel needs nftables of "
                        + "that family (CONFIG_NF_TABLES_BRIDGE, CONFIG_NF_TABLES_INET), or the network \"antiSpoof\": false"
                );
            }
        }
    }

    /// <summary>Lets a container send under its addresses and no others, in one transaction. The tables are there.</summary>
    /// <param name="nft">A socket in the host's namespace.</param>
    /// <param name="network">The network's name.</param>
    /// <param name="source">The container, which is on record.</param>
    /// <param name="records">The records.</param>
    public static void Add(NftSocket nft, string network, ContainerSource source, AttachmentRecords records)
    {
        NftBatch batch = nft.NewBatch();
        foreach (SourceTable table in SourceTable.Of(network, source.IsRouted))
        {
            Put(batch, table, [source]);
        }

        IReadOnlyList<NftFailure> failures = batch.TrySend();
        if (failures.Count == 0)
        {
            return;
        }

        if (failures[0].Errno != Errno.ENOENT)
        {
            throw new NetlinkException(failures[0].Message, failures[0].Errno, failures[0].KernelText);
        }

        Ensure(nft, network, source.IsRouted, records); // deleted just now; this one is on record like the others
    }

    /// <summary>Deletes what a container is in the tables; what is not there is no error. Closing the socket waits afterwards.</summary>
    /// <param name="nft">A socket in the host's namespace.</param>
    /// <param name="network">The network's name.</param>
    /// <param name="source">The container.</param>
    public static void Remove(NftSocket nft, string network, ContainerSource source)
    {
        NftBatch batch = nft.NewBatch();
        IReadOnlyList<SourceTable> tables = SourceTable.Of(network, source.IsRouted);
        foreach (SourceTable table in tables)
        {
            foreach ((NftSet set, SetElement element) in table.ElementsOf(source))
            {
                batch.Add(new DeleteSetElements(set, element));
            }
        }

        IReadOnlyList<NftFailure> failures = batch.TrySend();
        if (failures.Count == 0)
        {
            return;
        }

        if (failures[0].Errno != Errno.ENOENT)
        {
            throw new NetlinkException(failures[0].Message, failures[0].Errno, failures[0].KernelText);
        }

        foreach (SourceTable table in tables)
        {
            foreach ((NftSet set, SetElement element) in table.ElementsOf(source))
            {
                nft.DestroyElements(set, element);
            }
        }
    }

    /// <summary>Deletes the tables of a network; none is no error.</summary>
    /// <param name="nft">A socket in the host's namespace.</param>
    /// <param name="network">The network's name.</param>
    public static void Delete(NftSocket nft, string network)
    {
        foreach (string table in Tables(nft, network))
        {
            foreach (SourceTable one in SourceTable.All(network))
            {
                if (one.Id.ToString() == table)
                {
                    nft.DestroyTable(one.Id);
                }
            }
        }
    }

    /// <summary>The tables of a network that are there, as nft names them: <c>bridge twill-NETWORK</c>.</summary>
    /// <param name="nft">A socket in the host's namespace.</param>
    /// <param name="network">The network's name.</param>
    public static List<string> Tables(NftSocket nft, string network)
    {
        List<string> tables = [];
        foreach (SourceTable table in SourceTable.All(network))
        {
            if (nft.TryGetTable(table.Id, out _))
            {
                tables.Add(table.Id.ToString());
            }
        }

        return tables;
    }

    /// <summary>The first thing in which a network's tables are not as they should be for a container; null when they are.</summary>
    /// <param name="nft">A socket in the host's namespace.</param>
    /// <param name="network">The network's name.</param>
    /// <param name="source">The container.</param>
    public static string? FindDifference(NftSocket nft, string network, ContainerSource source)
    {
        foreach (SourceTable table in SourceTable.Of(network, source.IsRouted))
        {
            if (FindDifference(nft, table) is { } difference)
            {
                return difference;
            }

            foreach ((NftSet set, SetElement element) in table.ElementsOf(source))
            {
                if (set.Interval ? !nft.ListElements(set).Contains(element) : !nft.TryGetElement(set, element, out _))
                {
                    return $"set {set.Name} of nftables table {table.Id} lacks host end {source.HostName}: it is not known what its "
                        + "container may send as";
                }
            }
        }

        return null;
    }

    /// <summary>The first thing in which a table is not as it should be, whatever is in its sets; null when it is.</summary>
    internal static string? FindDifference(NftSocket nft, SourceTable table)
    {
        if (!nft.TryGetTable(table.Id, out NftTable? found))
        {
            return $"nftables table {table.Id} is missing";
        }

        if (found.IsDormant || found.Comment != SourceTable.Comment)
        {
            return $"nftables table {table.Id} is {(found.IsDormant ? "dormant" : "of another make")}";
        }

        if (!nft.TryGetChain(table.Id, SourceTable.Chain, out NftChain? chain) || !IsAtItsHook(chain))
        {
            return $"chain {SourceTable.Chain} of nftables table {table.Id} is missing, or is not a base chain at its hook";
        }

        List<NftRule> present = nft.ListRules(table.Id, SourceTable.Chain);
        IReadOnlyList<Func<SourceTable, Rule>> wanted = SourceRules.Of(table);
        for (int i = 0; i < wanted.Count; i++)
        {
            Rule rule = wanted[i](table);
            if (i >= present.Count || !present[i].Rule.HasSameExpressions(rule))
            {
                return $"chain {SourceTable.Chain} of nftables table {table.Id} lacks the rule '{rule.Comment}' at its place";
            }
        }

        return present.Count == wanted.Count ? null : $"chain {SourceTable.Chain} of nftables table {table.Id} has rules of somebody else";
    }

    /// <summary>Makes a table anew with these containers in it, whatever is there.</summary>
    internal static void Write(NftBatch batch, SourceTable table, IReadOnlyList<ContainerSource> sources)
    {
        batch.DestroyTable(table.Id);
        batch.Add(new NewTable(table.Id, SourceTable.Comment));
        foreach (NftSet set in table.Sets)
        {
            batch.Add(new NewSet(set));
        }

        batch.Add(new NewChain(table.Id, SourceTable.Chain, SourceTable.Hook));
        foreach (Func<SourceTable, Rule> rule in SourceRules.Of(table))
        {
            batch.Add(new NewRule(table.Id, SourceTable.Chain, rule(table)));
        }

        Put(batch, table, sources);
    }

    private static void Put(NftBatch batch, SourceTable table, IReadOnlyList<ContainerSource> sources)
    {
        foreach (ContainerSource source in sources)
        {
            foreach ((NftSet set, SetElement element) in table.ElementsOf(source))
            {
                batch.Add(new NewSetElements(set, element));
            }
        }
    }

    private static bool LooksWhole(NftSocket nft, SourceTable table) =>
        nft.TryGetTable(table.Id, out NftTable? found)
        && !found.IsDormant
        && found.Comment == SourceTable.Comment
        && nft.TryGetChain(table.Id, SourceTable.Chain, out NftChain? chain)
        && IsAtItsHook(chain)
        && chain.Use >= table.RuleCount;

    private static bool IsAtItsHook(NftChain chain) =>
        chain.Base is { } found
        && found.Hook == SourceTable.Hook.Hook
        && found.Priority == SourceTable.Hook.Priority
        && found.Policy == ChainPolicy.Accept;
}
