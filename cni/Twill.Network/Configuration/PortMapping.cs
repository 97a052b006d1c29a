using System.Net;
using System.Net.Sockets;
using Twill.Cni;
using Twill.System;

namespace Twill.Network.Configuration;

/// <summary>A port that a runtime wants published: an entry of the capability <c>portMappings</c> (CONVENTIONS.md).</summary>
/// <param name="Protocol">IP protocol number: 6 TCP, 17 UDP, 132 SCTP.</param>
/// <param name="HostAddress">Address of the host; 0.0.0.0 or ::: all of that family; null: all of both families.</param>
/// <param name="HostPort">Port of the host, 1 to 65535.</param>
/// <param name="ContainerPort">Port of the container, 1 to 65535.</param>
public sealed record PortMapping(byte Protocol, IPAddress? HostAddress, ushort HostPort, ushort ContainerPort)
{
    private static readonly IPNetwork s_linkLocal = IPNetwork.Parse("fe80::/10");

    /// <summary>Whether the host address is a certain one, and not all of them.</summary>
    public bool IsAtOneAddress => HostAddress is { } address && !IsAny(address);

    /// <summary>
    /// Reads the list. Like the reference plugin <c>portmap</c> it refuses ports of 0. What no container could be reached at is a
    /// complaint: it would silently lead nowhere.
    /// </summary>
    /// <exception cref="CniException">code 7, naming path, value and expectation</exception>
    public static IReadOnlyList<PortMapping> ParseList(ConfigReader at)
    {
        IReadOnlyList<ConfigReader> items = at.Items();
        if (items.Count == 0)
        {
            return [];
        }

        List<PortMapping> mappings = new(items.Count);
        TakenPorts taken = new();
        foreach (ConfigReader item in items)
        {
            if (!item.Exists || item.Object() is null)
            {
                continue;
            }

            int hostPort = RequiredPort(item["hostPort"]),
                containerPort = RequiredPort(item["containerPort"]);
            byte protocol = ReadProtocol(item["protocol"]);
            PortMapping mapping = new(protocol, ReadHostAddress(item["hostIP"]), (ushort)hostPort, (ushort)containerPort);
            if (mapping.IsAmong(mappings))
            {
                continue;
            }

            if (!taken.TryAdd(mapping))
            {
                item["hostPort"].Complain("a port that no other entry of this request has with the same protocol and host address", false);
            }

            mappings.Add(mapping);
        }
        return mappings;
    }

    private static int RequiredPort(ConfigReader at) => at.Exists ? at.Int(0, 1, 65535) : at.Complain("a whole number from 1 to 65535", 0);

    private static byte ReadProtocol(ConfigReader at) =>
        at.OptionalString() switch
        {
            null => IPProtocol.Tcp,
            { } name when IPProtocol.TryParseTransport(name, out byte protocol) => protocol,
            _ => at.Complain("tcp, udp or sctp", IPProtocol.Tcp),
        };

    /// <summary>Some runtimes ask for all addresses, and once more for all of IPv6.</summary>
    private bool IsAmong(List<PortMapping> others) =>
        HostAddress is { } address && address.Equals(IPAddress.IPv6Any) && others.Contains(this with { HostAddress = null });

    private static IPAddress? ReadHostAddress(ConfigReader at)
    {
        if (at.OptionalAddress() is not { } address)
        {
            return null;
        }

        string? fault =
            address.AddressFamily == AddressFamily.InterNetwork ? null
            : address.IsIPv4MappedToIPv6 ? $"{address.MapToIPv4()}, as IPv4 packets have it"
            : address.Equals(IPAddress.IPv6Loopback)
                ? "another address than ::1, which the kernel lets no answer of a container come back to; 127.0.0.1 can be had"
            : s_linkLocal.Contains(address) ? "an address that is valid beyond its link, not one of fe80::/10"
            : null;
        return fault is null ? address : at.Complain(fault, address);
    }

    private static bool IsAny(IPAddress address) => address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);

    /// <summary>The ports of the entries so far: one at all addresses of a family and the same at one of them exclude each other.</summary>
    private sealed class TakenPorts
    {
        private readonly HashSet<(byte, ushort, IPAddress)> _exact = [];
        private readonly HashSet<(byte, ushort, AddressFamily)> _ports = [];

        internal bool TryAdd(PortMapping mapping) =>
            mapping.HostAddress is { } one ? TryAdd(mapping, one) : TryAdd(mapping, IPAddress.Any) & TryAdd(mapping, IPAddress.IPv6Any);

        private bool TryAdd(PortMapping mapping, IPAddress address)
        {
            IPAddress all = address.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any;
            bool free =
                _ports.Add((mapping.Protocol, mapping.HostPort, address.AddressFamily))
                || !IsAny(address) && !_exact.Contains((mapping.Protocol, mapping.HostPort, all));
            return _exact.Add((mapping.Protocol, mapping.HostPort, address)) && free;
        }
    }
}
