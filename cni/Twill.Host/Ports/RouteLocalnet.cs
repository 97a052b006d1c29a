using System.Net;
using System.Net.Sockets;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.System;

namespace Twill.Host.Ports;

/// <summary>
/// <c>net.ipv4.conf.LINK.route_localnet</c>: lets the host send from 127.0.0.1 to a container, which whoever asks for a published port at
/// that address needs. It also lets the link's packets reach what listens on 127.0.0.1, but for the chain <c>loopback</c> of the network's
/// table: so it is 1 while a port needs it, and no longer.
/// </summary>
public static class RouteLocalnet
{
    private const string On = "1",
        Off = "0";

    private static readonly IPNetwork s_loopback = TableFamily.IPv4.Loopback!.Value;

    /// <summary>Turns it on for a link, when one of its ports needs it. Their record is written before that: see
    /// <see cref="Follow"/>.</summary>
    /// <param name="link">The bridge, or the host end of a container past its ports.</param>
    /// <param name="ports">The container's ports.</param>
    /// <returns>True when it was written.</returns>
    public static bool Ensure(string link, IReadOnlyList<PublishedPort> ports) =>
        ports.Exists(IsNeededBy) && Sysctl.Ensure(ParameterOf(link), On);

    /// <summary>Turns it on for host ends past the bridge's ports, where the records of published ports say that it is needed. It goes with
    /// the host end.</summary>
    /// <param name="route">A socket in the host's namespace, which is the calling thread's.</param>
    /// <param name="bridge">The bridge: it answers for such containers, or there are none.</param>
    /// <param name="records">The network's.</param>
    /// <returns>The host ends where it was written.</returns>
    public static List<string> EnsurePast(RouteSocket route, string bridge, PortRecords records)
    {
        List<string> written = [];
        if (route.TryGetLink(bridge, out Link? link) && link.ProxyArp)
        {
            foreach (PodPorts pod in records.List())
            {
                if (route.TryGetLink(pod.HostName, out Link? end) && RoutedVeth.Is(end) && Ensure(end.Name, pod.Ports))
                {
                    written.Add(end.Name);
                }
            }
        }

        return written;
    }

    /// <summary>
    /// Turns it on or off for a bridge, as the records of published ports say. An ADD beside this one loses nothing: it writes its record
    /// before it turns the parameter on, and the records are looked at once more after it was turned off.
    /// </summary>
    /// <param name="bridge">The bridge; one that does not exist needs nothing.</param>
    /// <param name="records">The network's.</param>
    /// <returns>Whether it was turned on (true) or off (false); null when it was right.</returns>
    public static bool? Follow(string bridge, PortRecords records)
    {
        bool needed = records.Any(IsNeededBy);
        if (Sysctl.TryRead(ParameterOf(bridge)) is not { } value || value == (needed ? On : Off))
        {
            return null;
        }

        if (needed)
        {
            Sysctl.Write(ParameterOf(bridge), On);
            return true;
        }

        // Where it cannot be turned off, as where /proc/sys is read-only, a DEL must not fail for it; doctor tells of it.
        if (!Sysctl.TryWrite(ParameterOf(bridge), Off))
        {
            return null;
        }

        if (records.Any(IsNeededBy))
        {
            Sysctl.Write(ParameterOf(bridge), On);
            return null;
        }

        return false;
    }

    /// <summary>What is wrong with the parameter of a link that published ports are behind, in words; null when nothing is.</summary>
    /// <param name="link">The bridge, or the host end of a container past its ports.</param>
    /// <param name="ports">The ports.</param>
    public static string? FindDifference(string link, IReadOnlyList<PublishedPort> ports)
    {
        foreach (PublishedPort port in ports)
        {
            if (IsNeededBy(port) && Sysctl.TryRead(ParameterOf(link)) != On)
            {
                return $"published ports cannot be reached at 127.0.0.1: net.ipv4.conf.{link}.route_localnet is not 1";
            }
        }

        return null;
    }

    /// <summary>Whether the parameter is on for a bridge though no port on record needs it.</summary>
    /// <param name="bridge">The bridge.</param>
    /// <param name="records">The network's.</param>
    public static bool IsNeedlessly(string bridge, PortRecords records) =>
        Sysctl.TryRead(ParameterOf(bridge)) == On && !records.Any(IsNeededBy);

    /// <summary>Whether the parameter is on for a bridge, and a port on record needs it.</summary>
    /// <param name="bridge">The bridge.</param>
    /// <param name="records">The network's.</param>
    public static bool IsNeeded(string bridge, PortRecords records) =>
        Sysctl.TryRead(ParameterOf(bridge)) == On && records.Any(IsNeededBy);

    /// <summary>Turns it off, for a bridge that outlives its network.</summary>
    /// <param name="bridge">The bridge.</param>
    public static void TurnOff(string bridge) => Sysctl.TryWrite(ParameterOf(bridge), Off);

    /// <summary>Ports at other addresses of the host are asked for there.</summary>
    private static bool IsNeededBy(PublishedPort port) =>
        port.HostAddress.AddressFamily == AddressFamily.InterNetwork && (port.IsAny || s_loopback.Contains(port.HostAddress));

    private static string ParameterOf(string link) => $"net/ipv4/conf/{link}/route_localnet";
}
