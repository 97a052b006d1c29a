using System.Net;
using Twill.Host.Backends;
using Twill.Host.Reconcile;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent;

/// <summary>Keys in etcd that lead to no host, for an operator: those that are no leases of the network, and the leases that nothing could
/// be made for.</summary>
/// <param name="log">Is told of each once.</param>
internal sealed class RefusedLeases(Log log)
{
    private readonly Dictionary<string, string> _told = [];
    private readonly Dictionary<IPNetwork, SkippedPeer> _skipped = [];
    private IReadOnlyList<RefusedLease>? _lastTold; // the same list as long as nothing of it changed

    /// <summary>Takes what a look at all leases found.</summary>
    internal void Replace(IReadOnlyList<SkippedPeer> skipped)
    {
        _skipped.Clear();
        Add(skipped);
    }

    /// <summary>Takes what became of a few.</summary>
    internal void Change(IReadOnlyList<SkippedPeer> was, IReadOnlyList<SkippedPeer> now)
    {
        foreach (SkippedPeer skip in was)
        {
            _skipped.Remove(skip.Peer.Subnet);
        }

        Add(now);
    }

    /// <summary>What there is now, for the snapshot.</summary>
    /// <param name="peers">What else is known of the peers.</param>
    /// <param name="local">This host.</param>
    /// <param name="leases">Knows the keys that are no leases of the network.</param>
    internal PeersStatus In(PeersStatus peers, LocalNode local, LeaseCache leases)
    {
        IReadOnlyList<RefusedLease> uncounted = leases.Refused;
        if (!ReferenceEquals(uncounted, _lastTold))
        {
            Tell(uncounted, leases);
            _lastTold = uncounted;
        }

        List<RefusedLease> all = [.. uncounted];
        List<string> conflicts = [];
        foreach (SkippedPeer skip in _skipped.Values)
        {
            string name = skip.Peer.Key.Length > 0 ? skip.Peer.Key : $"{skip.Peer.Subnet}";
            if (all.Count < RefusedLease.Most)
            {
                all.Add(new RefusedLease(name, skip.Why));
            }

            if (conflicts.Count < MostConflicts && SharesAddress(local, skip.Peer) is { } address)
            {
                conflicts.Add(
                    $"another node publishes this host's address {address} with {skip.Peer.Subnet}: of two hosts with one address (that of "
                        + "virtual machines behind NAT, as 10.0.2.15?) others reach neither; set backend.interface to one by which they do"
                );
            }
        }

        if (conflicts.Count == 0 && peers.Desired == 0 && _skipped.Count > 0)
        {
            SkippedPeer first = _skipped.Values.First();
            conflicts.Add($"none of the leases of other hosts can be used: {first.Peer} {first.Why}");
        }

        return peers with
        {
            Skipped = _skipped.Count,
            Refused = all,
            RefusedCount = leases.RefusedCount + _skipped.Count,
            Conflicts = conflicts,
        };
    }

    private const int MostConflicts = 3;

    private static IPAddress? SharesAddress(LocalNode local, PeerLease peer)
    {
        foreach (PeerAddress theirs in peer.Addresses)
        {
            foreach (LocalAddress ours in local.Addresses)
            {
                if (ours.PublicIP.Equals(theirs.PublicIP))
                {
                    return ours.PublicIP;
                }
            }
        }

        return null;
    }

    private void Add(IReadOnlyList<SkippedPeer> skipped)
    {
        foreach (SkippedPeer skip in skipped)
        {
            _skipped[skip.Peer.Subnet] = skip;
        }
    }

    /// <summary>Tells of each key once, and anew when the reason is another; a list that is read again tells nothing, and neither does a
    /// key that others had pushed out of the list.</summary>
    private void Tell(IReadOnlyList<RefusedLease> refused, LeaseCache leases)
    {
        foreach (RefusedLease lease in refused)
        {
            if (_told.GetValueOrDefault(lease.Key) != lease.Reason)
            {
                _told[lease.Key] = lease.Reason;
                log.Limited(LogLevel.Warning, $"etcd key {ForeignText.Shown(lease.Key)} is no lease one can use: {lease.Reason}");
            }
        }

        if (_told.Count > refused.Count)
        {
            foreach (string key in _told.Keys)
            {
                if (leases.WhyRefused(key) is null)
                {
                    _told.Remove(key);
                }
            }
        }
    }
}
