using System.Diagnostics;
using Twill.Cluster;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent;

/// <content>How it is, for those who ask: people, the service manager, probers and scrapers.</content>
internal sealed partial class NetworkAgent
{
    /// <summary>A round asks only the kernel, which answers or does not within 10 s: one that lasts this long will not end.</summary>
    private static readonly TimeSpan Stuck = TimeSpan.FromSeconds(30);

    private readonly Dictionary<ReconcileReason, long> _rounds = new()
    {
        [ReconcileReason.Host] = 0,
        [ReconcileReason.Everything] = 0,
        [ReconcileReason.Peers] = 0,
    };
    private long _roundBegan; // of the one that runs, as Stopwatch counts; 0: none
    private long _entriesWritten,
        _hostChanges;
    private int _peersWanted,
        _peersProgrammed,
        _peersSkipped;

    /// <summary>One line for the service manager.</summary>
    internal string Status { get; private set; } = "starting";

    /// <summary>Whether a round has begun and does not end.</summary>
    internal bool IsStuck => Volatile.Read(ref _roundBegan) is > 0 and var began && Stopwatch.GetElapsedTime(began) > Stuck;

    /// <summary>The failure that lasts, of the most telling kind first; null when all is well.</summary>
    private string? LastError
    {
        get
        {
            foreach (Condition condition in Conditions)
            {
                if (condition.Message is { } message)
                {
                    return $"{condition.Name}: {message}";
                }
            }

            return null;
        }
    }

    private IReadOnlyList<Condition> Conditions =>
        [_underlayCondition, _leaseCondition, _watchCondition, _hostCondition, _kernelCondition, _stateCondition];

    /// <summary>All that is not as it should be, a line each; empty when all is well.</summary>
    internal List<string> UnhealthyReasons()
    {
        List<string> reasons = [.. Conditions.Where(c => c.Message is not null).Select(c => $"{c.Name}: {c.Message}")];
        if (IsStuck)
        {
            reasons.Add($"kernel: a round has lasted for {Stopwatch.GetElapsedTime(Volatile.Read(ref _roundBegan)).TotalSeconds:0} s");
        }

        if (_keeper is not null)
        {
            HeldLease? held = _keeper.Held;
            if (held is null)
            {
                reasons.Add("lease: no subnet is leased yet");
            }
            else if (held.Deadline <= BootClock.Now)
            {
                reasons.Add($"lease: it ran out {BootClock.Now - held.Deadline:0} s ago");
            }

            reasons.AddRange(
                _keeper.Lost.Select(subnet => $"lease: subnet {subnet} is another host's now, and containers here may still use it")
            );
        }

        if (_otherFirewalls.InTheWay is { } firewall)
        {
            reasons.Add($"firewall: {firewall}");
        }

        if (!_peersMet && _store is not null)
        {
            reasons.Add("peers: the other hosts are not known yet");
        }

        return reasons;
    }

    /// <summary>The figures of this network.</summary>
    internal AgentMetrics Metrics() =>
        new(Name)
        {
            Subnets = _conf.Ipam.Etcd is null ? _conf.Ipam.Ranges : _keeper?.Held?.Prefixes ?? [],
            LostSubnets = _keeper?.Lost.Count ?? 0,
            LeaseSecondsLeft = _keeper?.Held is { } held ? held.Deadline - BootClock.Now : null,
            EtcdContact = _etcd?.LastContact,
            AddressesUsed = _conf.Ipam.IsForeign ? 0 : AddressRecords.Count(_conf.Ipam.DataDir, _conf.Name),
            PeersWanted = _peersWanted,
            PeersProgrammed = _peersProgrammed,
            PeersSkipped = _peersSkipped,
            Rounds = [.. _rounds.Select(r => ($"{r.Key}".ToLowerInvariant(), r.Value))],
            Entries = Interlocked.Read(ref _entriesWritten),
            HostChanges = Interlocked.Read(ref _hostChanges),
            Conditions = [.. Conditions.Select(c => (c.Name, c.Message))],
        };
}
