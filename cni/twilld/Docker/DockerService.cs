using Twill.Network.State;

namespace Twill.Agent.Docker;

/// <summary>
/// <c>--docker</c>: answers Docker where it looks for a plugin named twill, and keeps its endpoints in order. It waits for what is in the
/// way and tells of it.
/// </summary>
/// <param name="socket">Where to answer.</param>
/// <param name="api">What to answer.</param>
/// <param name="sweep">Keeps the endpoints in order.</param>
/// <param name="log">The log.</param>
/// <param name="publish">Called with what is wrong; with null when it is over.</param>
internal sealed class DockerService(string socket, DockerApi api, EndpointSweep sweep, Log log, Action<string?> publish)
{
    /// <summary>Where Docker looks for a plugin named twill.</summary>
    internal const string DefaultSocket = "/run/docker/plugins/twill.sock";

    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);

    private readonly Condition _condition = new(log, TimeProvider.System, "--docker", publish);

    /// <summary>Makes it of its parts.</summary>
    internal static DockerService Create(AgentOptions options, StateDir state, Log log, Action<string?> publish)
    {
        DockerCatalog catalog = new(() => NetworkCatalog.Load(options).Networks);
        Endpoints endpoints = new(state, new PluginRunner(PluginProcess.OwnDirectory));
        NetworkDriver networks = new(catalog, new DockerNetworks(DockerNetworks.DefaultPath), endpoints, log);
        DockerApi api = new(networks, new IpamDriver(catalog, endpoints, state), log);
        return new DockerService(DefaultSocket, api, new EndpointSweep(endpoints, log), log, publish);
    }

    /// <summary>Serves until stopped.</summary>
    internal async Task RunAsync(CancellationToken stop)
    {
        try
        {
            using DockerServer server = await OpenAsync(stop).ConfigureAwait(false);
            log.Info($"networks for Docker are at {socket}");
            await new LoopSupervisor("docker", log, TimeProvider.System, publish).RunAsync(sweep.RunAsync, stop).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The agent ends.
        }
    }

    private async Task<DockerServer> OpenAsync(CancellationToken stop)
    {
        while (true)
        {
            try
            {
                StateDir.MakePrivate(Path.GetDirectoryName(socket)!);
                DockerServer server = new(socket, api.AnswerAsync);
                _condition.Resolve();
                return server;
            }
            catch (Exception e) when (ExpectedFailure.Is(e))
            {
                _condition.Raise($"cannot answer at {socket}: {e.Message}; it is tried again every second", LogLevel.Error);
            }

            await Task.Delay(s_pause, stop).ConfigureAwait(false);
        }
    }
}
