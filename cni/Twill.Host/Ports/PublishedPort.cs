using System.Net;
using System.Net.Sockets;
using Twill.System;

namespace Twill.Host.Ports;

/// <summary>A port of this host that leads to one of a container.</summary>
/// <param name="Protocol">IP protocol number: 6 TCP, 17 UDP, 132 SCTP.</param>
/// <param name="HostAddress">Address of the host that it is published at, of the same family as the container's; 0.0.0.0 or ::: all of
/// them.</param>
/// <param name="HostPort">Port of the host.</param>
/// <param name="Address">The container's address.</param>
/// <param name="Port">Port of the container.</param>
public sealed record PublishedPort(byte Protocol, IPAddress HostAddress, ushort HostPort, IPAddress Address, ushort Port)
{
    /// <summary>Whether every address of the host leads there.</summary>
    public bool IsAny => HostAddress.Equals(IPAddress.Any) || HostAddress.Equals(IPAddress.IPv6Any);

    /// <summary><c>8080/tcp</c>, <c>192.0.2.1:53/udp</c>, <c>[::]:8080/tcp</c>.</summary>
    public string HostSide => $"{(HostAddress.Equals(IPAddress.Any) ? "" : $"{Literal(HostAddress)}:")}{HostPort}/{ProtocolName}";

    /// <summary><c>8080/tcp to 10.244.7.5:80</c>, <c>[::]:8080/tcp to [fd00::5]:80</c>.</summary>
    public override string ToString() => $"{HostSide} to {Literal(Address)}:{Port}";

    internal TableFamily Family => TableFamily.Of(Address);

    internal string ProtocolName => IPProtocol.NameOf(Protocol);

    private static string Literal(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{address}]" : address.ToString();
}

/// <summary>A port that is asked for leads to another container already, or a process of the host listens there.</summary>
/// <param name="message">Which port, and whose it is.</param>
public sealed class PortInUseException(string message) : Exception(message)
{
    /// <summary>Whether it is a process's of the host, and no container's.</summary>
    public bool IsOfHost { get; init; }
}
