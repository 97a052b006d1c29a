using Twill.Network.State;

namespace Twill.Agent;

/// <summary>Tells of a network whose agent cannot be made: it has nobody else who writes agent.json, from which `twill status` and STATUS
/// know how it is.</summary>
internal static class FailedStart
{
    /// <summary>Writes agent.json; the peers are those that an agent last knew, whose entries are still in the kernel.</summary>
    /// <param name="state">Where run-time state lives.</param>
    /// <param name="network">The network's name.</param>
    /// <param name="error">Why, and what to do.</param>
    /// <param name="log">The log.</param>
    internal static void Write(StateDir state, string network, string error, Log log)
    {
        try
        {
            NetworkStateDir directory = state.Network(network);
            AgentFile? before = AgentFile.TryRead(directory, out _);
            new AgentFile
            {
                Pid = Environment.ProcessId,
                Time = TimeProvider.System.GetUtcNow(),
                ArePeersKnown = before?.ArePeersKnown ?? false,
                PeersWanted = before?.PeersWanted ?? 0,
                PeersProgrammed = before?.PeersProgrammed ?? 0,
                LastEtcdContact = before?.LastEtcdContact,
                LastError = $"start: {error}",
            }.Write(directory);
        }
        catch (Exception e) when (ExpectedFailure.Is(e))
        {
            log.ForNetwork(network).Warning($"agent.json cannot be written, and twill status shows an earlier report: {e.Message}");
        }
    }
}
