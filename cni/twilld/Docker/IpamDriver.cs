using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Twill.Cni;
using Twill.Linux;
using Twill.Network.Configuration;
using Twill.Network.State;
using Twill.System;

namespace Twill.Agent.Docker;

/// <summary>
/// libnetwork's IPAM driver. A pool is a family of a network, and addresses come from twill-ipam. Docker asks for an address before there
/// is an endpoint, once for each family; that both are one container's, its hardware address says (<c>RequiresMACAddress</c>).
/// </summary>
/// <param name="catalog">The networks.</param>
/// <param name="endpoints">Docker's endpoints.</param>
/// <param name="state">Where run-time state lives.</param>
internal sealed class IpamDriver(DockerCatalog catalog, Endpoints endpoints, StateDir state)
{
    /// <summary>The one address space there is.</summary>
    internal const string AddressSpace = "twill";

    private const string MacOption = "com.docker.network.endpoint.macaddress",
        GatewayOption = "com.docker.network.gateway",
        TypeOption = "RequestAddressType";

    /// <summary><c>/IpamDriver.RequestPool</c></summary>
    internal Task<Action<Utf8JsonWriter>?> RequestPoolAsync(ConfigReader request, CancellationToken stop)
    {
        IPNetwork? asked = request["Pool"].IsSet ? request["Pool"].OptionalNetwork() : null;
        if (request["Pool"].IsSet && asked is null)
        {
            request["Pool"].Complain("a prefix like 10.244.0.0/16", false);
        }

        bool six = asked is { } given ? given.BaseAddress.AddressFamily == AddressFamily.InterNetworkV6 : request["V6"].Bool(false);
        AddressFamily family = six ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;
        ConfigReader options = request["Options"];
        DockerOptions.RefuseUnknown(options, "--ipam-opt", DockerOptions.Network);
        TwillConf conf = catalog.Find(options[DockerOptions.Network].OptionalString(), asked).Conf;
        IPNetwork range = DockerCatalog.RangeOf(conf, family);
        if (asked is { } other && !other.Equals(range))
        {
            throw DockerCatalog.Refused(
                $"network '{conf.Name}' has other addresses",
                $"--subnet: expected {range}, or to be left out, got {other}"
            );
        }

        if (request["SubPool"].IsSet)
        {
            throw DockerCatalog.Refused(
                "--ip-range is not supported",
                $"--ip-range: expected to be left out, got {ConfigReader.Describe(request["SubPool"].Value)}: which addresses this host "
                    + "hands out, its lease or ipam.ranges of the network's configuration says"
            );
        }

        string gateway = GatewayOf(conf, family);
        return Task.FromResult<Action<Utf8JsonWriter>?>(w =>
        {
            w.WriteString("PoolID", PoolId(conf.Name, six));
            w.WriteString("Pool", range.ToString());
            w.WriteStartObject("Data");
            w.WriteString(GatewayOption, gateway);
            w.WriteEndObject();
        });
    }

    /// <summary><c>/IpamDriver.RequestAddress</c></summary>
    internal async Task<Action<Utf8JsonWriter>?> RequestAddressAsync(ConfigReader request, CancellationToken stop)
    {
        (FoundNetwork network, AddressFamily family) = ReadPool(request["PoolID"]);
        IPAddress? wanted = request["Address"].OptionalAddress(family);
        ConfigReader options = request["Options"];
        if (options[TypeOption].OptionalString() == GatewayOption)
        {
            string gateway = GatewayOf(network.Conf, family);
            return wanted is null || gateway.StartsWith($"{wanted}/", StringComparison.Ordinal)
                ? w => WriteAddress(w, gateway)
                : throw DockerCatalog.Refused(
                    $"this host is the gateway of its containers in network '{network.Conf.Name}'",
                    $"--gateway: expected to be left out, got {wanted}"
                );
        }

        if (!options[MacOption].IsSet)
        {
            throw DockerCatalog.Refused(
                "an address for no container is not handed out",
                "--aux-address: expected to be left out; keep addresses free by ipam.ranges of the network's configuration"
            );
        }

        string mac = DockerOptions.ReadMac(options[MacOption]);
        string containerId = DockerEndpoint.ContainerIdOf(mac);
        using IDisposable turn = await endpoints.EnterAsync(containerId, stop).ConfigureAwait(false);
        DockerEndpoint endpoint = await ReserveAsync(network, containerId, mac, family, wanted, stop).ConfigureAwait(false);
        string address = Of(endpoint, family)!;
        endpoints.Write(endpoint with { Told = endpoint.Told + 1 });
        return w => WriteAddress(w, address);
    }

    /// <summary><c>/IpamDriver.ReleaseAddress</c>: nothing when it is not there, as after a restart of the machine.</summary>
    internal async Task<Action<Utf8JsonWriter>?> ReleaseAddressAsync(ConfigReader request, CancellationToken stop)
    {
        (string network, AddressFamily family) = ReadPoolId(request["PoolID"]);
        if (
            request["Address"].OptionalAddress(family) is { } address
            && endpoints.WithAddress(network, address) is { } found
        )
        {
            using IDisposable turn = await endpoints.EnterAsync(found.ContainerId, stop).ConfigureAwait(false);
            if (endpoints.Read(network, found.ContainerId) is { } endpoint && endpoint.Has(address))
            {
                await endpoints.ReleaseAsync(endpoint, stop).ConfigureAwait(false);
            }
        }

        return null;
    }

    private async Task<DockerEndpoint> ReserveAsync(
        FoundNetwork network,
        string containerId,
        string mac,
        AddressFamily family,
        IPAddress? wanted,
        CancellationToken stop
    )
    {
        List<string> addresses = wanted is null ? [] : [wanted.ToString()];
        if (endpoints.Read(network.Conf.Name, containerId) is { } former)
        {
            bool isSecondFamily = former.EndpointId.Length == 0 && former.Told == 1 && family == AddressFamily.InterNetworkV6;
            if (isSecondFamily && Of(former, family) is { } own && (wanted is null || former.Has(wanted)))
            {
                return former;
            }

            RefuseUsed(former);
            if (isSecondFamily && Of(former, AddressFamily.InterNetwork) is { } four)
            {
                addresses.Insert(0, four.Split('/')[0]);
            }

            await endpoints.ReleaseAsync(former, stop).ConfigureAwait(false);
        }

        DockerEndpoint fresh = new()
        {
            Network = network.Conf.Name,
            Mac = mac,
            BootId = BootClock.BootId,
            Since = BootClock.Now,
            Config = PluginConfig.Of(network),
            Told = addresses.Count > 1 ? 1 : 0,
        };
        return await endpoints.ReserveAsync(fresh, addresses, stop).ConfigureAwait(false);
    }

    /// <summary>What a container left that is gone does not count.</summary>
    private static void RefuseUsed(DockerEndpoint former)
    {
        if (former.Sandbox.Length == 0)
        {
            return;
        }

        using RouteSocket host = RouteSocket.Open();
        if (host.TryGetLink(former.HostName, out _))
        {
            throw DockerCatalog.Refused(
                $"the hardware address {former.Mac} is another container's",
                $"--mac-address: expected one that nobody else has in network '{former.Network}', got that of endpoint {former.EndpointId}"
            );
        }
    }

    /// <summary>This host's address in the subnet that it hands addresses out of; before it has leased one, the first of the network: what
    /// Docker shows of a network. What a container gets, Join says.</summary>
    private string GatewayOf(TwillConf conf, AddressFamily family)
    {
        IPNetwork subnet = DockerCatalog.RangeOf(conf, family);
        if (conf.Ipam.Etcd is not null)
        {
            foreach (IPNetwork leased in SubnetFile.TryRead(state.Existing(conf.Name), out _)?.Subnets ?? [])
            {
                if (leased.BaseAddress.AddressFamily == family)
                {
                    subnet = leased;
                    break;
                }
            }
        }

        return $"{conf.Ipam.GatewayOf(subnet)}/{subnet.PrefixLength}";
    }

    private static string PoolId(string network, bool six) => $"{(six ? "6" : "4")}/{network}";

    private (FoundNetwork Network, AddressFamily Family) ReadPool(ConfigReader at)
    {
        (string network, AddressFamily family) = ReadPoolId(at);
        return (catalog.Get(network), family);
    }

    private static (string Network, AddressFamily Family) ReadPoolId(ConfigReader at)
    {
        string id = at.RequiredString("a pool of twill's, like 4/NETWORK");
        string network = id.Length > 2 ? id[2..] : "";
        if (id is not (['4', '/', ..] or ['6', '/', ..]) || CniNames.NetworkNameFault(network) is not null)
        {
            at.Complain("a pool of twill's, like 4/NETWORK", false);
        }

        return (network, id[0] == '6' ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork);
    }

    private static string? Of(DockerEndpoint endpoint, AddressFamily family) =>
        endpoint.Addresses.FirstOrDefault(address => address.Contains(':') == (family == AddressFamily.InterNetworkV6));

    private static void WriteAddress(Utf8JsonWriter w, string address)
    {
        w.WriteString("Address", address);
        DockerApi.WriteEmpty(w, "Data");
    }
}
