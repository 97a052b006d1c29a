using System.Collections.Immutable;
using System.Net;
using Twill.Network.State;

namespace Twill.Agent.Names;

/// <summary>The names of one network as they are at one moment: what queries are answered from.</summary>
internal sealed record NameSnapshot
{
    /// <summary>By name.</summary>
    internal ImmutableDictionary<string, ImmutableArray<NamedAddress>> ByName { get; init; } =
        ImmutableDictionary<string, ImmutableArray<NamedAddress>>.Empty.WithComparers(StringComparer.Ordinal);

    /// <summary>By address.</summary>
    internal ImmutableDictionary<IPAddress, ImmutableArray<NamedAddress>> ByAddress { get; init; } =
        ImmutableDictionary<IPAddress, ImmutableArray<NamedAddress>>.Empty;

    /// <summary>How many names and addresses there are.</summary>
    internal int Count { get; init; }

    /// <summary>All that has a name; empty when nothing has.</summary>
    internal ImmutableArray<NamedAddress> Of(string name) => ByName.TryGetValue(name, out var all) ? all : [];

    /// <summary>All names of an address.</summary>
    internal ImmutableArray<NamedAddress> Of(IPAddress address) => ByAddress.TryGetValue(address, out var all) ? all : [];
}

/// <summary>
/// The names of one network: those of this host's containers and those of other hosts', each told by who knows them. A change of one name
/// costs the same however many there are. What is outside of the network is passed over: a name leads to no other address.
/// </summary>
/// <param name="ranges">Where the addresses of the network are.</param>
internal sealed class NameTable(IReadOnlyList<IPNetwork> ranges)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, NamedAddress> _local = [],
        _remote = [];
    private NameSnapshot _current = new();
    private IReadOnlyList<IPNetwork> _silent = [];

    /// <summary>What queries are answered from.</summary>
    internal NameSnapshot Current => Volatile.Read(ref _current);

    /// <summary>Subnets of hosts that do not answer while others do: who is there is left out where somebody else has the name.</summary>
    internal IReadOnlyList<IPNetwork> Silent
    {
        get => Volatile.Read(ref _silent);
        set => Volatile.Write(ref _silent, value);
    }

    /// <summary>Counts changes.</summary>
    internal long Version { get; private set; }

    /// <summary>Names of this host's containers.</summary>
    internal IReadOnlyCollection<NamedAddress> Local
    {
        get
        {
            lock (_lock)
            {
                return [.. _local.Values];
            }
        }
    }

    /// <summary>Names of other hosts' containers.</summary>
    internal IReadOnlyCollection<NamedAddress> Remote
    {
        get
        {
            lock (_lock)
            {
                return [.. _remote.Values];
            }
        }
    }

    /// <summary>Whether an address is of the network.</summary>
    internal bool Covers(IPAddress address)
    {
        foreach (IPNetwork range in ranges)
        {
            if (range.Contains(address))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Those of several that answer, as far as it is known; all when none does.</summary>
    internal ImmutableArray<NamedAddress> Reached(ImmutableArray<NamedAddress> all)
    {
        IReadOnlyList<IPNetwork> silent = Silent;
        if (silent.Count == 0 || all.Length < 2)
        {
            return all;
        }

        ImmutableArray<NamedAddress> reached = all.RemoveAll(one => silent.Any(subnet => subnet.Contains(one.Address)));
        return reached.IsEmpty ? all : reached;
    }

    /// <summary>Replaces the names of this host's containers.</summary>
    /// <returns>Whether something changed.</returns>
    internal bool ReplaceLocal(IEnumerable<NamedAddress> all) => Replace(_local, _remote, all);

    /// <summary>Replaces the names of other hosts' containers.</summary>
    /// <returns>Whether something changed.</returns>
    internal bool ReplaceRemote(IEnumerable<NamedAddress> all) => Replace(_remote, null, all);

    /// <summary>Changes single names of other hosts' containers.</summary>
    /// <param name="changes">What is called so (<see cref="NamedAddress.Key"/>) now; null: nothing any more.</param>
    /// <returns>Whether something changed.</returns>
    internal bool ChangeRemote(IReadOnlyList<(string Key, NamedAddress? Now)> changes)
    {
        lock (_lock)
        {
            Editor edit = new(_current);
            foreach ((string key, NamedAddress? now) in changes)
            {
                NamedAddress? wanted = now is not null && Covers(now.Address) && !_local.ContainsKey(key) ? now : null;
                if (_remote.TryGetValue(key, out NamedAddress? former))
                {
                    if (wanted is not null && IsSame(wanted, former))
                    {
                        continue;
                    }

                    edit.Remove(former);
                    _remote.Remove(key);
                }

                if (wanted is not null)
                {
                    edit.Add(wanted);
                    _remote.Add(key, wanted);
                }
            }

            return Publish(ref edit);
        }
    }

    /// <summary>Nothing is in both layers: this host knows its own names better than etcd does.</summary>
    private bool Replace(Dictionary<string, NamedAddress> layer, Dictionary<string, NamedAddress>? below, IEnumerable<NamedAddress> all)
    {
        lock (_lock)
        {
            Dictionary<string, NamedAddress> wanted = [];
            foreach (NamedAddress one in all)
            {
                if (Covers(one.Address) && (below is not null || !_local.ContainsKey(one.Key)))
                {
                    wanted[one.Key] = one;
                }
            }

            Editor edit = new(_current);
            foreach ((string key, NamedAddress former) in layer)
            {
                if (!wanted.TryGetValue(key, out NamedAddress? now) || !IsSame(now, former))
                {
                    edit.Remove(former);
                    layer.Remove(key);
                }
            }

            foreach ((string key, NamedAddress one) in wanted)
            {
                if (layer.TryAdd(key, one))
                {
                    if (below is not null && below.Remove(key, out NamedAddress? hidden))
                    {
                        edit.Remove(hidden);
                    }

                    edit.Add(one);
                }
            }

            return Publish(ref edit);
        }
    }

    private bool Publish(ref Editor edit)
    {
        if (!edit.HasChanged)
        {
            return false;
        }

        Version++;
        Volatile.Write(ref _current, edit.End());
        return true;
    }

    private static bool IsSame(NamedAddress one, NamedAddress other) =>
        one.Address.Equals(other.Address) && one.Ports.SequenceEqual(other.Ports);

    private struct Editor(NameSnapshot from)
    {
        private readonly ImmutableDictionary<string, ImmutableArray<NamedAddress>>.Builder _byName = from.ByName.ToBuilder();
        private readonly ImmutableDictionary<IPAddress, ImmutableArray<NamedAddress>>.Builder _byAddress = from.ByAddress.ToBuilder();
        private int _count = from.Count;

        internal bool HasChanged { get; private set; }

        internal void Add(NamedAddress one)
        {
            _byName[one.Name] = _byName.TryGetValue(one.Name, out var names) ? names.Add(one) : [one];
            _byAddress[one.Address] = _byAddress.TryGetValue(one.Address, out var addresses) ? addresses.Add(one) : [one];
            _count++;
            HasChanged = true;
        }

        internal void Remove(NamedAddress one)
        {
            Remove(_byName, one.Name, one);
            Remove(_byAddress, one.Address, one);
            _count--;
            HasChanged = true;
        }

        internal readonly NameSnapshot End() =>
            new()
            {
                ByName = _byName.ToImmutable(),
                ByAddress = _byAddress.ToImmutable(),
                Count = _count,
            };

        private static void Remove<TKey>(
            ImmutableDictionary<TKey, ImmutableArray<NamedAddress>>.Builder from,
            TKey key,
            NamedAddress one
        )
            where TKey : notnull
        {
            ImmutableArray<NamedAddress> rest = from[key].Remove(one);
            if (rest.IsEmpty)
            {
                from.Remove(key);
            }
            else
            {
                from[key] = rest;
            }
        }
    }
}
