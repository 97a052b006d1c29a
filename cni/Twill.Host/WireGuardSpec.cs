using System.Net;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.WireGuard;
using Twill.Network;
using Twill.System;

namespace Twill.Host;

/// <summary>
/// A WireGuard device as it should be: `ip link add NAME type wireguard` and `wg set NAME private-key KEY listen-port PORT`. It sends over
/// both families of the underlay, and carries both.
/// </summary>
/// <param name="Name">Interface name, as <see cref="DeviceNames.WireGuardDevice"/> gives it.</param>
/// <param name="Port">UDP port that it listens on.</param>
/// <param name="PrivateKey">This host's private key.</param>
/// <param name="Mtu">MTU in bytes.</param>
/// <param name="Addresses">Base addresses of this host's subnets, put on the device with the full prefix length.</param>
/// <param name="NetworkName">The network it belongs to.</param>
public sealed record WireGuardSpec(
    string Name,
    ushort Port,
    WireGuardSecret PrivateKey,
    int Mtu,
    PerFamily<IPNetwork> Addresses,
    string NetworkName
) : OverlaySpec(Name, Mtu, Addresses, NetworkName)
{
    /// <inheritdoc/>
    public override string Kind => NewWireGuard.Kind;

    /// <inheritdoc/>
    public override OverlayDevice.Result Ensure(RouteSocket route) => WireGuardTunnel.Ensure(route, this);

    /// <summary>A program in user space runs its device as a tun.</summary>
    internal override bool IsKind(string? kind) => WireGuardTunnel.Kinds.Contains(kind);
}
