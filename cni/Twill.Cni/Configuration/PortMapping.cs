using System.Net;
using System.Net.Sockets;

namespace Twill.Cni.Configuration;

/// <summary>A port that a runtime wants published: an entry of the capability <c>portMappings</c> (CONVENTIONS.md).</summary>
/// <param name="Protocol">IP protocol number: 6 TCP, 17 UDP, 132 SCTP.</param>
/// <param name="HostAddress">IPv4 address of the host; 0.0.0.0: all of them.</param>
/// <param name="HostPort">Port of the host, 1 to 65535.</param>
/// <param name="ContainerPort">Port of the container, 1 to 65535.</param>
public sealed record PortMapping(byte Protocol, IPAddress HostAddress, ushort HostPort, ushort ContainerPort)
{
    /// <summary>
    /// Reads the list. Like the reference plugin <c>portmap</c> it refuses ports of 0; an entry for all IPv6 addresses (<c>::</c>) is left
    /// out, as containers have none, while one for a certain IPv6 address is a complaint: it would silently lead nowhere.
    /// </summary>
    /// <exception cref="CniException">code 7, naming path, value and expectation</exception>
    public static IReadOnlyList<PortMapping> ParseList(ConfigReader at)
    {
        IReadOnlyList<ConfigReader> items = at.Items();
        if (items.Count == 0)
            return [];
        List<PortMapping> mappings = new(items.Count);
        TakenPorts taken = new();
        foreach (ConfigReader item in items)
        {
            if (!item.Exists || item.Object() is null)
                continue;
            int hostPort = RequiredPort(item["hostPort"]), containerPort = RequiredPort(item["containerPort"]);
            byte protocol = ReadProtocol(item["protocol"]);
            if (ReadHostAddress(item["hostIP"]) is not { } hostAddress)
                continue;
            PortMapping mapping = new(protocol, hostAddress, (ushort)hostPort, (ushort)containerPort);
            if (!taken.TryAdd(mapping))
                item["hostPort"].Complain("a port that no other entry of this request has with the same protocol and host address", false);
            mappings.Add(mapping);
        }
        return mappings;
    }

    private static int RequiredPort(ConfigReader at) => at.Exists ? at.Int(0, 1, 65535) : at.Complain("a whole number from 1 to 65535", 0);

    private static byte ReadProtocol(ConfigReader at) => at.OptionalString() switch
    {
        null => 6,
        { } name when name.Equals("tcp", StringComparison.OrdinalIgnoreCase) => 6,
        { } name when name.Equals("udp", StringComparison.OrdinalIgnoreCase) => 17,
        { } name when name.Equals("sctp", StringComparison.OrdinalIgnoreCase) => 132,
        _ => at.Complain("tcp, udp or sctp", (byte)6),
    };

    /// <summary>Null for an entry to be left out.</summary>
    private static IPAddress? ReadHostAddress(ConfigReader at)
    {
        if (at.OptionalAddress() is not { } address)
            return IPAddress.Any;
        if (address.AddressFamily == AddressFamily.InterNetwork)
            return address;
        return address.Equals(IPAddress.IPv6Any) ? null : at.Complain<IPAddress?>("an IPv4 address: containers of this network have no IPv6 address yet", null);
    }

    /// <summary>The ports of the entries so far: one at all addresses and the same at one of them exclude each other.</summary>
    private sealed class TakenPorts
    {
        private readonly HashSet<PortMapping> _exact = [];
        private readonly HashSet<(byte, ushort)> _ports = [];

        internal bool TryAdd(PortMapping mapping)
        {
            PortMapping hostSide = mapping with { ContainerPort = 0 };
            bool free = _ports.Add((mapping.Protocol, mapping.HostPort))
                || !mapping.HostAddress.Equals(IPAddress.Any) && !_exact.Contains(hostSide with { HostAddress = IPAddress.Any });
            return _exact.Add(hostSide) && free;
        }
    }
}
