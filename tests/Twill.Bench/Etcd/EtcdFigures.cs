namespace Twill.Bench.Etcd;

/// <summary>What was measured of one etcd with so many hosts.</summary>
internal sealed record EtcdFigures(int Hosts)
{
    /// <summary>Seconds until all of them had a lease and knew all others, a few at a time, and what etcd used for it.</summary>
    public double JoinSeconds { get; set; }

    public required EtcdUse Join { get; set; }

    /// <summary>While nothing happens, a second of it: milliseconds of processor time, calls.</summary>
    public double IdleCpuMs { get; set; }

    public double IdleCalls { get; set; }

    public double ResidentMb { get; set; }

    public double PeakMb { get; set; }

    /// <summary>Milliseconds from the answer to a change until half of the hosts, and the last of them, knew; of etcd's processor time for
    /// each.</summary>
    public List<double> ChangeHalfMs { get; } = [];

    public List<double> ChangeLastMs { get; } = [];

    public double ChangeCpuMs { get; set; }

    /// <summary>More hosts that came at once, spread over so many seconds: milliseconds until each had its lease.</summary>
    public int Comers { get; set; }

    public double StormSeconds { get; set; }

    public List<double> StormMs { get; } = [];

    public int StormFailures { get; set; }

    /// <summary>Seconds after the last of them until all hosts knew all.</summary>
    public double StormLagSeconds { get; set; }

    public double StormCpuMs { get; set; }

    /// <summary>etcd killed and started, with its history and with it compacted.</summary>
    public RestartFigures? Restart { get; set; }

    public RestartFigures? RestartCompacted { get; set; }
}

/// <summary>What came of a restart of etcd.</summary>
/// <param name="HalfSeconds">Seconds after etcd served again until half of the watches ran.</param>
/// <param name="AllSeconds">Until all of them ran.</param>
/// <param name="Lists">Lists of all leases.</param>
/// <param name="Resumptions">Watches that went on without one.</param>
/// <param name="Breaks">Times that a watch broke off or did not come about.</param>
/// <param name="Use">What etcd used until then.</param>
/// <param name="PeakMb">The most memory that it had.</param>
internal sealed record RestartFigures(
    double HalfSeconds,
    double AllSeconds,
    int Lists,
    int Resumptions,
    int Breaks,
    EtcdUse Use,
    double PeakMb
);
