using System.Globalization;
using Twill.Cni;
using Twill.Network.State;

namespace Twill.Agent;

/// <summary>Counts a network's plugin calls, which the plugin tells of. Bounded whatever comes in. From any thread.</summary>
internal sealed class PluginCallCounter : IDisposable
{
    /// <summary>The upper bounds of the histogram's buckets, in seconds; a last one has no bound.</summary>
    internal static readonly IReadOnlyList<double> Bounds = [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    /// <summary>The most codes of a verb that have a series of their own; those that come later are <c>other</c>.</summary>
    internal const int MostCodes = 16;

    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly PluginCallReader _reader;
    private readonly Dictionary<CniVerb, Histogram> _verbs = [];
    private bool _isClosed;

    /// <exception cref="IOException">the pipe cannot be made</exception>
    internal PluginCallCounter(NetworkStateDir state) => _reader = new PluginCallReader(state);

    /// <summary>Reads what the plugin tells, often enough that the pipe does not fill.</summary>
    internal async Task RunAsync(CancellationToken stop)
    {
        using PeriodicTimer timer = new(s_period);
        while (await timer.WaitForNextTickAsync(stop).ConfigureAwait(false))
        {
            Take();
        }
    }

    /// <summary>All calls so far, of each verb that there was one of.</summary>
    internal IReadOnlyList<PluginCalls> Read()
    {
        lock (_lock)
        {
            Take();
            return [.. _verbs.OrderBy(verb => verb.Key).Select(verb => verb.Value.Read(verb.Key.Name()))];
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _isClosed = true;
            _reader.Dispose();
        }
    }

    private void Take()
    {
        lock (_lock)
        {
            if (_isClosed)
            {
                return;
            }

            foreach (PluginCall call in _reader.Read())
            {
                if (!_verbs.TryGetValue(call.Verb, out Histogram? of))
                {
                    _verbs[call.Verb] = of = new Histogram();
                }

                of.Add(call);
            }
        }
    }

    private sealed class Histogram
    {
        private const string Other = "other";

        private readonly long[] _buckets = new long[Bounds.Count + 1];
        private readonly SortedDictionary<string, long> _codes = new(StringComparer.Ordinal);
        private double _seconds;

        internal void Add(PluginCall call)
        {
            double seconds = call.Microseconds / 1e6;
            _seconds += seconds;
            int bucket = 0;
            while (bucket < Bounds.Count && seconds > Bounds[bucket])
            {
                bucket++;
            }

            _buckets[bucket]++;
            string code = call.Code.ToString(CultureInfo.InvariantCulture);
            if (!_codes.ContainsKey(code) && _codes.Count >= MostCodes)
            {
                code = Other;
            }

            _codes[code] = _codes.GetValueOrDefault(code) + 1;
        }

        internal PluginCalls Read(string verb) => new(verb, [.. _codes.Select(code => (code.Key, code.Value))], [.. _buckets], _seconds);
    }
}

/// <summary>The calls of one verb.</summary>
/// <param name="Verb">its name, as in CNI_COMMAND</param>
/// <param name="Codes">how many ended with each code; 0: they succeeded</param>
/// <param name="Buckets">how many took so long, by <see cref="PluginCallCounter.Bounds"/>, not cumulated</param>
/// <param name="Seconds">how long all of them took</param>
internal sealed record PluginCalls(
    string Verb,
    IReadOnlyList<(string Code, long Count)> Codes,
    IReadOnlyList<long> Buckets,
    double Seconds
);
