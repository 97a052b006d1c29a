using Twill.Host;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Network;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent.Docker;

/// <summary>
/// Compares the records of Docker's endpoints with the kernel, at once when the agent starts. A pair of interfaces ends with the namespace
/// that holds one end. So an endpoint that had joined and has no host end is of a container that is gone, whatever Docker could not tell
/// meanwhile: all that it had is given back. One that Docker has asked for and not gone on with is given back after a while. What has
/// arrived in its container is settled: the records name its namespace, as they do for other runtimes' containers.
/// </summary>
/// <param name="endpoints">Docker's endpoints.</param>
/// <param name="log">Where it is told.</param>
internal sealed class EndpointSweep(Endpoints endpoints, Log log)
{
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(5),
        s_whileJoining = TimeSpan.FromMilliseconds(200),
        s_patience = TimeSpan.FromMinutes(5);

    /// <summary>Sweeps until stopped.</summary>
    internal async Task RunAsync(CancellationToken stop)
    {
        while (true)
        {
            bool joining = await SweepAsync(stop).ConfigureAwait(false);
            await endpoints.Joined.WaitAsync(joining ? s_whileJoining : s_pause, TimeSpan.Zero, stop).ConfigureAwait(false);
        }
    }

    /// <summary>Sweeps once.</summary>
    /// <returns>Whether an interface is on its way into a container.</returns>
    internal async Task<bool> SweepAsync(CancellationToken stop)
    {
        bool joining = false;
        foreach (DockerEndpoint seen in endpoints.List())
        {
            using IDisposable turn = await endpoints.EnterAsync(seen.ContainerId, stop).ConfigureAwait(false);
            if (endpoints.Read(seen.Network, seen.ContainerId) is not { } endpoint)
            {
                continue;
            }

            try
            {
                joining |= await LookAtAsync(endpoint, stop).ConfigureAwait(false);
            }
            catch (Exception e) when (ExpectedFailure.Is(e))
            {
                log.Limited(LogLevel.Warning, $"docker: endpoint {Name(endpoint)}: {e.Message}; it is tried again");
            }
        }

        return joining;
    }

    private async Task<bool> LookAtAsync(DockerEndpoint endpoint, CancellationToken stop)
    {
        TimeSpan age = TimeSpan.FromSeconds(BootClock.Now - endpoint.Since);
        if (endpoint.BootId != BootClock.BootId)
        {
            await ReleaseAsync(endpoint, "it is of an earlier boot", stop).ConfigureAwait(false);
            return false;
        }

        if (endpoint.Sandbox.Length == 0)
        {
            if (age > s_patience)
            {
                await ReleaseAsync(endpoint, "Docker asked for it and did not go on", stop).ConfigureAwait(false);
            }

            return false;
        }

        using RouteSocket host = RouteSocket.Open();
        if (!host.TryGetLink(endpoint.HostName, out Link? end))
        {
            await ReleaseAsync(endpoint, $"its host end {endpoint.HostName} is gone, and so is its container", stop).ConfigureAwait(false);
            return false;
        }

        if (endpoint.IsSettled)
        {
            return false;
        }

        if (TryPrepareInside(endpoint, end))
        {
            await endpoints.SettleAsync(endpoint, stop).ConfigureAwait(false);
            return false;
        }

        if (age > s_patience && host.TryGetLink(DeviceNames.WaitingEnd(endpoint.ContainerId, DockerEndpoint.IfName), out _))
        {
            await ReleaseAsync(endpoint, "Docker has not moved its interface into a container", stop).ConfigureAwait(false);
            return false;
        }

        return age < TimeSpan.FromSeconds(30);
    }

    /// <summary>What an ADD sets inside, and what did not come along into the container: no router announcements, and IPv6 on.</summary>
    /// <returns>False when the interface is not there yet.</returns>
    private static bool TryPrepareInside(DockerEndpoint endpoint, Link end)
    {
        if (!File.Exists(endpoint.Sandbox))
        {
            return false;
        }

        using NetNs own = NetNs.Current();
        using NetNs container = NetNs.Open(endpoint.Sandbox);
        if (container.IsSameAs(own))
        {
            return false;
        }

        string name;
        using (RouteSocket inside = RouteSocket.Open(container))
        {
            if (!inside.TryGetLink(end.LinkIndex, out Link? link) || link.Kind != "veth" || link.LinkIndex != end.Index || !link.IsUp)
            {
                return false;
            }

            name = link.Name;
        }

        if (endpoint.Addresses.Any(address => address.Contains(':')))
        {
            IPv6Settings.EnsureInside(container, name);
        }
        else
        {
            RouterAnnouncements.OpenRefusing(container, name).Dispose();
        }

        return true;
    }

    private async Task ReleaseAsync(DockerEndpoint endpoint, string why, CancellationToken stop)
    {
        await endpoints.ReleaseAsync(endpoint, stop).ConfigureAwait(false);
        log.Info($"docker: {string.Join(", ", endpoint.Addresses)} of endpoint {Name(endpoint)} given back: {why}");
    }

    private static string Name(DockerEndpoint endpoint) => endpoint.EndpointId.Length > 0 ? endpoint.EndpointId : endpoint.ContainerId;
}
