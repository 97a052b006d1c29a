using System.Collections.Immutable;
using System.Net;
using Twill.Network.State;

namespace Twill.Agent;

/// <summary>How the other hosts answer, as of the last look.</summary>
internal sealed record ReachabilityStatus
{
    /// <summary>Peers that are pinged.</summary>
    internal int Peers { get; init; }

    /// <summary>Those of which it is too early to tell.</summary>
    internal int Unknown { get; init; }

    /// <summary>Those that do not answer.</summary>
    internal int Silent { get; init; }

    /// <summary>The subnets of those that do not answer, where others do: a bounded number.</summary>
    internal IReadOnlyList<IPNetwork> SilentSubnets { get; init; } = [];

    /// <summary>Those that answer small packets, but none of full size.</summary>
    internal int LosingFullSize { get; init; }

    /// <summary>Whether nobody answers.</summary>
    internal bool NoneAnswers { get; init; }

    /// <summary>Why nothing is measured; null: it is.</summary>
    internal string? NotMeasured { get; init; }

    /// <summary>Packets sent and answered since the agent started.</summary>
    internal (long Sent, long Answered) Packets { get; init; }

    /// <summary>The peers that are worst, that one first; a bounded number.</summary>
    internal ImmutableArray<PeerReachability> Worst { get; init; } = [];

    /// <summary>What is not as it should be, in a few words; null: all answer, as far as it can be told yet.</summary>
    internal string? Problem =>
        NoneAnswers ? $"none of {Peers} {(Peers == 1 ? "peer" : "peers")} answers"
        : Silent > 0 ? $"{Silent} of {Peers} peers {(Silent == 1 ? "does" : "do")} not answer"
        : LosingFullSize > 0 ? $"{LosingFullSize} of {Peers} peers {(LosingFullSize == 1 ? "answers" : "answer")} no packet of full size"
        : null;
}
