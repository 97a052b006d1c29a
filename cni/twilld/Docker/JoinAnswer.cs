using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Twill.Cni;
using Twill.Network;
using Twill.Network.Configuration;
using Twill.Network.State;

namespace Twill.Agent.Docker;

/// <summary>What Docker is to do in the container's namespace: move the interface there, and make the routes of the ADD's result. It sets
/// addresses and hardware address itself.</summary>
internal static class JoinAnswer
{
    /// <summary>Writes it.</summary>
    /// <param name="w">The answer.</param>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="conf">The network. Its other hosts are reached by a route of their own: of a container in several networks, Docker
    /// makes only one network's default route.</param>
    /// <param name="result">What the ADD made.</param>
    internal static void Write(Utf8JsonWriter w, DockerEndpoint endpoint, TwillConf conf, CniResult result)
    {
        w.WriteStartObject("InterfaceName");
        w.WriteString("SrcName", DeviceNames.WaitingEnd(endpoint.ContainerId, DockerEndpoint.IfName));
        w.WriteString("DstPrefix", "eth");
        w.WriteEndObject();
        foreach (CniRoute route in result.Routes)
        {
            if (route.Dst.PrefixLength == 0 && NextHop(route, result) is { } gateway)
            {
                w.WriteString(gateway.AddressFamily == AddressFamily.InterNetwork ? "Gateway" : "GatewayIPv6", gateway.ToString());
            }
        }

        w.WriteStartArray("StaticRoutes");
        foreach (CniRoute route in result.Routes)
        {
            if (route.Dst.PrefixLength > 0)
            {
                WriteRoute(w, route.Dst, NextHop(route, result));
            }
        }

        foreach (IpamFamily family in conf.Ipam.Families)
        {
            if (
                family.Network is { } network
                && result.First(family.Family) is { Gateway: { } gateway } ip
                && ip.PrefixLength > network.PrefixLength
                && !result.Routes.Any(route => route.Dst.Equals(network))
            )
            {
                WriteRoute(w, network, gateway);
            }
        }

        w.WriteEndArray();
        w.WriteBoolean("DisableGatewayService", true); // no second interface on docker_gwbridge where there is no default route
    }

    private static void WriteRoute(Utf8JsonWriter w, IPNetwork destination, IPAddress? nextHop)
    {
        w.WriteStartObject();
        w.WriteString("Destination", destination.ToString());
        w.WriteNumber("RouteType", nextHop is null ? 1 : 0); // 1: on the link
        w.WriteString("NextHop", nextHop?.ToString() ?? "");
        w.WriteEndObject();
    }

    private static IPAddress? NextHop(CniRoute route, CniResult result) =>
        route.Gw ?? result.First(route.Dst.BaseAddress.AddressFamily)?.Gateway;
}
