using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json.Nodes;
using Twill.Testing;
using Xunit.Abstractions;

namespace Twill.EndToEnd.Tests.Faults;

/// <summary>
/// Four hosts, three subnets, leases of three seconds; containers come and go on all hosts while agents, etcd and cables fail by chance. A
/// host that is cut off for longer loses its subnet to the one that has none. All the while nobody may hand out what another may.
/// </summary>
public sealed class ChurnTests(ITestOutputHelper output)
{
    private const string SeedVariable = "TWILL_CHURN_SEED";
    private const int Hosts = 4,
        MostContainers = 4,
        LeaseSeconds = 3;

    private static readonly TimeSpan s_duration = TimeSpan.FromSeconds(20);

    private readonly ConcurrentQueue<string> _violations = new();
    private readonly ConcurrentDictionary<string, int> _counts = new();

    [RequiresRootFact]
    public async Task No_address_is_handed_out_by_two_hosts_at_once_whatever_fails()
    {
        int seed = int.TryParse(Environment.GetEnvironmentVariable(SeedVariable), out int asked) ? asked : Random.Shared.Next();
        using Cluster cluster = Cluster.Start(0);
        for (int i = 0; i < Hosts; i++)
        {
            cluster.Join($"host{i}", Scarce);
        }

        using CancellationTokenSource end = new();
        FenceWatch fences = new(cluster.Hosts, _violations);
        Task watching = Task.Run(() => fences.Run(end.Token));
        Action<Cluster, Random>[] breakers = [BreakAgents, BreakEtcd, BreakCables];
        await Task.WhenAll([
            .. cluster.Hosts.Select((host, i) => Task.Run(() => new Runtime(this, fences, host, new Random(seed + i)).Run())),
            .. breakers.Select((breaker, i) => Task.Run(() => breaker(cluster, new Random(seed + Hosts + i)))),
        ]);
        await end.CancelAsync();
        await watching;

        _counts["subnets lost to another host"] = cluster.Hosts.Sum(host => host.Agent!.Log.Split(" is LOST").Length - 1);
        string counts = string.Join(", ", _counts.OrderBy(c => c.Key, StringComparer.Ordinal).Select(c => $"{c.Value} {c.Key}"));
        Figures.Report(
            "churn",
            $"{counts}; {fences.Looks} looks at all fences, {_violations.Count} addresses doubled or calls gone wrong, seed {seed}",
            output
        );
        _violations.Should().BeEmpty($"with {SeedVariable}={seed}");
        _counts.Should().ContainKey("containers added").WhoseValue.Should().BeGreaterThan(Hosts);
        cluster.Hosts.SelectMany(Leftovers.Of).Should().BeEmpty("all containers were removed");
        Eventually.True(
            "all subnets are leased again",
            () => cluster.Etcd.List(Cluster.Subnets).Count == Hosts - 1,
            TimeSpan.FromSeconds(30)
        );
    }

    private static void Scarce(JsonObject conf)
    {
        conf.Ipam()["leaseTtl"] = LeaseSeconds;
        conf.Ipam()["subnetMin"] = "10.244.1.0";
        conf.Ipam()["subnetMax"] = $"10.244.{Hosts - 1}.0";
    }

    private void Count(string what) => _counts.AddOrUpdate(what, 1, (_, n) => n + 1);

    /// <summary>Agents fail, one at a time.</summary>
    private void BreakAgents(Cluster cluster, Random random) => Repeat(random, wait =>
        {
            LabHost host = cluster.Hosts[random.Next(Hosts)];
            switch (random.Next(3))
            {
                case 0:
                    Count("agents killed");
                    host.Agent!.Kill();
                    wait(1);
                    host.StartAgent();
                    break;
                case 1:
                    Count("agents stopped");
                    host.Agent!.Stop();
                    wait(1.5 * LeaseSeconds);
                    host.StartAgent();
                    break;
                default:
                    Count("agents frozen");
                    host.Agent!.Send(Signal.Stop);
                    wait(1.5 * LeaseSeconds);
                    host.Agent.Send(Signal.Cont);
                    break;
            }
        });

    private void BreakEtcd(Cluster cluster, Random random) => Repeat(random, wait =>
        {
            wait(LeaseSeconds);
            if (random.Next(2) == 0)
            {
                Count("times etcd killed");
                cluster.Etcd.Kill();
                wait(1);
                cluster.Etcd.Start();
            }
            else
            {
                Count("times etcd frozen");
                cluster.Etcd.Pause();
                wait(1);
                cluster.Etcd.Resume();
            }
        });

    /// <summary>Hosts are cut off, most of them for longer than a lease lasts.</summary>
    private void BreakCables(Cluster cluster, Random random) => Repeat(random, wait =>
        {
            Count("hosts cut off");
            LabHost host = cluster.Hosts[random.Next(Hosts)];
            cluster.Lab.SetCable(host, plugged: false);
            wait(4 * LeaseSeconds);
            cluster.Lab.SetCable(host, plugged: true);
        });

    private static void Repeat(Random random, Action<Action<double>> fault)
    {
        void Wait(double most) => Thread.Sleep(TimeSpan.FromSeconds((0.2 + (0.8 * random.NextDouble())) * most));
        for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < s_duration; Wait(0.5))
        {
            fault(Wait);
        }
    }

    /// <summary>What a runtime does on one host: containers come and go.</summary>
    private sealed class Runtime(ChurnTests test, FenceWatch fences, LabHost host, Random random)
    {
        private readonly List<LabContainer> _running = [];
        private int _names;

        internal void Run()
        {
            try
            {
                for (long start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < s_duration; Thread.Sleep(random.Next(200)))
                {
                    if (_running.Count < MostContainers && random.Next(2) == 0)
                    {
                        Add();
                    }
                    else if (_running.Count > 0)
                    {
                        Remove(_running[random.Next(_running.Count)]);
                    }
                }

                while (_running.Count > 0)
                {
                    Remove(_running[0]);
                }
            }
            catch (Exception e)
            {
                test._violations.Enqueue($"{host.Name}: {e}");
            }
        }

        private void Add()
        {
            LabContainer container = host.NewContainer($"c{_names++}");
            CmdResult result = host.Cnitool("add", "twill", container);
            if (result.ExitCode != 0)
            {
                test.Count("ADDs refused");
                host.Cnitool("del", "twill", container).OrThrow();
                container.Remove();
                return;
            }

            container.Result = result.Stdout;
            test.Count("containers added");
            if (_running.Exists(other => other.Address == container.Address))
            {
                test._violations.Enqueue($"{host.Name}: {container.Address} was given to two containers");
            }

            fences.Given(host, container.Address);
            _running.Add(container);
        }

        private void Remove(LabContainer container)
        {
            host.Cnitool("del", "twill", container).OrThrow();
            container.Remove();
            _running.Remove(container);
            test.Count("containers removed");
        }
    }
}
