using System.Net;
using Twill.Cluster;
using Twill.Host.Backends;
using Twill.Host.Reconcile;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent;

/// <summary>A lease in etcd, as far as other hosts care.</summary>
/// <param name="Peers">What its host published, for each of the lease's subnets.</param>
/// <param name="LeaseId">The etcd lease it lives by.</param>
internal sealed record KnownLease(IReadOnlyList<PeerLease> Peers, long LeaseId)
{
    /// <summary>The key, its subnets, and when it came to be.</summary>
    internal LeaseClaim Claim { get; init; }
}

/// <summary>The leases of a network as etcd last told them. Events edit it; rounds look at all of it, or at what changed since the last
/// one.</summary>
/// <param name="log">Where to tell what cannot be used.</param>
/// <param name="clock">Measures, whatever becomes of the time of day.</param>
/// <param name="patience">How long a lease is waited for that a restored backup does not hold: as long as one lasts.</param>
internal sealed class LeaseCache(Log log, TimeProvider clock, TimeSpan patience)
{
    private static readonly Dictionary<string, string> s_none = [];

    private readonly Lock _lock = new();
    private readonly Dictionary<string, (KnownLease Lease, long Since)> _forgotten = [];
    private readonly Dictionary<string, KnownLease?> _before = [];
    private readonly Dictionary<string, string> _unreadable = [];
    private readonly SharedMarks _marks = new(); // of all leases, also those that do not count
    private Dictionary<string, KnownLease>? _leases;
    private LeaseCensus? _census; // of the leases that were taken last
    private IReadOnlyList<RefusedLease>? _firstRefused; // null: to be made anew
    private bool _replaced;

    /// <summary>How many keys <see cref="Refused"/> would name if it named all.</summary>
    internal int RefusedCount
    {
        get
        {
            lock (_lock)
            {
                return (_census?.Refused.Count ?? 0) + _unreadable.Count;
            }
        }
    }

    /// <summary>Keys that are no leases of the network, and so take nothing from anybody, as of what was taken last: the first
    /// <see cref="RefusedLease.Most"/>, by name.</summary>
    internal IReadOnlyList<RefusedLease> Refused
    {
        get
        {
            lock (_lock)
            {
                return _firstRefused ??=
                [
                    .. (_census?.Refused ?? s_none)
                        .Concat(_unreadable)
                        .OrderBy(refused => refused.Key, StringComparer.Ordinal)
                        .Take(RefusedLease.Most)
                        .Select(refused => new RefusedLease(refused.Key, refused.Value)),
                ];
            }
        }
    }

    /// <summary>Why a key does not count, also of those that <see cref="Refused"/> has no room for; null: it counts, or is not
    /// there.</summary>
    internal string? WhyRefused(string key)
    {
        lock (_lock)
        {
            return _census?.Refused.GetValueOrDefault(key) ?? _unreadable.GetValueOrDefault(key);
        }
    }

    internal void Apply(LeaseEvent told)
    {
        lock (_lock)
        {
            switch (told)
            {
                case LeaseSnapshot snapshot:
                    Replace(snapshot);
                    break;
                case LeaseChanged changed when _leases is not null:
                    KnownLease? was = _leases.GetValueOrDefault(changed.Lease.Key),
                        now = Known(changed.Lease);
                    _before.TryAdd(changed.Lease.Key, was);
                    _leases[changed.Lease.Key] = now;
                    Recount(was, now);
                    Reread(changed.Lease.Key, null);
                    _replaced |= _forgotten.Remove(changed.Lease.Key);
                    break;
                case LeaseRemoved removed when _leases is not null:
                    if (_leases.Remove(removed.Key, out KnownLease? gone))
                    {
                        _before.TryAdd(removed.Key, gone);
                        Recount(gone, now: null);
                    }

                    Reread(removed.Key, removed.Unreadable?.Reason);
                    break;
            }
        }
    }

    /// <summary>Whether there is any lease of which this is true; false while etcd has told nothing.</summary>
    internal bool Any(Func<KnownLease, bool> isIt)
    {
        lock (_lock)
        {
            return _leases?.Values.Any(isIt) ?? false;
        }
    }

    /// <summary>
    /// The leases to keep ways to, for a round that looks at all of them: those of other hosts, and those that etcd has forgotten because
    /// it was set back to a backup. Their hosts live on, and write them again unless somebody else has taken the subnet. Null until etcd
    /// has told them once: then nothing may be removed, for nobody knows what is stale.
    /// </summary>
    /// <param name="isOwn">Tells which are this host's.</param>
    /// <param name="network">The network, of which they must be leases; null: it is not known.</param>
    internal List<PeerLease>? TakeAll(Func<KnownLease, bool> isOwn, NetworkConfig? network)
    {
        lock (_lock)
        {
            _before.Clear();
            _replaced = false;
            if (_leases is null)
            {
                return null;
            }

            LeaseCensus census = new(_leases.Values.Select(lease => lease.Claim), network);
            List<KnownLease> counted = [.. _leases.Values.Where(lease => census.Counts(lease.Claim.Key))];
            (_census, _firstRefused) = (census, null);
            return [.. counted.Concat(StillForgotten(counted)).Where(lease => !isOwn(lease)).SelectMany(lease => lease.Peers)];
        }
    }

    /// <summary>What changed since something was taken last; null when all must be looked at.</summary>
    /// <param name="isOwn">Tells which are this host's.</param>
    internal PeerChange? TakeChange(Func<KnownLease, bool> isOwn)
    {
        lock (_lock)
        {
            if (_leases is null || _census is not { } census || _replaced || _forgotten.Count > 0)
            {
                return null;
            }

            List<KnownLease?> before = [];
            foreach ((string key, KnownLease? was) in _before)
            {
                bool counted = census.Counts(key);
                if (counted)
                {
                    before.Add(was);
                }

                if (!census.TryFollow(key, _leases.GetValueOrDefault(key)?.Claim))
                {
                    return null;
                }

                if (!counted || !census.Counts(key))
                {
                    _firstRefused = null;
                }
            }

            IEnumerable<PeerLease> Others(IEnumerable<KnownLease?> leases)
            {
                foreach (KnownLease? lease in leases)
                {
                    int count = lease is null || isOwn(lease) ? 0 : lease.Peers.Count;
                    for (int i = 0; i < count; i++)
                    {
                        yield return lease!.Peers[i];
                    }
                }
            }

            IEnumerable<KnownLease> unchanged = HaveOthersTheirMarks()
                ? _leases.Where(lease => !_before.ContainsKey(lease.Key) && census.Counts(lease.Key)).Select(lease => lease.Value)
                : [];
            PeerChange change = PeerChange.Of(
                Others(before),
                Others(_before.Keys.Where(census.Counts).Select(key => _leases.GetValueOrDefault(key))),
                Others(unchanged)
            );
            _before.Clear();
            return change;
        }
    }

    private bool HaveOthersTheirMarks() =>
        _marks.AreWithOthers(
            _before.Values.SelectMany(static lease => lease?.Peers ?? []),
            _before.Keys.SelectMany(key => _leases?.GetValueOrDefault(key)?.Peers ?? [])
        );

    private void Recount(KnownLease? was, KnownLease? now)
    {
        foreach (PeerLease peer in was?.Peers ?? [])
        {
            _marks.Remove(peer);
        }

        foreach (PeerLease peer in now?.Peers ?? [])
        {
            _marks.Add(peer);
        }
    }

    /// <summary>Takes what is known of a key that was told alone.</summary>
    /// <param name="key">The key.</param>
    /// <param name="reason">Why it cannot be read; null: it can, or is gone.</param>
    private void Reread(string key, string? reason)
    {
        if (_unreadable.Remove(key) || reason is not null)
        {
            _firstRefused = null;
        }

        if (reason is not null)
        {
            _unreadable[key] = reason;
        }
    }

    private void Replace(LeaseSnapshot snapshot)
    {
        Dictionary<string, KnownLease> leases = snapshot.Leases.ToDictionary(lease => lease.Key, Known);
        foreach (
            (string key, KnownLease missing) in _leases?.Where(lease =>
                !leases.ContainsKey(lease.Key) && snapshot.MayHaveForgotten(lease.Key, lease.Value.LeaseId)
            ) ?? []
        )
        {
            _forgotten.TryAdd(key, (missing, clock.GetTimestamp()));
            log.Warning(
                $"etcd was set back to an earlier state, or restored, and does not hold the lease of "
                    + $"{string.Join(" and ", missing.Peers)}: that way stays for {patience.TotalSeconds:0} s, until that host has written "
                    + "it again"
            );
        }

        foreach (string key in leases.Keys)
        {
            _forgotten.Remove(key);
        }

        (_leases, _replaced) = (leases, true);
        _marks.Clear();
        foreach (KnownLease lease in leases.Values)
        {
            Recount(was: null, lease);
        }

        _firstRefused = null;
        _unreadable.Clear();
        foreach (UnreadableLease bad in snapshot.Unreadable)
        {
            _unreadable[bad.Key] = bad.Reason;
        }
    }

    private List<KnownLease> StillForgotten(List<KnownLease> counted)
    {
        foreach (string key in _forgotten.Keys.Where(key => clock.GetElapsedTime(_forgotten[key].Since) >= patience).ToArray())
        {
            _forgotten.Remove(key);
        }

        return [.. _forgotten.Values.Where(kept => !kept.Lease.Peers.Any(peer => IsTaken(peer.Subnet))).Select(kept => kept.Lease)];

        bool IsTaken(IPNetwork subnet) => counted.Exists(lease => lease.Peers.Any(peer => peer.Subnet.Overlaps(subnet)));
    }

    private static KnownLease Known(NodeLease lease) =>
        new(PeerLeaseMapper.Peers(lease), lease.LeaseId) { Claim = new LeaseClaim(lease.Key, lease.Subnets, lease.Created) };
}
