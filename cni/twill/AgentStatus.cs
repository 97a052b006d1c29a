using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.Plugin.Cli;

namespace Twill.Plugin;

/// <summary>Whether an agent is at work in a network.</summary>
internal enum AgentCondition
{
    /// <summary>None has reported since this host started.</summary>
    NoReport,

    /// <summary>It has reported, and its process is gone.</summary>
    Ended,

    /// <summary>Its process is there, and has not reported for too long: it hangs.</summary>
    Silent,

    /// <summary>It reports.</summary>
    Reporting,
}

/// <summary>How the agent is in a network: for STATUS, and for the operator's commands.</summary>
internal sealed record AgentStatus
{
    /// <inheritdoc/>
    public override string ToString() => $"{Pid}";

    /// <summary>What is said of <see cref="AgentCondition.NoReport"/>.</summary>
    public const string NoReportText = "no agent (twilld) has run since this host started";

    /// <summary>Seconds: it reports at least every 30, so that after three times that it hangs.</summary>
    private const double SilentAfter = 90;

    /// <summary>Whether the network needs one: to keep a lease, to reach other hosts, or to answer for names.</summary>
    public bool Needed { get; init; }

    /// <summary>Its process; null: it does not run.</summary>
    public int? Pid { get; init; }

    /// <summary>Seconds since its last report; null: there is none.</summary>
    public double? ReportAge { get; init; }

    /// <summary>Seconds since etcd last answered it; null: not yet.</summary>
    public double? EtcdAge { get; init; }

    /// <summary>What failed last and still does.</summary>
    public string? Error { get; init; }

    /// <summary>Remote subnets it knows of.</summary>
    public int PeersWanted { get; init; }

    /// <summary>Remote subnets that the kernel has the way to, as it reported.</summary>
    public int PeersProgrammed { get; init; }

    /// <summary>Keys in etcd that lead to no host: the first of them.</summary>
    public IReadOnlyList<RefusedLease> Refused { get; init; } = [];

    /// <summary>How many there are.</summary>
    public int RefusedCount { get; init; }

    /// <summary>What keeps this host and others from reaching each other, and an administrator must mend.</summary>
    public IReadOnlyList<string> Conflicts { get; init; } = [];

    /// <summary>Whether it is at work.</summary>
    public AgentCondition Condition =>
        ReportAge is not { } age ? AgentCondition.NoReport
        : Pid is null ? AgentCondition.Ended
        : age > SilentAfter ? AgentCondition.Silent
        : AgentCondition.Reporting;

    /// <summary>What is wrong with it; null: nothing, or nobody needs it.</summary>
    public string? Problem =>
        !Needed
            ? null
            : Condition switch
            {
                AgentCondition.NoReport => NoReportText,
                AgentCondition.Ended => $"the agent (twilld) is not running; it reported {Format.Time(ReportAge!.Value)} ago",
                AgentCondition.Silent => $"the agent (twilld, pid {Pid}) has not reported for {Format.Time(ReportAge!.Value)}",
                _ => Error is null ? null : $"the agent reports: {Error}",
            };

    /// <summary>That of a network whose agent reported this; null: none did.</summary>
    public static AgentStatus Of(TwillConf conf, AgentFile? file)
    {
        int? pid = file is null ? null : AgentProcess.Find(file.Pid);
        return new()
        {
            Needed = conf.Ipam.Etcd is not null || conf.Backend.JoinsHosts || conf.Names is not null,
            Pid = pid,
            ReportAge = file is null || double.IsInfinity(file.Age) ? null : file.Age,
            EtcdAge = file?.EtcdAge is { } age && double.IsFinite(age) ? age : null,
            Error = file?.LastError,
            PeersWanted = file?.PeersWanted ?? 0,
            PeersProgrammed = file?.PeersProgrammed ?? 0,
            Refused = pid is null ? [] : file?.Refused ?? [],
            RefusedCount = pid is null ? 0 : file?.RefusedCount ?? 0,
            Conflicts = pid is null ? [] : file?.Conflicts ?? [],
        };
    }
}
