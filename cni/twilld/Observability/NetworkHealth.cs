using System.Diagnostics;
using Twill.System;

namespace Twill.Agent;

/// <summary>How a network is, derived from one snapshot: for people, the service manager, probes and Prometheus.</summary>
internal static class NetworkHealth
{
    /// <summary>A pass asks only the kernel, which answers or refuses within 10 s. One that runs this long does not end.</summary>
    private static readonly TimeSpan s_longestPass = TimeSpan.FromSeconds(30);

    /// <summary>Whether a pass has started and does not end.</summary>
    internal static bool IsStuck(NetworkSnapshot snapshot) => RunningPass(snapshot) > s_longestPass;

    /// <summary>One line for the service manager.</summary>
    internal static string StatusLine(NetworkSnapshot snapshot)
    {
        ReconcileStatus done = snapshot.Reconcile;
        if (done.FullPasses + done.HostPasses + done.PeerPasses == 0)
        {
            return snapshot.LastError is { } early ? $"starting; {early}" : "starting";
        }

        string subnets = snapshot.Lease.Held is { Subnets.Count: > 0 } held ? string.Join(", ", held.Prefixes) : "no subnet";
        string peers = $"{subnets}, {snapshot.Peers.Programmed} of {snapshot.Peers.Desired} peers";
        peers = snapshot.Reachability.Problem is { } problem ? $"{peers}, {problem}" : peers;
        return snapshot.LastError is { } error ? $"{peers}; {error}" : peers;
    }

    /// <summary>Everything that is not as it should be, a line each; empty when all is well.</summary>
    /// <param name="snapshot">What is known.</param>
    /// <param name="now">Seconds of the boot clock.</param>
    internal static List<string> UnhealthyReasons(NetworkSnapshot snapshot, double now)
    {
        List<string> reasons =
        [
            .. snapshot.Defects.Concat(snapshot.Conditions).Where(c => c.Message is not null).Select(c => $"{c.Name}: {c.Message}"),
        ];
        if (IsStuck(snapshot))
        {
            reasons.Add($"kernel: a pass has been running for {RunningPass(snapshot).TotalSeconds:0} s");
        }

        if (snapshot.UsesEtcd)
        {
            AddLease(reasons, snapshot.Lease, now);
        }

        if (snapshot.BlockingFirewall is { } firewall)
        {
            reasons.Add($"{ConditionName.Firewall}: {firewall}");
        }

        if (snapshot.Reachability.NoneAnswers)
        {
            reasons.Add($"reachability: {snapshot.Reachability.Problem}; `twill doctor` looks for the reason");
        }

        reasons.AddRange(snapshot.Peers.Conflicts.Select(conflict => $"peers: {conflict}"));
        if (!snapshot.Peers.AreKnown && snapshot.UsesEtcd)
        {
            reasons.Add("peers: the other hosts are not known yet");
        }

        return reasons;
    }

    /// <summary>What an operator should know although the network works, a line each: peers that do not answer while others do, and keys in
    /// etcd that lead to no host.</summary>
    internal static List<string> Notes(NetworkSnapshot snapshot)
    {
        const int Most = 10;
        List<string> notes = snapshot.Reachability.Problem is { } problem ? [problem] : [];
        PeersStatus peers = snapshot.Peers;
        notes.AddRange(peers.SharedAddresses);
        notes.AddRange(
            peers.Refused.Take(Most).Select(refused => $"etcd key {ForeignText.Shown(refused.Key)} does not count: {refused.Reason}")
        );
        if (peers.RefusedCount > Most)
        {
            notes.Add($"{peers.RefusedCount - Most} more keys do not count");
        }

        return notes;
    }

    /// <summary>The network's figures.</summary>
    /// <param name="snapshot">What is known.</param>
    /// <param name="etcdContact">When etcd last answered; null when it has not, or is not used.</param>
    /// <param name="addressesUsed">Addresses that containers have.</param>
    /// <param name="now">Seconds of the boot clock.</param>
    internal static AgentMetrics Metrics(NetworkSnapshot snapshot, DateTimeOffset? etcdContact, int addressesUsed, double now) =>
        new(snapshot.Configuration.Name)
        {
            Subnets = snapshot.LocalSubnets,
            LostSubnets = snapshot.Lease.Lost.Count,
            LeaseSecondsLeft = snapshot.Lease.Held is { } held ? held.Deadline - now : null,
            EtcdContact = etcdContact,
            AddressesUsed = addressesUsed,
            PeersWanted = snapshot.Peers.Desired,
            PeersProgrammed = snapshot.Peers.Programmed,
            PeersSkipped = snapshot.Peers.Skipped,
            Reachability = snapshot.Reachability,
            Rounds =
            [
                ("host", snapshot.Reconcile.HostPasses),
                ("everything", snapshot.Reconcile.FullPasses),
                ("peers", snapshot.Reconcile.PeerPasses),
            ],
            Entries = snapshot.Reconcile.EntriesWritten,
            HostChanges = snapshot.Reconcile.HostChanges,
            Conditions = [.. snapshot.Conditions.Select(c => (c.Name, c.Message)), (ConditionName.Firewall, snapshot.BlockingFirewall)],
        };

    private static TimeSpan RunningPass(NetworkSnapshot snapshot) =>
        snapshot.Reconcile.PassStarted is { } started ? Stopwatch.GetElapsedTime(started) : TimeSpan.Zero;

    private static void AddLease(List<string> reasons, LeaseStatus lease, double now)
    {
        if (lease.Held is not { } held)
        {
            reasons.Add("lease: no subnet is leased yet");
        }
        else if (held.Deadline <= now)
        {
            reasons.Add($"lease: it ran out {now - held.Deadline:0} s ago");
        }

        reasons.AddRange(
            lease.Lost.Select(subnet => $"lease: subnet {subnet} is another host's now, and containers here may still use it")
        );
    }
}
