using System.Net;
using Twill.Cni;
using Twill.Host;
using Twill.Host.Ports;
using Twill.Linux;
using Twill.Linux.Links;
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
    /// <exception cref="PortInUseException">a port is another container's, or one of a process of the host</exception>
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

        PodPorts pod = new(request.ContainerId, request.IfName, DesiredPorts(conf, addresses));
        if (pod.Ports.Count == 0)
        {
            return;
        }

        if (!conf.ForceHostPorts)
        {
            PortMaps.RefuseListeners(pod);
        }

        undo.Add("free the published ports", () => Release(state, conf, pod.HostName));
        RecordsOf(state).Write(pod);
        RouteLocalnet.Ensure(gatewayLink, pod.Ports);
        using NftSocket nft = NftSocket.Open();
        foreach ((string network, string gone) in PortMaps.Publish(nft, host, conf.Name, pod.ContainerId, pod.IfName, pod.Ports))
        {
            RecordsOf(state.Beside(network)).Remove(gone);
        }

        PortFlows.DeleteStaleConntrack(host, pod.Ports);
    }

    /// <summary>
    /// Takes away what leads to addresses that a container is given now: ports of one that is gone and was never deleted. Two questions for
    /// each address where nothing does.
    /// </summary>
    public static void ReleaseFormer(RouteSocket host, NetworkStateDir state, TwillConf conf, string hostName, CniResult addresses)
    {
        PortRecords records = RecordsOf(state);
        if (records.Has(hostName))
        {
            Release(state, conf, hostName); // of an earlier ADD for the same container, that was killed
        }

        foreach (CniIp ip in addresses.Ips)
        {
            if (records.OwnerOf(ip.Address) is { } former && former != hostName && !host.TryGetLink(former, out _))
            {
                Release(state, conf, former);
            }
        }
    }

    /// <summary>Takes away what an attachment has, if it has anything.</summary>
    public static void Release(NetworkStateDir state, TwillConf conf, string hostName)
    {
        PortRecords records = RecordsOf(state);
        PodPorts? recorded = records.Remove(hostName);
        using NftSocket nft = NftSocket.Open();
        IReadOnlyList<PublishedPort> had = PortMaps.Release(nft, conf.Name, hostName);
        if (recorded is not null || had.Count > 0)
        {
            RouteLocalnet.Follow(conf.Bridge, records);
        }

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
    /// <param name="host">A socket in the host's namespace.</param>
    /// <param name="state">Where the records are.</param>
    /// <param name="conf">The network, with what the call asks for.</param>
    /// <param name="hostName">The container's host end.</param>
    /// <param name="made">The container's addresses.</param>
    public static string? FindDifference(RouteSocket host, NetworkStateDir state, TwillConf conf, string hostName, CniResult made)
    {
        using NftSocket nft = NftSocket.Open();
        bool asked = conf.RuntimeConfig?["portMappings"].Exists ?? false;
        IReadOnlyList<PublishedPort> published = PortMaps.List(nft, conf.Name, hostName);
        string? difference = PortMaps.FindDifference(nft, conf.Name, hostName, asked ? DesiredPorts(conf, made) : null)
            ?? RecordsOf(state).FindDifference(hostName, published);
        if (difference is not null)
        {
            return difference;
        }

        return published.Count > 0 && host.TryGetLink(hostName, out Link? end)
            ? RouteLocalnet.FindDifference(RoutedVeth.Is(end) ? hostName : conf.Bridge, published)
            : null;
    }

    /// <summary>
    /// What is asked for, for each address family that the container has. What is for all addresses of a family that it does not have is
    /// left out.
    /// </summary>
    /// <exception cref="CniException">code 7: a port is to be published at a certain address of such a family</exception>
    private static List<PublishedPort> DesiredPorts(TwillConf conf, CniResult addresses)
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
