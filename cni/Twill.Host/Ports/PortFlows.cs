using System.Net;
using Twill.Linux;
using Twill.Linux.Addresses;
using Twill.Linux.Conntrack;

namespace Twill.Host.Ports;

/// <summary>
/// UDP has no end of a connection: as long as a client keeps sending, the kernel keeps sending its packets where the first one went. When
/// a port begins or ceases to lead to a container, those entries have to go. TCP and SCTP clients notice by themselves.
/// </summary>
public static class PortFlows
{
    /// <summary>After ports were published: forgets who has been sending to them and reached something else, the host itself or a container
    /// that is gone. What merely passes through to the same port of another machine is left alone.</summary>
    public static void ForgetFormer(RouteSocket host, IReadOnlyList<PublishedPort> ports)
    {
        Dictionary<ushort, List<PublishedPort>> udp = UdpByHostPort(ports);
        if (udp.Count == 0)
            return;
        List<InterfaceAddress>? local = null;
        Delete(new FlowFilter(PublishedPort.Udp, OnlyPort(udp)), udp, (flow, port) =>
            !Reaches(flow, port) && (port.IsAny ? IsLocal(flow.Original.Destination) : flow.Original.Destination.Equals(port.HostAddress)));

        bool IsLocal(IPAddress address) =>
            IPAddress.IsLoopback(address) || (local ??= host.ListAddresses()).Exists(a => a.Address.Equals(address));
    }

    /// <summary>After the ports of a container were taken away: forgets who has been sending to it through them.</summary>
    public static void Forget(IReadOnlyList<PublishedPort> ports)
    {
        Dictionary<ushort, List<PublishedPort>> udp = UdpByHostPort(ports);
        if (udp.Count > 0)
            Delete(new FlowFilter(PublishedPort.Udp, OnlyPort(udp), Reached: ports[0].Address), udp, Reaches);
    }

    /// <summary>The kernel goes through its whole table for a list, so there is one for all of the ports.</summary>
    private static void Delete(FlowFilter filter, Dictionary<ushort, List<PublishedPort>> udp, Func<Flow, PublishedPort, bool> isStale)
    {
        using ConntrackSocket conntrack = ConntrackSocket.Open();
        foreach (Flow flow in conntrack.List(filter))
        {
            if (udp.TryGetValue(flow.Original.DestinationPort, out List<PublishedPort>? candidates) && candidates.Exists(port => isStale(flow, port)))
                conntrack.Delete(flow);
        }
    }

    private static bool Reaches(Flow flow, PublishedPort port) => flow.Reply.Source.Equals(port.Address) && flow.Reply.SourcePort == port.Port;

    private static ushort? OnlyPort(Dictionary<ushort, List<PublishedPort>> udp)
    {
        foreach (ushort port in udp.Keys)
            return udp.Count == 1 ? port : null;
        return null;
    }

    private static Dictionary<ushort, List<PublishedPort>> UdpByHostPort(IReadOnlyList<PublishedPort> ports)
    {
        Dictionary<ushort, List<PublishedPort>> udp = [];
        foreach (PublishedPort port in ports)
        {
            if (port.Protocol != PublishedPort.Udp)
                continue;
            if (!udp.TryGetValue(port.HostPort, out List<PublishedPort>? same))
                udp[port.HostPort] = same = [];
            same.Add(port);
        }
        return udp;
    }
}
