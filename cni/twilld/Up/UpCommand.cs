using System.Diagnostics;
using System.Net.Sockets;
using Twill.Host;
using Twill.Host.Backends;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Routes;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent.Up;

/// <summary>
/// <c>twilld up</c>: makes this host part of a network, step by step. Each step looks first and does only what is missing, so that a run that
/// failed or was interrupted is continued by the next one. What it writes is in a journal (<see cref="MadeFile"/>) before it is written.
/// </summary>
internal sealed class UpCommand(UpOptions options, StateDir state, UpReport report)
{
    private static readonly TimeSpan s_dialTimeout = TimeSpan.FromSeconds(3);

    private readonly NetworkStateDir _state = state.Existing(options.Network);

    /// <summary>Runs all steps.</summary>
    /// <returns>the exit code</returns>
    internal async Task<int> RunAsync(CancellationToken stop)
    {
        bool fit = Kernel() & Plugins() & Overlaps();
        if (!options.Single)
        {
            fit &= await EtcdAsync(stop).ConfigureAwait(false);
        }

        if (fit && Network())
        {
            Podman();
            Containerd();
            if (!options.Single)
            {
                await AgentAsync(stop).ConfigureAwait(false);
            }
        }

        report.End(Next());
        return report.ExitCode;
    }

    private bool Kernel()
    {
        string? fault = KernelRequirement.Fault;
        report.Tell(
            fault is null
                ? new Step("kernel", StepState.Ok, $"Linux {Environment.OSVersion.Version}")
                : new Step("kernel", StepState.Failed, fault)
        );
        return fault is null;
    }

    private bool Plugins()
    {
        foreach (string plugin in new[] { TwillConf.MainPlugin, TwillConf.IpamPlugin })
        {
            if (!File.Exists(Path.Combine(RuntimeFiles.PluginDir, plugin)))
            {
                report.Tell(
                    new Step("plugins", StepState.Failed, $"{plugin} is not in {RuntimeFiles.PluginDir}", "install the package, or all of the tarball")
                );
                return false;
            }
        }

        report.Tell(new Step("plugins", StepState.Ok, $"twill and twill-ipam are in {RuntimeFiles.PluginDir}"));
        return true;
    }

    /// <summary>A network that contains what this host itself reaches would cut the host off from it.</summary>
    private bool Overlaps()
    {
        using RouteSocket route = RouteSocket.Open();
        List<Link> links = route.ListLinks();
        foreach (Route found in route.ListRoutes(new ListRoutes { Table = RouteTable.Main }))
        {
            Link? link = links.Find(l => l.Index == found.Index);
            bool ours = found.Protocol == RouteProtocol.Twill || link?.Name == NetworkFile.BridgeOf(options);
            if (!ours && found.Destination.PrefixLength > 0 && Overlap(found.Destination, options.Range))
            {
                report.Tell(
                    new Step(
                        "addresses",
                        StepState.Failed,
                        $"the network {options.Range} overlaps this host's route to {found.Destination} ({link?.Name ?? "no interface"})",
                        "choose another one for all hosts: --cidr 10.100.0.0/16, for example"
                    )
                );
                return false;
            }
        }

        report.Tell(new Step("addresses", StepState.Ok, $"{options.Range} overlaps no route of this host ({Manager()})"));
        return true;
    }

    private static bool Overlap(global::System.Net.IPNetwork one, global::System.Net.IPNetwork other) =>
        one.BaseAddress.AddressFamily == other.BaseAddress.AddressFamily && (one.Contains(other.BaseAddress) || other.Contains(one.BaseAddress));

    /// <summary>What manages the interfaces here: whoever looks for a fault later wants to know.</summary>
    private static string Manager() =>
        File.Exists("/run/NetworkManager/NetworkManager.pid") || Directory.Exists("/run/NetworkManager/devices") ? "NetworkManager manages its interfaces"
        : Directory.Exists("/run/systemd/netif/links") ? "systemd-networkd manages its interfaces"
        : File.Exists("/etc/network/interfaces") ? "ifupdown manages its interfaces"
        : "nobody known manages its interfaces";

    private async Task<bool> EtcdAsync(CancellationToken stop)
    {
        List<string> failures = [];
        foreach (string url in options.Etcd)
        {
            Uri uri = new(url);
            using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
            limit.CancelAfter(s_dialTimeout);
            try
            {
                using TcpClient client = new();
                await client.ConnectAsync(uri.DnsSafeHost, uri.Port, limit.Token).ConfigureAwait(false);
                report.Tell(new Step("etcd", StepState.Ok, $"something listens at {uri.DnsSafeHost}:{uri.Port}"));
                return true;
            }
            catch (OperationCanceledException) when (!stop.IsCancellationRequested)
            {
                failures.Add($"{url}: no answer within {s_dialTimeout.TotalSeconds} s");
            }
            catch (SocketException e)
            {
                failures.Add($"{url}: {e.Message}");
            }
        }

        report.Tell(
            new Step(
                "etcd",
                StepState.Failed,
                string.Join("; ", failures),
                "start etcd, open its port (TCP 2379), and have it listen on an address that hosts reach: Debian's listens on 127.0.0.1 only "
                    + "(ETCD_LISTEN_CLIENT_URLS in /etc/default/etcd)"
            )
        );
        return false;
    }

    private bool Network()
    {
        string path = NetworkFile.PathOf(options),
            content = NetworkFile.Content(options);
        string? before = File.Exists(path) ? File.ReadAllText(path) : null;
        if (before == content)
        {
            report.Tell(new Step("network", StepState.Ok, $"{path} says so already"));
            return true;
        }

        MadeFile file = new(path, before, content);
        if (before is not null && !MadeFile.Read(out _).Exists(made => made.Path == path && made.IsUnchanged))
        {
            report.Tell(
                new Step(
                    "network",
                    StepState.Failed,
                    $"{path} is there already, and says something else; it is not touched",
                    $"remove it, or give the options that it has, or another --network than '{options.Network}'",
                    RuntimeFiles.Diff(file)
                )
            );
            return false;
        }

        if (WhyNot(content) is { } fault)
        {
            report.Tell(new Step("network", StepState.Failed, fault, "correct the options"));
            return false;
        }

        Directory.CreateDirectory(options.ConfDir);
        Make(file);
        report.Tell(new Step("network", StepState.Done, $"wrote {path}"));
        if (
            Directory.GetFiles(options.ConfDir).Order(StringComparer.Ordinal).First(IsConfiguration) is { } first && first != path
        )
        {
            report.Tell(
                new Step("order", StepState.Todo, $"containerd and CRI-O take the first file of {options.ConfDir}, which is {first}", $"mv {first} {first}.off")
            );
        }

        return true;
    }

    private static bool IsConfiguration(string file) => Path.GetExtension(file) is ".conflist" or ".conf" or ".json";

    /// <summary>What the programs would say of a configuration; null: nothing.</summary>
    private static string? WhyNot(string content)
    {
        string directory = Directory.CreateTempSubdirectory("twilld-up").FullName;
        try
        {
            string file = Path.Combine(directory, "network.conflist");
            File.WriteAllText(file, content);
            return NetworkConfigList.Load(file, BackendTable.All).Problems.FirstOrDefault()?.Replace($"{file}: ", "", StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private void Podman()
    {
        if (RuntimeFiles.HasPodman)
        {
            Offer("podman", RuntimeFiles.ForPodman(), "it uses CNI", "containers and networks that it has already stay with its other backend: podman system reset");
        }
    }

    private void Containerd()
    {
        if (!RuntimeFiles.HasContainerd)
        {
            return;
        }

        Offer("containerd", RuntimeFiles.ForContainerd(), $"it looks for plugins in {RuntimeFiles.ContainerdPluginDir()}", "systemctl restart containerd");
        string directory = RuntimeFiles.ContainerdPluginDir();
        if (!File.Exists(Path.Combine(directory, "loopback")))
        {
            string elsewhere = "/usr/lib/cni/loopback";
            report.Tell(
                new Step(
                    "containerd",
                    StepState.Todo,
                    $"its CRI plugin needs CNI's plugin loopback, which is not in {directory}",
                    File.Exists(elsewhere) ? $"ln -s {elsewhere} {directory}/" : "apt-get install containernetworking-plugins"
                )
            );
        }
    }

    /// <summary>Makes a change of a runtime's configuration when that is allowed, and shows it in any case.</summary>
    private void Offer(string name, MadeFile? file, string fine, string afterwards)
    {
        if (file is null)
        {
            report.Tell(new Step(name, StepState.Ok, fine));
        }
        else if (!options.Yes)
        {
            report.Tell(
                new Step(name, StepState.Todo, $"{file.Path} has to change", "the same with --yes makes this change", RuntimeFiles.Diff(file))
            );
        }
        else
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file.Path)!);
            Make(file);
            report.Tell(new Step(name, StepState.Done, $"changed {file.Path}; {afterwards}", null, RuntimeFiles.Diff(file)));
        }
    }

    // The journal first. What the file held before the first change is what cleanup puts back.
    private static void Make(MadeFile file)
    {
        List<MadeFile> journal = MadeFile.Read(out string? problem);
        if (problem is not null)
        {
            throw new IOException($"{problem}: without this journal nothing could be undone; move it away first");
        }

        MadeFile? earlier = journal.Find(made => made.Path == file.Path);
        journal.RemoveAll(made => made.Path == file.Path);
        journal.Add(earlier is null ? file : file with { Before = earlier.Before });
        MadeFile.WriteJournal(journal);
        file.Do();
    }

    private async Task AgentAsync(CancellationToken stop)
    {
        long began = Stopwatch.GetTimestamp();
        (StepState State, string Text, string? Advice) last;
        do
        {
            last = LookAtAgent();
            if (last.State == StepState.Ok)
            {
                break;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(200), stop).ConfigureAwait(false);
        } while (Stopwatch.GetElapsedTime(began) < options.Wait && (IsAgentRunning() || Stopwatch.GetElapsedTime(began).TotalSeconds < 2));

        report.Tell(new Step("agent", last.State, last.Text, last.Advice));
    }

    private (StepState State, string Text, string? Advice) LookAtAgent()
    {
        if (!IsAgentRunning())
        {
            return (
                StepState.Todo,
                "twilld does not run",
                Directory.Exists("/run/systemd/system") ? "systemctl enable --now twilld" : "run twilld, by whatever starts services here"
            );
        }

        SubnetFile? lease = SubnetFile.TryRead(_state, out _);
        AgentFile? agent = AgentFile.TryRead(_state, out _);
        if (lease is null || agent is null || lease.Subnets.Count == 0)
        {
            return (StepState.Todo, agent?.LastError ?? "it runs, and has leased no subnet yet", "twill status, or journalctl -u twilld, tell why");
        }

        string subnet = $"leased {string.Join(" and ", lease.Subnets)}";
        if (agent.LastError is { } error)
        {
            return (StepState.Todo, $"{subnet}; {error}", "twill doctor names what helps");
        }

        List<PeerReachability> peers = [.. ReachabilityFile.TryRead(_state, out _)?.Peers ?? []];
        int silent = peers.Count(static peer => peer.State != PeerState.Answers);
        return agent.PeersProgrammed < agent.PeersWanted || peers.Count < agent.PeersWanted
                ? (StepState.Todo, $"{subnet}; the way to {agent.PeersWanted} other subnets is being made", "twill status says how far it is")
            : silent > 0
                ? (StepState.Todo, $"{subnet}; {silent} of {peers.Count} other subnets do not answer", "twill peers names them, twill doctor what helps")
            : (StepState.Ok, $"{subnet}; {peers.Count} other subnets answer", null);
    }

    private static bool IsAgentRunning()
    {
        foreach (Process process in Process.GetProcessesByName("twilld"))
        {
            using (process)
            {
                if (process.Id != Environment.ProcessId)
                {
                    return true;
                }
            }
        }

        return false;
    }

    private string Next() =>
        RuntimeFiles.HasPodman ? $"podman run --rm --network {options.Network} IMAGE"
        : RuntimeFiles.HasContainerd ? "twill status, then start a container"
        : $"CNI_PATH={RuntimeFiles.PluginDir} cnitool add {options.Network} /run/netns/NAME";
}
