using Twill.Linux;
using Twill.Linux.Nftables;
using Twill.Network;
using Twill.System;

namespace Twill.Host.Ports;

/// <summary>
/// Published ports of containers: elements in the maps of the network's table. What a container's ports cost does not depend on how many
/// others there are, and a container without ports costs its DEL one question.
/// </summary>
public static class PortMaps
{
    /// <summary>Makes the ports lead to the container, all of them or none, in one transaction. Those that lead to a container that is gone
    /// are taken from it, with all that it had.</summary>
    /// <param name="nft">A socket in the host's namespace. The network's table is there.</param>
    /// <param name="route">Another one.</param>
    /// <param name="network">The network's name.</param>
    /// <param name="containerId">Whose they are.</param>
    /// <param name="ifName">And of which interface.</param>
    /// <param name="ports">The ports, no two of them the same.</param>
    /// <exception cref="PortInUseException">One leads to another container, of this network or another.</exception>
    /// <returns>The networks and host ends' names of the containers that are gone and had one of the ports.</returns>
    public static IReadOnlyCollection<(string Network, string HostName)> Publish(
        NftSocket nft,
        RouteSocket route,
        string network,
        string containerId,
        string ifName,
        IReadOnlyList<PublishedPort> ports
    )
    {
        string hostName = DeviceNames.Veth(containerId, ifName),
            owner = PortTable.OwnerComment(containerId, ifName);
        IReadOnlyCollection<(string, string)> allGone = [];
        nft.Change(batch =>
        {
            foreach (TableFamily family in TableFamily.Both)
            {
                // none, unless an ADD for the same container was killed and never followed by a DEL
                Remove(nft, PortTable.Of(network, family), hostName, batch);
            }

            allGone = PortConflicts.FindGone(nft, route, network, containerId, ifName, ports);
            foreach ((string theirs, string gone) in allGone)
            {
                foreach (TableFamily family in TableFamily.Both)
                {
                    Remove(nft, PortTable.Of(theirs, family), gone, batch);
                }
            }

            foreach (TableFamily family in TableFamily.Both)
            {
                Put(batch, PortTable.Of(network, family), hostName, owner, Of(family, ports));
            }
        });
        return allGone;
    }

    /// <summary>Nothing, when no process of the host listens on one of the ports.</summary>
    /// <exception cref="PortInUseException">One does.</exception>
    public static void RefuseListeners(PodPorts pod) => HostListener.Refuse(pod.ContainerId, pod.Ports);

    /// <summary>
    /// Takes a container's ports away, exactly its own and all of them, whatever it was asked for. None is no error, and costs one question
    /// for each family. After something was deleted, closing the socket waits some 9 ms.
    /// </summary>
    /// <param name="nft">A socket in the host's namespace.</param>
    /// <param name="network">The network's name.</param>
    /// <param name="hostName">The name of the container's host end.</param>
    /// <returns>The ports that it had.</returns>
    public static IReadOnlyList<PublishedPort> Release(NftSocket nft, string network, string hostName)
    {
        List<PublishedPort> had = [];
        foreach (TableFamily family in TableFamily.Both)
        {
            PortTable table = PortTable.Of(network, family);
            if (!nft.TryGetElement(table.Published, PortTable.Entry(hostName, 0), out _))
            {
                continue;
            }

            List<PublishedPort> ofFamily = [];
            nft.Change(batch => ofFamily = Remove(nft, table, hostName, batch));
            had.AddRange(ofFamily);
        }
        return had;
    }

    /// <summary>The ports that a container has, IPv4's first.</summary>
    public static IReadOnlyList<PublishedPort> List(NftSocket nft, string network, string hostName)
    {
        List<PublishedPort> ports = [];
        foreach (TableFamily family in TableFamily.Both)
        {
            ports.AddRange(Listed(nft, PortTable.Of(network, family), hostName));
        }

        return ports;
    }

    /// <summary>The names of the host ends of all containers of the network that have ports.</summary>
    public static IReadOnlyCollection<string> Owners(NftSocket nft, string network)
    {
        HashSet<string> owners = [];
        foreach (TableFamily family in TableFamily.Both)
        {
            NftSet published = PortTable.Of(network, family).Published;
            if (!nft.TryGetSet(published.Table, published.Name, out _))
            {
                continue;
            }

            foreach (SetElement entry in nft.ListElements(published))
            {
                owners.Add(PortTable.HostNameOf(entry));
            }
        }
        return owners;
    }

    /// <summary>
    /// Those containers of which a port is not in the kernel's maps and nobody else has it: four lists for all of them together and each
    /// family. Ports of a family that the table has no maps for are left out: the network has no such addresses any more.
    /// </summary>
    /// <param name="nft">A socket in the host's namespace.</param>
    /// <param name="network">The network's name.</param>
    /// <param name="pods">What should be published.</param>
    internal static List<PodPorts> FindMissing(NftSocket nft, string network, List<PodPorts> pods)
    {
        List<PortSnapshot> there = [];
        foreach (TableFamily family in TableFamily.Both)
        {
            if (PortSnapshot.Read(nft, network, family) is { } ports)
            {
                there.Add(ports);
            }
        }
        if (there.Count == 0)
        {
            return pods; // there is no table at all
        }

        List<PodPorts> missing = [];
        foreach (PodPorts pod in pods)
        {
            List<PublishedPort> possible = [];
            bool lacks = false,
                taken = false;
            foreach (PublishedPort port in pod.Ports)
            {
                if (there.Find(maps => maps.AreFor(port)) is not { } maps)
                {
                    continue;
                }

                possible.Add(port);
                lacks |= !maps.Lead(pod.HostName, port, out bool another);
                taken |= another;
            }
            if (lacks && !taken)
            {
                missing.Add(pod with { Ports = possible });
            }
        }
        return missing;
    }

    /// <summary>The first thing in which the kernel's maps are not as they should be for a container; null when they are.</summary>
    /// <param name="nft">A socket in the host's namespace.</param>
    /// <param name="network">The network's name.</param>
    /// <param name="hostName">The name of the container's host end.</param>
    /// <param name="wanted">The ports that were asked for; null when that is not known.</param>
    public static string? FindDifference(NftSocket nft, string network, string hostName, IReadOnlyList<PublishedPort>? wanted)
    {
        HashSet<PublishedPort> published = [.. List(nft, network, hostName)],
            asked = wanted is null ? published : [.. wanted];
        foreach (PublishedPort port in asked)
        {
            PortTable table = PortTable.Of(network, port.Family);
            if (!published.Contains(port))
            {
                return $"host port {port} is not published";
            }

            NftSet map = table.MapOf(port);
            if (
                !nft.TryGetElement(map, PortTable.Mapping(port), out SetElement? there)
                || !PortTable.IsOf(there, hostName)
                || there.Data != PortTable.Mapping(port).Data
            )
            {
                return $"map {map.Name} of nftables table {map.Table} does not lead host port {port}";
            }

            if (!nft.TryGetElement(table.Translated, PortTable.Translation(port), out _))
            {
                return $"set {table.Translated.Name} of nftables table {map.Table} lacks host port {port}";
            }
        }
        foreach (PublishedPort port in published)
        {
            if (!asked.Contains(port))
            {
                return $"host port {port} is published, but not asked for";
            }
        }
        return null;
    }

    private static void Put(NftBatch batch, PortTable table, string hostName, string owner, IReadOnlyList<PublishedPort> ports)
    {
        List<SetElement> any = [],
            at = [],
            entries = [];
        HashSet<SetElement> hosts = [],
            translations = [];
        foreach (PublishedPort port in ports)
        {
            entries.Add(PortTable.Entry(hostName, entries.Count, port));
            (port.IsAny ? any : at).Add(PortTable.Mapping(port) with { Comment = owner });
            translations.Add(PortTable.Translation(port));
            if (!port.IsAny)
            {
                hosts.Add(SetElement.Of(port.HostAddress));
            }
        }
        batch
            .AddElements(table.Ports, [.. any])
            .AddElements(table.PortsAt, [.. at])
            .AddElements(table.HostAddresses, hosts.ToArray())
            .AddElements(table.Translated, translations.ToArray())
            .AddElements(table.Published, [.. entries]);
    }

    /// <summary>Only elements that are there, and that are the container's own, are deleted: somebody may have taken some away by
    /// hand.</summary>
    private static List<PublishedPort> Remove(NftSocket nft, PortTable table, string hostName, NftBatch batch)
    {
        List<PublishedPort> ports = Listed(nft, table, hostName);
        List<SetElement> any = [],
            at = [],
            entries = [];
        HashSet<SetElement> translations = [];
        foreach (PublishedPort port in ports)
        {
            entries.Add(PortTable.Entry(hostName, entries.Count));
            SetElement mapping = PortTable.Mapping(port),
                translation = PortTable.Translation(port);
            if (nft.TryGetElement(table.MapOf(port), mapping, out SetElement? there) && PortTable.IsOf(there, hostName))
            {
                (port.IsAny ? any : at).Add(mapping);
            }

            if (nft.TryGetElement(table.Translated, translation, out _))
            {
                translations.Add(translation);
            }
        }
        batch
            .DeleteElements(table.Ports, [.. any])
            .DeleteElements(table.PortsAt, [.. at])
            .DeleteElements(table.Translated, translations.ToArray())
            .DeleteElements(table.Published, [.. entries]);
        return ports;
    }

    private static List<PublishedPort> Of(TableFamily family, IReadOnlyList<PublishedPort> ports)
    {
        List<PublishedPort> all = [];
        foreach (PublishedPort port in ports)
        {
            if (port.Family == family)
            {
                all.Add(port);
            }
        }
        return all;
    }

    private static List<PublishedPort> Listed(NftSocket nft, PortTable table, string hostName)
    {
        List<PublishedPort> ports = [];
        while (nft.TryGetElement(table.Published, PortTable.Entry(hostName, ports.Count), out SetElement? entry))
        {
            ports.Add(PortTable.PortOf(entry));
        }

        return ports;
    }
}
