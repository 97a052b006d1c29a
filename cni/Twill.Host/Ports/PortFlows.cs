using System.Net;
using System.Net.Sockets;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Conntrack;
using Twill.System;

namespace Twill.Host.Ports;

/// <summary>
/// UDP has no end of a connection: as long as a client keeps sending, the kernel keeps sending its packets where the first one went. When
/// a port begins or ceases to lead to a container, those entries have to go. TCP and SCTP clients notice by themselves.
/// </summary>
public static class PortFlows
{
    /// <summary>After ports were published: forgets who has been sending to them and reached something else, the host itself or a container
    /// that is gone. What merely passes through to the same port of another machine is left alone.</summary>
    public static void DeleteStaleConntrack(RouteSocket host, IReadOnlyList<PublishedPort> ports)
    {
        List<InterfaceAddress>? local = null;
        foreach (UdpPorts udp in UdpPorts.Of(ports))
        {
            Delete(new FlowFilter(IPProtocol.Udp, udp.OnlyPort) { Family = udp.Family }, udp, (flow, port) =>
                !Reaches(flow, port)
                && (port.IsAny ? IsLocal(flow.Original.Destination) : flow.Original.Destination.Equals(port.HostAddress))
            );
        }

        bool IsLocal(IPAddress address) =>
            IPAddress.IsLoopback(address) || (local ??= host.ListAddresses()).Exists(a => a.Address.Equals(address));
    }

    /// <summary>After the ports of a container were taken away: forgets who has been sending to it through them.</summary>
    public static void DeleteConntrack(IReadOnlyList<PublishedPort> ports)
    {
        foreach (UdpPorts udp in UdpPorts.Of(ports))
        {
            Delete(new FlowFilter(IPProtocol.Udp, udp.OnlyPort, Reached: udp.Container) { Family = udp.Family }, udp, Reaches);
        }
    }

    /// <summary>The kernel goes through its whole table for a list, so there is one for all of the ports.</summary>
    private static void Delete(FlowFilter filter, UdpPorts udp, Func<Flow, PublishedPort, bool> isStale)
    {
        using ConntrackSocket conntrack = ConntrackSocket.Open();
        foreach (Flow flow in conntrack.List(filter))
        {
            if (
                udp.ByHostPort.TryGetValue(flow.Original.DestinationPort, out List<PublishedPort>? candidates)
                && candidates.Exists(port => isStale(flow, port))
            )
            {
                conntrack.Delete(flow);
            }
        }
    }

    private static bool Reaches(Flow flow, PublishedPort port) =>
        flow.Reply.Source.Equals(port.Address) && flow.Reply.SourcePort == port.Port;

    /// <summary>The UDP ports of a container's one address.</summary>
    private sealed record UdpPorts(IPAddress Container)
    {
        internal AddressFamily Family => Container.AddressFamily;

        internal Dictionary<ushort, List<PublishedPort>> ByHostPort { get; } = [];

        /// <summary>Null when there are several.</summary>
        internal ushort? OnlyPort
        {
            get
            {
                foreach (ushort port in ByHostPort.Keys)
                {
                    return ByHostPort.Count == 1 ? port : null;
                }

                return null;
            }
        }

        internal static List<UdpPorts> Of(IReadOnlyList<PublishedPort> ports)
        {
            List<UdpPorts> all = [];
            foreach (PublishedPort port in ports)
            {
                if (port.Protocol != IPProtocol.Udp)
                {
                    continue;
                }

                UdpPorts? udp = all.Find(known => known.Container.Equals(port.Address));
                if (udp is null)
                {
                    all.Add(udp = new UdpPorts(port.Address));
                }

                if (!udp.ByHostPort.TryGetValue(port.HostPort, out List<PublishedPort>? same))
                {
                    udp.ByHostPort[port.HostPort] = same = [];
                }

                same.Add(port);
            }
            return all;
        }
    }
}
