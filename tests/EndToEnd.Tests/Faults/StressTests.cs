using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json.Nodes;
using Twill.EndToEnd.Tests.Capabilities;
using Twill.EndToEnd.Tests.Ports;
using Twill.Testing;
using Xunit.Abstractions;

namespace Twill.EndToEnd.Tests.Faults;

/// <summary>
/// One host with thirteen addresses, and two callers that add, delete and check sixteen containers while ADDs and DELs are killed,
/// containers vanish, GCs run beside, agent and etcd are killed, etcd hangs, and somebody flushes the firewall or puts its table to
/// sleep. In long runs copies of the host start beside it, one in 2,000 operations: that takes a minute each. No address is given twice,
/// whoever was added has what it was given, and in the end nothing is left.
/// <c>TWILL_STRESS_OPERATIONS=50000</c> makes it a long run, <c>TWILL_STRESS_SEED</c> makes the same choices as a run that has told its
/// seed.
/// </summary>
[Collection(AloneCollection.Name)]
public sealed class StressTests(ITestOutputHelper output) : IDisposable
{
    private const int Callers = 2,
        ContainersOfEach = 8,
        FirstPort = 20_000,
        Default = 2_000,
        Least = 200;

    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(3),
        s_mended = TimeSpan.FromSeconds(60);

    private readonly Cluster? _cluster = Environment.IsPrivilegedProcess ? Cluster.Start(1, Scarce) : null;
    private readonly ConcurrentDictionary<string, int> _counts = new();
    private readonly ConcurrentDictionary<string, string> _addresses = new();
    private readonly HashSet<string> _known = [];
    private readonly Lock _listing = new();
    private HostCopy? _copy; // in long runs
    private volatile bool _hasFailed;
    private int _operations,
        _breaks;

    private LabHost Host => _cluster!.Hosts[0];

    [RequiresRootFact]
    public async Task Whatever_is_killed_flushed_or_collected_no_address_is_given_twice_and_nothing_is_left()
    {
        int seed = Number("TWILL_STRESS_SEED") ?? Random.Shared.Next(),
            most = Number("TWILL_STRESS_OPERATIONS") ?? Default;
        long start = Stopwatch.GetTimestamp();
        _copy = most > Default ? new HostCopy(_cluster!, Scarce) : null;
        bool GoesOn() => !_hasFailed && _operations < most && (most > Default || Stopwatch.GetElapsedTime(start) < s_limit);

        Caller[] callers = [.. Enumerable.Range(0, Callers).Select(i => new Caller(this, i, new Random(seed + i)))];
        await Task.WhenAll(callers.Select(caller => Task.Run(() => RunUntilFailure(caller, GoesOn))));

        foreach (Caller caller in callers)
        {
            caller.End();
        }

        Host.Plugin("twill").Run("GC", Listing([])).OrThrow();
        string counts = string.Join(", ", _counts.OrderBy(c => c.Key, StringComparer.Ordinal).Select(c => $"{c.Value} {c.Key}"));
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Figures.Report("stress", $"{_operations} operations in {seconds:0} s, {counts}; seed {seed}", output);
        _operations.Should().BeGreaterThan(Least);
        Leftovers.Of(Host).Should().BeEmpty($"with seed {seed}");
        Host.Published("twill").Should().BeEmpty($"with seed {seed}");
        foreach (string directory in (string[])["ports", "ports/addresses", "adding", "added"])
        {
            string path = Host.At($"/run/twill/twill/{directory}");
            (Directory.Exists(path) ? Directory.GetFiles(path) : []).Should().BeEmpty($"{directory}, with seed {seed}");
        }
    }

    public void Dispose() => _cluster?.Dispose();

    private static void Scarce(JsonObject conf)
    {
        conf.Ipam()["subnetLen"] = 28;
        (conf.Ipam()["subnetMin"], conf.Ipam()["subnetMax"]) = ("10.244.1.0", "10.244.1.0");
    }

    private static int? Number(string variable) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), out int number) ? number : null;

    /// <summary>What one finds is not to be buried under what the other goes on to do.</summary>
    private void RunUntilFailure(Caller caller, Func<bool> goesOn)
    {
        try
        {
            caller.Run(goesOn);
        }
        catch
        {
            _hasFailed = true;
            throw;
        }
    }

    private void Count(string what) => _counts.AddOrUpdate(what, 1, (_, n) => n + 1);

    private JsonObject Config()
    {
        JsonObject config = SampleConf.Cluster(_cluster!.Etcd.Endpoint);
        Scarce(config);
        config = config.ForPlugin();
        config["cniVersion"] = "1.1.0";
        return config;
    }

    private string Listing(IEnumerable<string> containers)
    {
        JsonObject config = Config();
        config["cni.dev/valid-attachments"] = new JsonArray([
            .. containers.Select(c => new JsonObject { ["containerID"] = c, ["ifname"] = "eth0" }),
        ]);
        return config.ToJsonString();
    }

    /// <summary>A GC with a list of its moment. ADDs begin again when it has been called: of what ends before that it cannot
    /// know.</summary>
    private void Collect()
    {
        int breaks = _breaks;
        Task<CniAnswer> gc;
        lock (_listing)
        {
            string list = Listing(_known);
            gc = Task.Run(() => Host.Plugin("twill").Run("GC", list));
            Eventually.True("the GC runs", () => gc.IsCompleted || IsCollecting(), s_mended);
        }

        CniAnswer answer = gc.GetAwaiter().GetResult();
        Count(answer.ExitCode == 0 ? "GCs" : "GCs refused");
        if (IsWhole(breaks))
        {
            answer.OrThrow();
        }
    }

    private bool IsCollecting()
    {
        string inode = Host.Run("stat", "-c", "%i", "/run/twill/twill/collecting").Stdout.Trim();
        return inode.Length > 0 && File.ReadLines("/proc/locks").Any(l => l.Contains("OFDLCK") && l.Contains($":{inode} "));
    }

    /// <summary>Whether nobody broke anything since then.</summary>
    private bool IsWhole(int breaks) => breaks % 2 == 0 && breaks == _breaks;

    /// <summary>Something that has the plugins fail for a moment, and that the agent mends.</summary>
    private void Break(string what, Action action)
    {
        Interlocked.Increment(ref _breaks);
        action();
        Interlocked.Increment(ref _breaks);
        Count(what);
    }

    /// <summary>A runtime with its containers.</summary>
    private sealed class Caller(StressTests test, int number, Random random)
    {
        private readonly List<LabContainer> _free =
        [
            .. Enumerable.Range(0, ContainersOfEach).Select(i => test.Host.NewContainer($"s{number}-{i}")),
        ];
        private readonly List<LabContainer> _added = [],
            _orphans = [];

        internal void Run(Func<bool> goesOn)
        {
            while (goesOn())
            {
                Interlocked.Increment(ref test._operations);
                int choice = random.Next(100);
                if (choice < 6)
                {
                    Disturb(choice);
                }
                else if (_free.Count > 0 && (choice < 52 || _added.Count == 0))
                {
                    Add(Take(_free), isKilled: random.Next(8) == 0);
                }
                else if (_added.Count == 0)
                {
                    Collect();
                }
                else if (choice < 60)
                {
                    Check(_added[random.Next(_added.Count)]);
                }
                else if (choice < 65)
                {
                    Vanish(Take(_added));
                }
                else
                {
                    Delete(Take(_added), isKilled: random.Next(8) == 0);
                }
            }
        }

        /// <summary>Whoever is there has what it was given; then all of them go.</summary>
        internal void End()
        {
            foreach (LabContainer container in _added)
            {
                Check(container);
            }

            while (_added.Count > 0)
            {
                Delete(Take(_added), isKilled: false);
            }
        }

        private void Disturb(int choice)
        {
            switch (choice)
            {
                case 0 when number == 0:
                    test.Break("agents killed", () =>
                    {
                        test.Host.Agent!.Kill();
                        test.Host.StartAgent();
                    });
                    break;
                case 1 when number == 0:
                    test.Break("flushes", () => test.Host.Nft("flush ruleset"));
                    break;
                case 2 when number == 0:
                    test.Break("tables put to sleep", () => test.Host.Run("nft", "add table inet twill-twill { flags dormant; }"));
                    break;
                case 3 when number == 0 && test._copy is { } copy && random.Next(10) == 0:
                    test.Break("copies of the host", () => copy.ComeAndGo(test.Host, withMemory: random.Next(2) == 0, test.Config()));
                    break;
                case 0 when test._copy is not { IsClaimEnding: true }:
                    test.Break("times etcd killed", () =>
                    {
                        test._cluster!.Etcd.Kill();
                        Thread.Sleep(random.Next(1000));
                        test._cluster.Etcd.Start();
                    });
                    break;
                case 1 when test._copy is not { IsClaimEnding: true }:
                    test.Break("times etcd frozen", () =>
                    {
                        test._cluster!.Etcd.Pause();
                        Thread.Sleep(random.Next(2000));
                        test._cluster.Etcd.Resume();
                    });
                    break;
                default:
                    Collect();
                    break;
            }
        }

        private void Collect()
        {
            LabContainer[] orphans = [.. _orphans];
            test.Collect();
            foreach (LabContainer orphan in orphans)
            {
                _orphans.Remove(orphan);
                test.Host.Plugin("twill", orphan).Del(test.Config().ToJsonString()).OrThrow();
                _free.Add(orphan);
            }
        }

        private void Add(LabContainer container, bool isKilled)
        {
            int breaks = test._breaks;
            lock (test._listing)
            {
                test._known.Add(container.Name);
            }

            CniAnswer answer = Run("ADD", container, Asked(container), isKilled);
            if (answer.ExitCode == 0)
            {
                container.Result = answer.Stdout;
                test._addresses.TryAdd(container.Address, container.Name).Should().BeTrue($"{container.Address} is given to one only");
                _added.Add(container);
                test.Count("containers added");
                return;
            }

            if (!isKilled && answer.ErrorCode != 11 && test.IsWhole(breaks))
            {
                answer.OrThrow();
            }

            test.Count(isKilled ? "ADDs killed" : "ADDs refused");
            Forget(container, isOrphan: isKilled && random.Next(3) == 0);
        }

        private void Delete(LabContainer container, bool isKilled)
        {
            test._addresses.TryRemove(container.Address, out _);
            if (isKilled)
            {
                Run("DEL", container, test.Config(), isKilled: true);
                test.Count("DELs killed");
            }

            Forget(container, isOrphan: isKilled && random.Next(3) == 0);
        }

        /// <summary>Its namespace is deleted, and nobody sends a DEL.</summary>
        private void Vanish(LabContainer container)
        {
            test._addresses.TryRemove(container.Address, out _);
            container.Remove();
            test.Host.NewContainer(container.Name);
            test.Count("containers vanished");
            Forget(container, isOrphan: true);
        }

        /// <summary>With a DEL, as runtimes send it after each failure; or an orphan, which a GC frees.</summary>
        private void Forget(LabContainer container, bool isOrphan)
        {
            lock (test._listing)
            {
                test._known.Remove(container.Name);
            }

            if (isOrphan)
            {
                _orphans.Add(container);
                return;
            }

            Delete(container);
            _free.Add(container);
        }

        private void Delete(LabContainer container)
        {
            Eventually.Pass(() => Run("DEL", container, test.Config(), isKilled: false).OrThrow(), s_mended);
            test.Count("DELs");
        }

        private void Check(LabContainer container)
        {
            JsonObject config = Asked(container);
            config["prevResult"] = JsonNode.Parse(container.Result);
            Eventually.Pass(() => Run("CHECK", container, config, isKilled: false).OrThrow(), s_mended);
            test.Count("CHECKs");
        }

        /// <summary>Every third container has a port.</summary>
        private JsonObject Asked(LabContainer container)
        {
            int index = int.Parse(container.Name.Split('-')[1]);
            int port = FirstPort + (number * ContainersOfEach) + index;
            return index % 3 == 0
                ? test.Config().WithRuntimeConfig($$"""{"portMappings":[{"hostPort":{{port}},"containerPort":80}]}""")
                : test.Config();
        }

        private CniAnswer Run(string verb, LabContainer container, JsonObject config, bool isKilled)
        {
            CniProcess plugin = test.Host.Plugin("twill", container) with { Timeout = TimeSpan.FromMinutes(2) };
            if (isKilled)
            {
                plugin = plugin with { Prefix = [.. plugin.Prefix, "timeout", "-s", "KILL", $"0.0{random.Next(1, 40):00}"] };
            }

            return plugin.Run(verb, config.ToJsonString());
        }

        private LabContainer Take(List<LabContainer> from)
        {
            LabContainer one = from[random.Next(from.Count)];
            from.Remove(one);
            return one;
        }
    }
}
