using Twill.Linux.Nftables;

namespace Twill.Host.Ports;

/// <summary>All that a network's maps hold of one family: four lists, read once for many containers.</summary>
internal sealed class PortSnapshot
{
    private readonly TableFamily _family;
    private readonly Dictionary<NftData, SetElement> _any,
        _at,
        _translated;
    private readonly HashSet<(string, PublishedPort)> _published = [];

    private PortSnapshot(NftSocket nft, PortTable table, TableFamily family)
    {
        (_family, _any, _at, _translated) = (family, ByKey(nft, table.Ports), ByKey(nft, table.PortsAt), ByKey(nft, table.Translated));
        foreach (SetElement entry in nft.ListElements(table.Published))
        {
            _published.Add((PortTable.HostNameOf(entry), PortTable.PortOf(entry)));
        }
    }

    /// <summary>Reads them; null when the network's table, or this family in it, is not there.</summary>
    internal static PortSnapshot? Read(NftSocket nft, string network, TableFamily family)
    {
        PortTable table = PortTable.Of(network, family);
        return nft.TryGetSet(table.Published.Table, table.Published.Name, out _) ? new PortSnapshot(nft, table, family) : null;
    }

    /// <summary>Whether these are the maps for a port's family.</summary>
    internal bool AreFor(PublishedPort port) => port.Family == _family;

    /// <summary>Whether a port leads to a container, with all that belongs to it.</summary>
    /// <param name="hostName">The container's host end.</param>
    /// <param name="port">The port.</param>
    /// <param name="toAnother">Whether it leads to another container instead.</param>
    internal bool Lead(string hostName, PublishedPort port, out bool toAnother)
    {
        SetElement mapping = PortTable.Mapping(port);
        bool leads = (port.IsAny ? _any : _at).TryGetValue(mapping.Key, out SetElement? there);
        toAnother = leads && !PortTable.IsOf(there!, hostName);
        return leads
            && !toAnother
            && there!.Data == mapping.Data
            && _translated.ContainsKey(PortTable.Translation(port).Key)
            && _published.Contains((hostName, port));
    }

    private static Dictionary<NftData, SetElement> ByKey(NftSocket nft, NftSet set)
    {
        Dictionary<NftData, SetElement> elements = [];
        foreach (SetElement element in nft.ListElements(set))
        {
            elements[element.Key] = element;
        }

        return elements;
    }
}
