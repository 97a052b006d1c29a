using System.Net;
using System.Net.Sockets;
using Twill.Linux.Nftables.Expressions;

namespace Twill.Host.Forwarding;

/// <summary>
/// Packets of one kind on their way through, to or from this host. What is null may be anything.
/// </summary>
/// <param name="Description">As the end of "drops packets ..".</param>
/// <param name="Iif">Interface they come in by.</param>
/// <param name="Oif">Interface they leave by.</param>
/// <param name="Source">Prefix of their source addresses.</param>
/// <param name="Destination">Prefix of their destination addresses.</param>
internal sealed record ProbePacket(string Description, InterfaceRef? Iif, InterfaceRef? Oif, IPNetwork? Source, IPNetwork? Destination)
{
    /// <inheritdoc/>
    public override string ToString() => Description;

    /// <summary>IPv4 or IPv6; prefixes are of it.</summary>
    public AddressFamily Family { get; init; } = AddressFamily.InterNetwork;

    /// <summary>Whether they are of IPv6.</summary>
    public bool IsIPv6 => Family == AddressFamily.InterNetworkV6;

    /// <summary>Their transport protocol and ports; null: such that no rule names.</summary>
    public ProbeTransport? Transport { get; init; }

    /// <summary>Whether they belong to a connection that the other side began.</summary>
    public bool IsAnswer { get; init; }

    /// <summary>Whether their destination was translated: to a published port.</summary>
    public bool IsTranslated { get; init; }

    /// <summary>The bridge that frames pass from port to port.</summary>
    public InterfaceRef? Within { get; init; }

    /// <summary>Whether that is the source address, or its beginning: struct iphdr has it at 12, struct ipv6hdr at 8.</summary>
    public bool HasSource(Payload payload) => HasAddress(payload, IsIPv6 ? 8 : 12);

    /// <summary>Whether that is the destination address, or its beginning: struct iphdr has it at 16, struct ipv6hdr at 24.</summary>
    public bool HasDestination(Payload payload) => HasAddress(payload, IsIPv6 ? 24 : 16);

    /// <summary>Whether that is the transport protocol: struct iphdr has it at 9, struct ipv6hdr the next header at 6.</summary>
    public bool HasProtocol(Payload payload) =>
        payload.Base == PayloadBase.Network && payload.Offset == (IsIPv6 ? 6 : 9) && payload.Length == 1;

    private bool HasAddress(Payload payload, int offset) =>
        payload.Base == PayloadBase.Network && payload.Offset == offset && payload.Length <= (IsIPv6 ? 16 : 4);
}

/// <summary>What comes behind the IP header.</summary>
/// <param name="protocol">Its number: 17 for UDP.</param>
/// <param name="destination">The port that they go to; the type for ICMP.</param>
/// <param name="source">The port that they come from; null: any.</param>
internal sealed class ProbeTransport(byte protocol, ushort destination, ushort? source = null)
{
    internal byte Protocol { get; } = protocol;

    internal ushort Destination { get; } = destination;

    internal ushort? Source { get; } = source;
}

/// <summary>An interface, as rules may name it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Index">Its index; 0: not known, or it is not there yet.</param>
public sealed record InterfaceRef(string Name, int Index = 0);
