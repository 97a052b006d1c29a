using System.Diagnostics;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent.Up;

/// <summary>Starts the agent, and waits until it has a subnet and the other hosts answer.</summary>
internal sealed class AgentStep(TwillConf conf, StateDir state, TimeSpan wait, UpReport report)
{
    private const string Name = "agent",
        Unit = "twilld";

    /// <summary>The agent reports at least every 30 seconds.</summary>
    private const double SilentAfter = 90;

    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(200);

    private readonly NetworkStateDir _state = state.Existing(conf.Name);

    internal async Task RunAsync(CancellationToken stop)
    {
        if (AgentProcess.Find(null) is null && !await StartAsync(stop).ConfigureAwait(false))
        {
            return;
        }

        long began = Stopwatch.GetTimestamp();
        Step seen = Look();
        while (seen.State != StepState.Ok && Stopwatch.GetElapsedTime(began) < wait)
        {
            report.Progress(Name, seen.Text);
            await Task.Delay(s_pause, stop).ConfigureAwait(false);
            seen = Look();
        }

        report.Tell(seen);
    }

    private async Task<bool> StartAsync(CancellationToken stop)
    {
        if (!Directory.Exists("/run/systemd/system"))
        {
            report.Tell(
                new Step(
                    Name,
                    StepState.Todo,
                    "twilld does not run, and there is no systemd to start it",
                    $"run {Environment.ProcessPath}, by whatever starts services here, then the same command again"
                )
            );
            return false;
        }

        string[] arguments = ["enable", "--now", Unit];
        string command = $"systemctl {string.Join(' ', arguments)}";
        (int exitCode, string output) = await HelperProgram.RunAsync("systemctl", arguments, stop).ConfigureAwait(false);
        report.Tell(
            exitCode == 0
                ? new Step(Name, StepState.Done, $"started it: {command}")
                : new Step(Name, StepState.Todo, $"{command}: {output} (exit code {exitCode})", $"journalctl -u {Unit} tells more")
        );
        return exitCode == 0;
    }

    private Step Look()
    {
        SubnetFile? lease = SubnetFile.TryRead(_state, out _);
        AgentFile? agent = AgentFile.TryRead(_state, out _);
        if (lease is null || agent is null || !(agent.Age < SilentAfter) || !lease.Subnets.Any(IsOfNetwork))
        {
            return Todo(agent?.LastError ?? "it runs, and has leased no subnet yet", "twill status tells why, and journalctl -u twilld");
        }

        string subnet = $"leased {string.Join(" and ", lease.Subnets)}";
        if (agent.LastError is { } error)
        {
            return Todo($"{subnet}; {error}", "twill doctor names what helps");
        }

        if (conf.Backend.JoinsHosts && !agent.ArePeersKnown)
        {
            return Todo($"{subnet}; the other hosts are looked up", "twill status says how far it is");
        }

        if (ReachabilityFile.TryRead(_state, out _) is { NotMeasured: { } why })
        {
            return new Step(Name, StepState.Ok, $"{subnet}; the way to {Others(agent.PeersProgrammed)} is made, not measured: {why}");
        }

        List<PeerReachability> peers = [.. ReachabilityFile.TryRead(_state, out _)?.Peers ?? []];
        int answering = peers.Count(static peer => peer.State == PeerState.Answers);
        return agent.PeersProgrammed < agent.PeersWanted || peers.Count < agent.PeersWanted
                ? Todo($"{subnet}; the way to {Others(agent.PeersWanted)} is being made", "twill status says how far it is")
            : answering < peers.Count
                ? Todo($"{subnet}; {answering} of {Others(peers.Count)} answer", "twill peers names the others, twill doctor what helps")
            : new Step(Name, StepState.Ok, $"{subnet}; {(peers.Count == 0 ? "no other host yet" : $"{Others(answering)} answer")}");
    }

    private bool IsOfNetwork(global::System.Net.IPNetwork subnet) => conf.Ipam.Ranges.Any(network => network.Covers(subnet));

    private static Step Todo(string text, string advice) => new(Name, StepState.Todo, text, advice);

    private static string Others(int count) => count == 1 ? "1 other subnet" : $"{count} other subnets";
}
