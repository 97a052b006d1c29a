using System.Net;
using System.Net.Sockets;
using Twill.Cni;
using Twill.Host.Ports;
using Twill.Linux;
using Twill.Linux.Nftables;
using Twill.Network.Configuration;
using Twill.Network.State;

namespace Twill.Plugin.Capabilities;

/// <summary>The capability <c>portMappings</c>: what the runtime asks for, made of the host's kernel.</summary>
internal static class Ports
{
    /// <summary>
    /// Publishes what the call asks for, on record first; nothing, and at no cost, when that is nothing. The network's table is there.
    /// </summary>
    /// <exception cref="PortInUseException">a port is another container's</exception>
    public static void Publish(
        RouteSocket host,
        NetworkStateDir state,
        CniRequest request,
        TwillConf conf,
        CniResult addresses,
        string gatewayLink,
        Undo undo
    )
    {
        if (conf.PortMappings.Count == 0)
        {
            return;
        }

        PodPorts pod = new(request.ContainerId, request.IfName, Wanted(conf, addresses));
        if (pod.Ports.Count == 0)
        {
            return;
        }

        if (addresses.First(AddressFamily.InterNetwork) is not null)
        {
            Sysctl.Ensure(RouteLocalnet(conf.Bridge), "1");
            if (gatewayLink != conf.Bridge)
            {
                Sysctl.Ensure(RouteLocalnet(gatewayLink), "1");
            }
        }
        undo.Add("free the published ports", () => Release(state, conf.Name, pod.HostName));
        RecordsOf(state).Write(pod);
        using NftSocket nft = NftSocket.Open();
        PortMaps.Publish(nft, conf.Name, pod.ContainerId, pod.IfName, pod.Ports);
        PortFlows.DeleteStaleConntrack(host, pod.Ports);
    }

    /// <summary>Takes away what an attachment has, if it has anything.</summary>
    public static void Release(NetworkStateDir state, string network, string hostName)
    {
        PodPorts? recorded = RecordsOf(state).Remove(hostName);
        using NftSocket nft = NftSocket.Open();
        IReadOnlyList<PublishedPort> had = PortMaps.Release(nft, network, hostName);
        // Somebody may have flushed the maps, but not the connections.
        PortFlows.DeleteConntrack(had.Count > 0 ? had : recorded?.Ports ?? []);
    }

    /// <summary>The host ends' names of all attachments of a network that have ports, or that an ADD was about to give some.</summary>
    public static IReadOnlyCollection<string> Owners(NetworkStateDir state, string network)
    {
        using NftSocket nft = NftSocket.Open();
        return (HashSet<string>)[.. PortMaps.Owners(nft, network), .. RecordsOf(state).Owners()];
    }

    private static PortRecords RecordsOf(NetworkStateDir state) => new(state.PortsPath);

    /// <summary>The first difference to what was asked for, or, where the call does not repeat that, to what ADD made.</summary>
    public static string? FindDifference(NetworkStateDir state, TwillConf conf, string hostName, CniResult made)
    {
        using NftSocket nft = NftSocket.Open();
        bool asked = conf.RuntimeConfig?["portMappings"].Exists ?? false;
        string? difference = PortMaps.FindDifference(nft, conf.Name, hostName, asked ? Wanted(conf, made) : null)
            ?? RecordsOf(state).FindDifference(hostName, PortMaps.List(nft, conf.Name, hostName));
        if (difference is not null)
        {
            return difference;
        }

        return
            conf.PortMappings.Count > 0
            && made.First(AddressFamily.InterNetwork) is not null
            && Sysctl.Read(RouteLocalnet(conf.Bridge)) != "1"
            ? $"published ports cannot be reached at 127.0.0.1: net.ipv4.conf.{conf.Bridge}.route_localnet is not 1"
            : null;
    }

    /// <summary>What lets the host send from 127.0.0.1 to the bridge, or to a container past its ports.</summary>
    private static string RouteLocalnet(string link) => $"net/ipv4/conf/{link}/route_localnet";

    /// <summary>
    /// What is asked for, for each address family that the container has. What is for all addresses of a family that it does not have is
    /// left out.
    /// </summary>
    /// <exception cref="CniException">code 7: a port is to be published at a certain address of such a family</exception>
    private static List<PublishedPort> Wanted(TwillConf conf, CniResult addresses)
    {
        List<PublishedPort> ports = new(conf.PortMappings.Count);
        foreach (PortMapping mapping in conf.PortMappings)
        {
            foreach (IPAddress any in (ReadOnlySpan<IPAddress>)[IPAddress.Any, IPAddress.IPv6Any])
            {
                if (mapping.HostAddress is { } one && one.AddressFamily != any.AddressFamily)
                {
                    continue;
                }

                if (addresses.First(any.AddressFamily) is { } container)
                {
                    ports.Add(
                        new PublishedPort(
                            mapping.Protocol,
                            mapping.HostAddress ?? any,
                            mapping.HostPort,
                            container.Address,
                            mapping.ContainerPort
                        )
                    );
                }
                else if (mapping.IsAtOneAddress)
                {
                    throw new CniException(
                        CniErrorCode.InvalidNetworkConfig,
                        $"host port {mapping.HostPort} cannot be published at {mapping.HostAddress}",
                        $"$.runtimeConfig.portMappings: expected a hostIP of the container's address family: it has no "
                            + $"{(any.Equals(IPAddress.Any) ? "IPv4" : "IPv6")} address"
                    );
                }
            }
        }
        return ports;
    }
}
