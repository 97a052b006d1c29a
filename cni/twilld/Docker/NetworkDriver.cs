using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Twill.Cni;
using Twill.Network.Configuration;
using Twill.Network.State;

namespace Twill.Agent.Docker;

/// <summary>
/// libnetwork's network driver. Docker's network is one of twill's under another name; an endpoint is an attachment, made at Join by an ADD
/// and unmade at Leave by a DEL. Whatever Docker repeats, or asks for what is gone, is answered as done.
/// </summary>
/// <param name="catalog">The networks.</param>
/// <param name="names">Which network each of Docker's is.</param>
/// <param name="endpoints">Docker's endpoints.</param>
/// <param name="log">Where it is told.</param>
internal sealed class NetworkDriver(DockerCatalog catalog, DockerNetworks names, Endpoints endpoints, Log log)
{
    private const string Generic = "com.docker.network.generic",
        Internal = "com.docker.network.internal";

    /// <summary><c>/NetworkDriver.CreateNetwork</c></summary>
    internal Task<Action<Utf8JsonWriter>?> CreateNetworkAsync(ConfigReader request, CancellationToken stop)
    {
        string id = DockerOptions.ReadId(request["NetworkID"]);
        ConfigReader options = request["Options"][Generic];
        DockerOptions.RefuseUnknown(options, "-o", DockerOptions.Network);
        if (request["Options"][Internal].Bool(false))
        {
            throw DockerCatalog.Refused(
                "--internal is not supported",
                "expected to be left out: what containers may reach, the network's configuration says (isolated, icc, ipMasq, routes)"
            );
        }

        (IPNetwork? four, IPNetwork? six) = (ReadPool(request["IPv4Data"]), ReadPool(request["IPv6Data"]));
        FoundNetwork network = catalog.Find(options[DockerOptions.Network].OptionalString(), four);
        RefuseOtherAddresses(network.Conf, AddressFamily.InterNetwork, four);
        if (network.Conf.Ipam.IPv6 is not null && six is null)
        {
            throw DockerCatalog.Refused($"network '{network.Conf.Name}' gives IPv6 addresses as well", "create it with --ipv6");
        }

        if (six is not null)
        {
            RefuseOtherAddresses(network.Conf, AddressFamily.InterNetworkV6, six);
        }

        names.Add(id, network.Conf.Name);
        log.Info($"docker: network {id[..Math.Min(12, id.Length)]} is '{network.Conf.Name}' of {network.File}");
        return Done;
    }

    /// <summary><c>/NetworkDriver.DeleteNetwork</c></summary>
    internal Task<Action<Utf8JsonWriter>?> DeleteNetworkAsync(ConfigReader request, CancellationToken stop)
    {
        names.Remove(DockerOptions.ReadId(request["NetworkID"]));
        return Done;
    }

    /// <summary><c>/NetworkDriver.CreateEndpoint</c></summary>
    internal async Task<Action<Utf8JsonWriter>?> CreateEndpointAsync(ConfigReader request, CancellationToken stop)
    {
        string network = names.NameOf(DockerOptions.ReadId(request["NetworkID"])),
            id = DockerOptions.ReadId(request["EndpointID"]);
        ConfigReader link = request["Interface"];
        string mac = DockerOptions.ReadMac(link["MacAddress"]);
        string ports = DockerOptions.ReadPorts(request["Options"]);
        string containerId = DockerEndpoint.ContainerIdOf(mac);
        using IDisposable turn = await endpoints.EnterAsync(containerId, stop).ConfigureAwait(false);
        DockerEndpoint endpoint =
            endpoints.Read(network, containerId)
            ?? throw DockerCatalog.Refused(
                $"the addresses of hardware address {mac} are not twill's",
                "create the network in Docker with --ipam-driver twill, whose addresses other hosts know the way to"
            );
        if (endpoint.EndpointId.Length > 0 && endpoint.EndpointId != id)
        {
            throw DockerCatalog.Refused($"the hardware address {mac} is that of endpoint {endpoint.EndpointId}", $"got endpoint {id}");
        }

        foreach (ConfigReader given in (ReadOnlySpan<ConfigReader>)[link["Address"], link["AddressIPv6"]])
        {
            if (given.IsSet && given.Prefix() is var (address, _) && !endpoint.Has(address))
            {
                given.Complain($"one of {string.Join(", ", endpoint.Addresses)}, as twill gave them", false);
            }
        }

        endpoints.Write(endpoint with { EndpointId = id, Ports = ports });
        return w => DockerApi.WriteEmpty(w, "Interface"); // Docker has said all of it
    }

    /// <summary><c>/NetworkDriver.DeleteEndpoint</c>: the addresses stay until Docker gives them back.</summary>
    internal Task<Action<Utf8JsonWriter>?> DeleteEndpointAsync(ConfigReader request, CancellationToken stop) =>
        LeaveAsync(request, endpoint => endpoints.Write(endpoint with { EndpointId = "", Ports = "" }), stop);

    /// <summary><c>/NetworkDriver.Join</c></summary>
    internal async Task<Action<Utf8JsonWriter>?> JoinAsync(ConfigReader request, CancellationToken stop)
    {
        string network = names.NameOf(DockerOptions.ReadId(request["NetworkID"])),
            id = DockerOptions.ReadId(request["EndpointID"]),
            sandbox = request["SandboxKey"].OptionalPath() ?? request["SandboxKey"].Complain("the path of a network namespace", "");
        DockerEndpoint found =
            endpoints.OfId(network, id) ?? throw DockerCatalog.Refused($"there is no endpoint {id}", "restart the container");
        using IDisposable turn = await endpoints.EnterAsync(found.ContainerId, stop).ConfigureAwait(false);
        if (endpoints.Read(network, found.ContainerId) is not { } endpoint || endpoint.EndpointId != id)
        {
            throw DockerCatalog.Refused($"endpoint {id} was deleted meanwhile", "restart the container");
        }

        TwillConf conf = catalog.Get(network).Conf;
        endpoint = endpoints.Write(endpoint with { Sandbox = sandbox, IsSettled = false });
        CniResult result;
        using (WaitingLink waiting = WaitingLink.Create())
        {
            result = await endpoints.AddAsync(endpoint, waiting.NetnsPath, stop).ConfigureAwait(false);
            try
            {
                waiting.MoveToHost(endpoint);
            }
            catch (Exception e) when (ExpectedFailure.Is(e))
            {
                await endpoints.DetachAsync(endpoint, stop).ConfigureAwait(false);
                throw;
            }
        }

        endpoints.Joined.Set();
        log.Debug($"docker: endpoint {id} joins '{network}' as {string.Join(", ", endpoint.Addresses)}");
        return w => JoinAnswer.Write(w, endpoint, conf, result);
    }

    /// <summary><c>/NetworkDriver.Leave</c></summary>
    internal Task<Action<Utf8JsonWriter>?> LeaveAsync(ConfigReader request, CancellationToken stop) => LeaveAsync(request, null, stop);

    private async Task<Action<Utf8JsonWriter>?> LeaveAsync(ConfigReader request, Action<DockerEndpoint>? then, CancellationToken stop)
    {
        DockerOptions.ReadId(request["NetworkID"]);
        string id = DockerOptions.ReadId(request["EndpointID"]);
        if (endpoints.List().Find(one => one.EndpointId == id) is not { } found)
        {
            return null;
        }

        using IDisposable turn = await endpoints.EnterAsync(found.ContainerId, stop).ConfigureAwait(false);
        if (endpoints.Read(found.Network, found.ContainerId) is not { } endpoint || endpoint.EndpointId != id)
        {
            return null;
        }

        if (endpoint.Sandbox.Length > 0)
        {
            await endpoints.DetachAsync(endpoint, stop).ConfigureAwait(false);
            endpoint = endpoint with { Sandbox = "", IsSettled = false };
        }

        then?.Invoke(endpoint);
        return null;
    }

    private static Task<Action<Utf8JsonWriter>?> Done => Task.FromResult<Action<Utf8JsonWriter>?>(null);

    private static IPNetwork? ReadPool(ConfigReader data) => data.Items() is [var first, ..] ? first["Pool"].OptionalNetwork() : null;

    private static void RefuseOtherAddresses(TwillConf conf, AddressFamily family, IPNetwork? pool)
    {
        IPNetwork range = DockerCatalog.RangeOf(conf, family);
        if (pool is not { } given || !given.Equals(range))
        {
            throw DockerCatalog.Refused(
                $"the addresses are not those of network '{conf.Name}'",
                $"expected {range}, got {pool?.ToString() ?? "none"}: create it with --ipam-driver twill --ipam-opt network={conf.Name}"
            );
        }
    }
}
