using System.Net;
using System.Net.Sockets;
using Twill.Network.Configuration;
using Twill.System;

namespace Twill.Network.State;

/// <summary>
/// <c>node.json</c>: what this host is in a network, and therefore publishes with its lease. Written by who made the overlay device
/// (<c>twill</c> at the first ADD, or <c>twilld</c>), read by <c>twill-ipam</c>.
/// </summary>
public sealed record NodeFile
{
    /// <inheritdoc/>
    public override string ToString() => Interface;

    /// <summary>The network's name.</summary>
    public required string Network { get; init; }

    /// <summary>The boot it was written in; another boot's content is history.</summary>
    public required string BootId { get; init; }

    /// <summary>The backend as flannel writes it: <c>vxlan</c>, <c>host-gw</c>, ..., or <c>none</c>.</summary>
    public required string BackendType { get; init; }

    /// <summary>The address other hosts reach this one by; <c>0.0.0.0</c> on an underlay of IPv6 alone.</summary>
    public required IPAddress PublicIP { get; init; }

    /// <summary>The IPv6 address other hosts reach this one by; null when there is none.</summary>
    public IPAddress? PublicIPv6 { get; init; }

    /// <summary>The underlay interface's name; empty when unknown.</summary>
    public string Interface { get; init; } = "";

    /// <summary>The MTU for containers, bytes; 0 when unknown.</summary>
    public int Mtu { get; init; }

    /// <summary>VXLAN network identifier; 0 for other backends.</summary>
    public int Vni { get; init; }

    /// <summary>UDP port; 0 for backends without one.</summary>
    public int Port { get; init; }

    /// <summary>Hardware address of the VXLAN device, lower-case hex with colons; empty for other backends.</summary>
    public string VtepMac { get; init; } = "";

    /// <summary>WireGuard public key in base64; empty for other backends.</summary>
    public string PublicKey { get; init; } = "";

    /// <summary>Hardware address of the VXLAN device that sends over IPv6; empty when there is none.</summary>
    public string VtepMacV6 { get; init; } = "";

    /// <summary>The addresses by which other hosts reach this one, IPv4 first.</summary>
    public IReadOnlyList<IPAddress> PublicAddresses =>
        PublicIPv6 is null ? [PublicIP]
        : PublicIP.Equals(IPAddress.Any) ? [PublicIPv6]
        : [PublicIP, PublicIPv6];

    /// <summary>The same, each with the hardware address of the VXLAN device that is reached by it.</summary>
    public IReadOnlyList<(IPAddress Address, string VtepMac)> Published
    {
        get
        {
            var published = new List<(IPAddress, string)>(2);
            foreach (IPAddress address in PublicAddresses)
            {
                published.Add((address, ReferenceEquals(address, PublicIPv6) ? VtepMacV6 : VtepMac));
            }

            return published;
        }
    }

    /// <summary>Whether other hosts reach this one over a family of the underlay.</summary>
    public bool HasAddressOf(AddressFamily outer) =>
        outer == AddressFamily.InterNetworkV6 ? PublicIPv6 is not null : !PublicIP.Equals(IPAddress.Any);

    /// <summary>The family of the underlay by which packets of a family go to hosts that have what this one has: its own, if there is
    /// that.</summary>
    public AddressFamily OuterOf(AddressFamily inner) =>
        HasAddressOf(inner) ? inner
        : PublicIPv6 is null ? AddressFamily.InterNetwork
        : AddressFamily.InterNetworkV6;

    /// <summary>Hardware address of the VXLAN device that sends over a family; empty when there is none.</summary>
    public string VtepMacOf(AddressFamily outer) => outer == AddressFamily.InterNetworkV6 ? VtepMacV6 : VtepMac;

    /// <summary>What a host is in a network, now.</summary>
    /// <param name="conf">the network</param>
    /// <param name="ipv4">the IPv4 address other hosts reach this one by; null on an underlay of IPv6 alone</param>
    /// <param name="ipv6">the IPv6 address; null when there is none, or the network has no use for it</param>
    /// <param name="interfaceName">the underlay interface</param>
    /// <param name="mtu">its MTU less the backend's overhead, bytes; what the configuration says goes before it</param>
    /// <param name="keys">tells what identifies this host; asked for what the backend publishes</param>
    public static NodeFile Of(TwillConf conf, IPAddress? ipv4, IPAddress? ipv6, string interfaceName, int mtu, NodeKeys keys) =>
        conf.Backend.Describe(
            new NodeFile
            {
                Network = conf.Name,
                BootId = BootClock.BootId,
                BackendType = conf.Backend.Type,
                PublicIP = ipv4 ?? IPAddress.Any,
                PublicIPv6 = ipv6,
                Interface = interfaceName,
                Mtu = conf.Mtu != 0 ? conf.Mtu : mtu,
            },
            keys
        );

    /// <summary>Reads the file; null when it is absent or not to be trusted, and then <paramref name="problem"/> says why.</summary>
    public static NodeFile? TryRead(NetworkStateDir state, out string? problem) =>
        StateFile.TryRead(
            state.NodePath,
            at => new NodeFile
            {
                Network = at["network"].Network(state),
                BootId = at["bootId"].RequiredString("a boot id"),
                BackendType = at["backendType"].RequiredString("a backend"),
                PublicIP = at["publicIP"].Address()!,
                PublicIPv6 = at["publicIPv6"].OptionalAddress(AddressFamily.InterNetworkV6),
                Interface = at["interface"].OptionalString() ?? "",
                Mtu = at["mtu"].Int(0, 0, 65_535),
                Vni = at["vni"].Int(0, 0, 16_777_215),
                Port = at["port"].Int(0, 0, 65_535),
                VtepMac = at["vtepMac"].OptionalString() ?? "",
                PublicKey = at["publicKey"].OptionalString() ?? "",
                VtepMacV6 = at["vtepMacV6"].OptionalString() ?? "",
            },
            out problem
        );

    /// <summary>Replaces the file.</summary>
    /// <exception cref="IOException">it cannot be written</exception>
    public void Write(NetworkStateDir state) => StateFile.Write(state.NodePath, w =>
        {
            w.WriteString("network", Network);
            w.WriteString("bootId", BootId);
            w.WriteString("backendType", BackendType);
            w.WriteString("publicIP", PublicIP.ToString());
            if (PublicIPv6 is not null)
            {
                w.WriteString("publicIPv6", PublicIPv6.ToString());
            }

            w.WriteString("interface", Interface);
            w.WriteNumber("mtu", Mtu);
            w.WriteNumber("vni", Vni);
            w.WriteNumber("port", Port);
            w.WriteString("vtepMac", VtepMac);
            if (PublicKey.Length > 0)
            {
                w.WriteString("publicKey", PublicKey);
            }

            if (VtepMacV6.Length > 0)
            {
                w.WriteString("vtepMacV6", VtepMacV6);
            }
        });
}
