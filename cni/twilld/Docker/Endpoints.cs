using System.Net;
using Twill.Cni;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent.Docker;

/// <summary>The endpoints of Docker's on this host: their records, and what the plugins make of them. One request at a time for
/// each.</summary>
/// <param name="state">Where run-time state lives.</param>
/// <param name="plugins">Runs the plugins.</param>
internal sealed class Endpoints(StateDir state, IPluginRunner plugins)
{
    private const string Main = Twill.Network.Configuration.TwillConf.MainPlugin,
        Ipam = Twill.Network.Configuration.TwillConf.IpamPlugin;

    /// <summary>No namespace yet. The record of the address says so, and counts as alive.</summary>
    private const string NoNamespaceYet = "/run/docker/netns/-";

    private readonly SemaphoreSlim[] _turns = [.. Enumerable.Range(0, 64).Select(_ => new SemaphoreSlim(1))];

    /// <summary>Set when a container has joined: its namespace is to be looked for.</summary>
    internal AsyncSignal Joined { get; } = new();

    /// <summary>All of a network.</summary>
    internal List<DockerEndpoint> List(string network) => DockerEndpoint.List(state.Existing(network));

    /// <summary>All of this host.</summary>
    internal List<DockerEndpoint> List() =>
        Directory.Exists(state.Root)
            ? [.. Directory.GetDirectories(state.Root).SelectMany(network => DockerEndpoint.List(new NetworkStateDir(network)))]
            : [];

    /// <summary>Docker's endpoint of that id; null when it is not known.</summary>
    internal DockerEndpoint? OfId(string network, string endpointId) => List(network).Find(one => one.EndpointId == endpointId);

    /// <summary>Reads one anew.</summary>
    internal DockerEndpoint? Read(string network, string containerId) => DockerEndpoint.TryRead(state.Existing(network), containerId);

    /// <summary>Writes one, as changed now.</summary>
    internal DockerEndpoint Write(DockerEndpoint endpoint)
    {
        DockerEndpoint now = endpoint with { Since = BootClock.Now };
        now.Write(state.Network(endpoint.Network));
        return now;
    }

    /// <summary>Waits until nobody else is at work on an attachment.</summary>
    internal async Task<IDisposable> EnterAsync(string containerId, CancellationToken stop)
    {
        SemaphoreSlim turn = _turns[StableHash.Of(containerId, DockerEndpoint.IfName) % (ulong)_turns.Length];
        await turn.WaitAsync(stop).ConfigureAwait(false);
        return new Turn(turn);
    }

    /// <summary>Asks for addresses; the record is written first.</summary>
    /// <param name="endpoint">the endpoint that is to be</param>
    /// <param name="wanted">what Docker asks for; empty: any</param>
    /// <param name="stop">ends the agent</param>
    internal async Task<DockerEndpoint> ReserveAsync(DockerEndpoint endpoint, IReadOnlyList<string> wanted, CancellationToken stop)
    {
        Write(endpoint);
        try
        {
            byte[] config = PluginConfig.ForCall(endpoint.Config, addresses: wanted, reservation: "take");
            CniResult? result = await RunAsync(Ipam, CniVerb.Add, endpoint, NoNamespaceYet, config, stop).ConfigureAwait(false);
            return Write(endpoint with { Addresses = [.. result!.Ips.Select(ip => ip.Cidr)] });
        }
        catch
        {
            await TryReleaseAsync(endpoint, stop).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>ADD into a namespace, with the addresses that were asked for before.</summary>
    internal async Task<CniResult> AddAsync(DockerEndpoint endpoint, string netns, CancellationToken stop)
    {
        byte[] config = PluginConfig.ForCall(endpoint.Config, endpoint.Mac, endpoint.Addresses, "take", endpoint.Ports);
        return (await RunAsync(Main, CniVerb.Add, endpoint, netns, config, stop).ConfigureAwait(false))!;
    }

    /// <summary>Has the records of its addresses name the container's namespace.</summary>
    internal async Task SettleAsync(DockerEndpoint endpoint, CancellationToken stop)
    {
        byte[] config = PluginConfig.ForCall(endpoint.Config, addresses: endpoint.Addresses, reservation: "settle");
        await RunAsync(Ipam, CniVerb.Add, endpoint, endpoint.Sandbox, config, stop).ConfigureAwait(false);
        Write(endpoint with { IsSettled = true });
    }

    /// <summary>DEL of all but the addresses: Docker gives those back by a request of its own.</summary>
    internal async Task DetachAsync(DockerEndpoint endpoint, CancellationToken stop)
    {
        byte[] config = PluginConfig.WithoutIpam(endpoint.Config);
        await RunAsync(Main, CniVerb.Del, endpoint, "", config, stop).ConfigureAwait(false);
        Write(endpoint with { Sandbox = "", IsSettled = false });
    }

    /// <summary>DEL of all, and of the record. Of what is not there nothing is missed.</summary>
    internal async Task ReleaseAsync(DockerEndpoint endpoint, CancellationToken stop)
    {
        byte[] config = PluginConfig.ForCall(endpoint.Config);
        await RunAsync(Main, CniVerb.Del, endpoint, "", config, stop).ConfigureAwait(false);
        endpoint.Delete(state.Existing(endpoint.Network));
    }

    /// <summary>The same when something else has failed already, which is told; the sweep tries again.</summary>
    private async Task TryReleaseAsync(DockerEndpoint endpoint, CancellationToken stop)
    {
        try
        {
            await ReleaseAsync(endpoint, stop).ConfigureAwait(false);
        }
        catch (Exception e) when (ExpectedFailure.Is(e))
        {
            // The record is there still.
        }
    }

    /// <summary>The endpoint that is to give an address back: one that left goes before one that is joined.</summary>
    internal DockerEndpoint? WithAddress(string network, IPAddress address)
    {
        List<DockerEndpoint> having = List(network).FindAll(one => one.Has(address));
        return having.Find(one => one.Sandbox.Length == 0) ?? (having.Count > 0 ? having[0] : null);
    }

    private Task<CniResult?> RunAsync(
        string plugin,
        CniVerb verb,
        DockerEndpoint endpoint,
        string netns,
        byte[] config,
        CancellationToken stop
    ) => plugins.RunAsync(plugin, verb, new CniAttachment(endpoint.ContainerId, DockerEndpoint.IfName), netns, config, stop);

    private sealed class Turn(SemaphoreSlim turn) : IDisposable
    {
        public void Dispose() => turn.Release();
    }
}
