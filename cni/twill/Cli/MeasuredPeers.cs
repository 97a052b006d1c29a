using System.Net;
using Twill.Network.State;
using Twill.System;

namespace Twill.Plugin.Cli;

/// <summary>How the other hosts answer, as the agent has measured.</summary>
internal sealed class MeasuredPeers
{
    /// <summary>Seconds: the agent writes its file at least every 30; after three times that nobody measures.</summary>
    private const double Stale = 90;

    private readonly Dictionary<IPNetwork, PeerReachability> _bySubnet = [];

    /// <summary>Why nothing is known; null: something is.</summary>
    public string? NotMeasured { get; private init; }

    /// <summary>Why the running agent cannot measure; null: it can, or is not meant to.</summary>
    public string? Failure { get; private init; }

    /// <summary>Bytes of a full packet.</summary>
    public int FullSize { get; private init; }

    /// <summary>Whether nobody answers.</summary>
    public bool NoneAnswers { get; private init; }

    /// <summary>All peers.</summary>
    public IReadOnlyCollection<PeerReachability> All => _bySubnet.Values;

    /// <summary>Those that do not answer.</summary>
    public List<PeerReachability> Silent => With(PeerState.Silent);

    /// <summary>Those that answer small packets, but none of full size.</summary>
    public List<PeerReachability> LosingFullSize => With(PeerState.LosesFullSize);

    /// <summary>Those that answer as routers alone, as they drop pings.</summary>
    public List<PeerReachability> DroppingPings => With(PeerState.Answers).FindAll(peer => peer.DropsPings);

    /// <summary>Those that answer.</summary>
    public int Answering => With(PeerState.Answers).Count;

    /// <summary>Those of which it is too early to tell: the agent has just started, or has just learnt of them.</summary>
    public int NotAskedYet => With(PeerState.Unknown).Count;

    /// <summary>What is not as it should be; null: nothing, as far as it can be told.</summary>
    public string? Problem
    {
        get
        {
            if (Failure is not null)
            {
                return $"whether peers answer is not known: {Failure}";
            }

            if (NoneAnswers)
            {
                return $"none of {Format.Count(All.Count, "peer")} answers";
            }

            List<string> parts = [];
            if (Silent is { Count: > 0 } silent)
            {
                parts.Add($"{silent.Count} of {Format.Count(All.Count, "peer")} {Verb(silent, "does", "do")} not answer: {Names(silent)}");
            }

            if (LosingFullSize is { Count: > 0 } losing)
            {
                parts.Add(
                    $"{losing.Count} of {Format.Count(All.Count, "peer")} {Verb(losing, "answers", "answer")} small packets, but none of "
                        + $"{FullSize} bytes: {Names(losing)}"
                );
            }

            return parts.Count == 0 ? null : string.Join("; ", parts);
        }
    }

    /// <summary>How a peer answers; null when that is not known.</summary>
    public PeerReachability? Of(IPNetwork? subnet) =>
        subnet is { } key && _bySubnet.TryGetValue(key, out PeerReachability found) ? found : null;

    /// <summary>Seconds since a peer last answered; null: it has not since the agent started.</summary>
    public static double? Age(PeerReachability peer) => peer.LastAnswer is { } last ? Math.Max(0, BootClock.Now - last) : null;

    /// <summary>The first few peers, for people.</summary>
    public static string Names(List<PeerReachability> peers) => Format.Few(peers.ConvertAll(peer => $"{peer.Subnet} via {peer.PublicIP}"));

    /// <summary>What a file says, if it is the running agent's.</summary>
    /// <param name="file">The file; null when there is none.</param>
    /// <param name="problem">Why it cannot be read; null: it can, or is not there.</param>
    /// <param name="agentRuns">Whether the agent runs.</param>
    public static MeasuredPeers From(ReachabilityFile? file, string? problem, bool agentRuns)
    {
        double age = file is null ? 0 : BootClock.Now - file.Time;
        bool isStale = file is not null && (file.BootId != BootClock.BootId || age > Stale);
        string? notMeasured =
            problem is not null ? problem
            : !agentRuns ? "the agent (twilld) does not run"
            : file is null ? "the agent does not measure: it is of an earlier version, has just started, or runs with --pings 0"
            : isStale ? "the agent runs, but has not measured for a while"
            : file.NotMeasured;
        MeasuredPeers peers = new()
        {
            NotMeasured = notMeasured,
            // An agent removes its file when it starts: one that is old is of an agent that should measure.
            Failure = agentRuns && (isStale || file?.NotMeasured is not null) ? notMeasured : null,
            FullSize = file?.FullSize ?? 0,
            NoneAnswers = notMeasured is null && file!.NoneAnswers,
        };
        if (notMeasured is null)
        {
            foreach (PeerReachability peer in file!.Peers)
            {
                peers._bySubnet[peer.Subnet] = peer;
            }
        }

        return peers;
    }

    private static string Verb(List<PeerReachability> peers, string one, string many) => peers.Count == 1 ? one : many;

    private List<PeerReachability> With(PeerState state)
    {
        List<PeerReachability> found = [];
        foreach (PeerReachability peer in _bySubnet.Values)
        {
            if (peer.State == state)
            {
                found.Add(peer);
            }
        }

        return found;
    }
}
