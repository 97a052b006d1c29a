namespace Twill.Bench.Agent;

/// <summary>What was measured of an agent among so many other hosts.</summary>
internal sealed record AgentFigures(int Hosts)
{
    /// <summary>Milliseconds from the start of an agent that finds nothing to the last of all routes, and of processor time until
    /// then.</summary>
    public double ConvergedMs { get; set; }

    public double ConvergedCpuMs { get; set; }

    /// <summary>Comparisons of everything that it made until it was at rest.</summary>
    public double FullRoundsUntilRest { get; set; }

    /// <summary>Milliseconds that `ip` and `bridge -batch` take for the same entries.</summary>
    public double FloorMs { get; set; }

    /// <summary>Megabytes that are resident, a while after that: all, and without what is mapped from the program's file.</summary>
    public double ResidentMb { get; set; }

    public double AnonymousMb { get; set; }

    public double PeakMb { get; set; }

    /// <summary>Milliseconds from a write to etcd to its answer, and to the route in the kernel; one change at a time.</summary>
    public List<double> PutMs { get; } = [];

    public List<double> RouteMs { get; } = [];

    /// <summary>Per change: entries written or removed, comparisons of everything, milliseconds of processor time.</summary>
    public double EntriesPerChange { get; set; }

    public double FullRoundsPerChange { get; set; }

    public double CpuMsPerChange { get; set; }

    /// <summary>While nothing happens, scaled to an hour: seconds of processor time, calls of etcd.</summary>
    public double IdleCpuSeconds { get; set; }

    public double IdleEtcdCalls { get; set; }
}
