using System.Net;
using System.Text;
using Twill.Linux.Nftables;
using Twill.Network;

namespace Twill.Host.Ports;

/// <summary>
/// What a network's nftables table holds for published ports of one family. Two maps that decide where a packet goes, one that says which
/// container has what, so that a DEL finds by a single question that there is nothing to do, and two small sets; IPv4's:
/// <code>
/// map ports          { type inet_proto . inet_service : ipv4_addr . inet_service }                  # at all addresses of the host
/// map ports_at       { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service }      # at one of them
/// map published      { type ifname . mark : ipv4_addr . inet_proto . inet_service . ipv4_addr . inet_service }
/// set translated { type inet_proto . inet_service . ipv4_addr . inet_service } # host port, container's address and port
/// set host_addresses { type ipv4_addr }                                                             # those that ports_at has ever had
/// </code>
/// IPv6's are <c>ports6</c>, <c>ports6_at</c>, <c>published6</c>, .. with ipv6_addr. A container is called by the name of its host end;
/// <c>published</c> numbers its ports from 0.
/// </summary>
internal sealed class PortTable(TableId id, TableFamily family)
{
    private static readonly NftType s_proto = NftType.InetProto,
        s_port = NftType.InetService;

    // Made when they are asked for: most calls need one of them.
    internal NftSet Ports => new(id, $"ports{family.Suffix}", NftType.Concat(s_proto, s_port)) { Data = Target };

    internal NftSet PortsAt => new(id, $"ports{family.Suffix}_at", NftType.Concat(family.Address, s_proto, s_port)) { Data = Target };

    internal NftSet Published =>
        new(id, $"published{family.Suffix}", NftType.Concat(NftType.IfName, NftType.Mark))
        {
            Data = NftType.Concat(family.Address, s_proto, s_port, family.Address, s_port),
        };

    internal NftSet Translated => new(id, $"translated{family.Suffix}", NftType.Concat(s_proto, s_port, family.Address, s_port));

    internal NftSet HostAddresses => new(id, $"host_addresses{family.Suffix}", family.Address);

    private NftType Target => NftType.Concat(family.Address, s_port);

    internal IEnumerable<NftSet> All => [Ports, PortsAt, Published, Translated, HostAddresses];

    internal static PortTable Of(string network, TableFamily family) =>
        new(new TableId(NftFamily.Inet, DeviceNames.NftTable(network)), family);

    /// <summary>What a port's element says about whose it is, for people and for <see cref="IsOf"/>; cut to what nft shows.</summary>
    internal static string OwnerComment(string containerId, string ifName)
    {
        const int Longest = 127;
        string comment = $"{DeviceNames.Veth(containerId, ifName)}: {ifName} of {containerId}";
        while (Encoding.UTF8.GetByteCount(comment) > Longest)
        {
            comment = comment[..^1];
        }

        return comment;
    }

    /// <summary>Whether an element of a port belongs to the container with that host end.</summary>
    internal static bool IsOf(SetElement element, string hostName) =>
        element.Comment is { } comment && comment.StartsWith(hostName, StringComparison.Ordinal);

    /// <summary>The name of the host end of the container that an element of a port belongs to; null when it does not say.</summary>
    internal static string? HostNameOfOwner(SetElement element) =>
        element.Comment is { } comment && comment.IndexOf(": ", StringComparison.Ordinal) is > 0 and int end ? comment[..end] : null;

    /// <summary>Whether it belongs to an interface of that container, whichever.</summary>
    internal static bool IsOfContainer(SetElement element, string containerId)
    {
        string comment = element.Comment ?? "";
        int colon = comment.IndexOf(": ", StringComparison.Ordinal),
            of = comment.IndexOf(" of ", StringComparison.Ordinal);
        return colon > 0 && of > colon && comment == OwnerComment(containerId, comment[(colon + 2)..of]);
    }

    /// <summary>The map that a port is in.</summary>
    internal NftSet MapOf(PublishedPort port) => port.IsAny ? Ports : PortsAt;

    /// <summary>The port as an element of that map.</summary>
    internal static SetElement Mapping(PublishedPort port) =>
        (port.IsAny ? AtAny(port) : At(port.HostAddress, port)).To(NftData.Of(port.Address), NftData.OfPort(port.Port));

    /// <summary>Key of a port in <see cref="Ports"/>.</summary>
    internal static SetElement AtAny(PublishedPort port) => SetElement.Of(NftData.Of(port.Protocol), NftData.OfPort(port.HostPort));

    /// <summary>Key of a port in <see cref="PortsAt"/>.</summary>
    internal static SetElement At(IPAddress host, PublishedPort port) =>
        SetElement.Of(NftData.Of(host), NftData.Of(port.Protocol), NftData.OfPort(port.HostPort));

    /// <summary>The port as an element of <see cref="Translated"/>.</summary>
    internal static SetElement Translation(PublishedPort port) =>
        SetElement.Of(NftData.Of(port.Protocol), NftData.OfPort(port.HostPort), NftData.Of(port.Address), NftData.OfPort(port.Port));

    /// <summary>Key of a container's port number <paramref name="index"/> in <see cref="Published"/>.</summary>
    internal static SetElement Entry(string hostName, int index) =>
        SetElement.Of(NftData.OfInterface(hostName), NftData.OfHost((uint)index));

    /// <summary>The same with the port.</summary>
    internal static SetElement Entry(string hostName, int index, PublishedPort port) =>
        Entry(hostName, index)
            .To(
                NftData.Of(port.HostAddress),
                NftData.Of(port.Protocol),
                NftData.OfPort(port.HostPort),
                NftData.Of(port.Address),
                NftData.OfPort(port.Port)
            );

    /// <summary>The port that an element of <see cref="Published"/> has.</summary>
    internal static PublishedPort PortOf(SetElement entry)
    {
        // Host address, protocol, host port, container's address, its port: each begins at a multiple of 4 bytes.
        ReadOnlySpan<byte> data = entry.Data!.Value.Span;
        int length = (data.Length - 12) / 2;
        ReadOnlySpan<byte> rest = data[length..],
            inside = rest[8..];
        return new PublishedPort(
            rest[0],
            new IPAddress(data[..length]),
            Port(rest[4..]),
            new IPAddress(inside[..length]),
            Port(inside[length..])
        );

        static ushort Port(ReadOnlySpan<byte> bytes) => (ushort)(bytes[0] << 8 | bytes[1]);
    }

    /// <summary>The host end's name in an element of <see cref="Published"/>.</summary>
    internal static string HostNameOf(SetElement entry) => Encoding.UTF8.GetString(entry.Key.Span[..16]).TrimEnd('\0');
}
