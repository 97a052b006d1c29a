namespace Twill.Bench;

/// <summary>All that a run has measured.</summary>
internal sealed class Results
{
    public List<StartupMeasurement> Startups { get; } = [];

    public List<Measurement> Chains { get; } = [];

    public List<Measurement> Ports { get; } = [];

    public List<StormMeasurement> Storms { get; } = [];

    public List<TrafficMeasurement> Traffic { get; } = [];

    /// <summary>ADD and DEL with each of the protections on and off.</summary>
    public List<Measurement> Protections { get; } = [];

    /// <summary>Traffic with each of the protections on and off.</summary>
    public List<TrafficMeasurement> ProtectedTraffic { get; } = [];

    /// <summary>Measures the parts that were chosen.</summary>
    public static Results Measure(Options options, string scratch)
    {
        Results results = new();
        string Ours(string program) => Path.Combine(options.Bin, program);
        string Theirs(string program) => Path.Combine(options.Peers, program);
        Chain plain = Chain.Bridge(options.Peers, masquerade: false),
            masquerading = Chain.Bridge(options.Peers, masquerade: true);
        Chain twill = Chain.Twill(options.Bin);
        if (options.Has("startup"))
        {
            results.Startups.AddRange(
                Startup.Measure(
                    [
                        options.Hello,
                        Ours("twill"),
                        Ours("twill-ipam"),
                        .. options.Beside.SelectMany(b => new[] { Path.Combine(b, "twill"), Path.Combine(b, "twill-ipam") }),
                        Theirs("bridge"),
                        Theirs("host-local"),
                    ],
                    options.Rounds,
                    scratch
                )
            );
        }

        if (options.Has("chains"))
        {
            Chain[] ours = [twill, .. options.Beside.Select(Chain.TwillBeside), Chain.Floor(options.Floor)];
            results.Chains.AddRange(Interleaved.Measure(ours, [plain, masquerading], options, scratch));
        }

        if (options.Has("ports"))
        {
            results.Ports.AddRange(
                Interleaved.Measure(
                    [Chain.TwillPorts(options.Bin)],
                    [Chain.BridgePorts(options.Peers)],
                    options with
                    {
                        Counts = [1],
                    },
                    scratch
                )
            );
        }

        if (options.Has("storms"))
        {
            results.Storms.AddRange(Bench.Storms.Measure([twill, plain, masquerading], options.Storms, rounds: 3, scratch));
        }

        if (options.Has("traffic"))
        {
            results.Traffic.AddRange(Bench.Traffic.Measure(rounds: 5));
        }

        if (options.Has("protections"))
        {
            results.Protections.AddRange(Interleaved.Measure(Protection.Chains(options.Bin), [], options, scratch));
            results.ProtectedTraffic.AddRange(Protection.MeasureTraffic(options.Rounds));
        }

        return results;
    }

    public int Failures => AllSamples.Sum(s => s.Failures);

    public int Runs => AllSamples.Sum(s => s.Count);

    /// <summary>Sizes in bytes of the programs that are in the directory.</summary>
    public static IEnumerable<(string Program, long Bytes)> Sizes(string bin) =>
        new[] { "twill", "twill-ipam", "twilld" }
            .Select(p => new FileInfo(Path.Combine(bin, p)))
            .Where(f => f.Exists)
            .Select(f => (f.Name, f.Length));

    private IEnumerable<Samples> AllSamples =>
        [
            .. Startups.Select(s => s.Runs),
            .. Chains.Concat(Ports).Concat(Protections).SelectMany(m => new[] { m.Add, m.Del }),
            .. Storms.SelectMany(m => new[] { m.Add, m.Del }),
        ];
}
