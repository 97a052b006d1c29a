using System.Collections.Concurrent;
using System.Net;
using Twill.Network.Configuration;

namespace Twill.Agent.Names;

/// <summary>
/// The names of all networks of this host. A network's containers find those of another one where that lets them in (<c>isolated</c> is
/// false), and no others.
/// </summary>
internal sealed class NameDirectory
{
    private readonly ConcurrentDictionary<string, Listed> _networks = [];

    private sealed record Listed(NamesConf Conf, bool IsIsolated, NameTable Table)
    {
        internal IReadOnlyList<IPAddress> Servers { get; init; } = [];
    }

    /// <summary>Adds a network.</summary>
    internal void Add(TwillConf conf, NamesConf names, NameTable table) =>
        _networks[names.Network] = new Listed(names, conf.IsIsolated, table);

    /// <summary>Takes a network out.</summary>
    internal void Remove(NamesConf names) => _networks.TryRemove(names.Network, out _);

    /// <summary>Takes where a network's names are answered for.</summary>
    internal void SetServers(NamesConf names, IReadOnlyList<IPAddress> servers)
    {
        if (_networks.TryGetValue(names.Network, out Listed? listed))
        {
            _networks.TryUpdate(names.Network, listed with { Servers = servers }, listed);
        }
    }

    /// <summary>Whether names are answered for at an address, by whichever network: nothing is forwarded there.</summary>
    internal bool IsServer(IPAddress address)
    {
        foreach (Listed listed in _networks.Values)
        {
            if (listed.Servers.Contains(address))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The names of a network of the same zone, as those of another one see it; null when they do not.</summary>
    internal NameTable? Find(string network, NamesConf seenFrom) =>
        _networks.TryGetValue(network, out Listed? listed)
        && (network == seenFrom.Network || (!listed.IsIsolated && listed.Conf.Zone == seenFrom.Zone))
            ? listed.Table
            : null;

    /// <summary>The network that an address is of, as those of another network see it.</summary>
    internal (NamesConf Conf, NameTable Table)? Find(IPAddress address, NamesConf seenFrom)
    {
        foreach ((string network, Listed listed) in _networks)
        {
            if (listed.Table.Covers(address) && Find(network, seenFrom) is { } table)
            {
                return (listed.Conf, table);
            }
        }

        return null;
    }
}
