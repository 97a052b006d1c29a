using System.Net;
using Twill.Linux;
using Twill.Network;

namespace Twill.Host;

/// <summary>
/// A VXLAN device as it should be: `ip link add NAME type vxlan id VNI local LOCAL dstport PORT nolearning`, and no `dev`: a device
/// bound to a lower interface dies with that interface.
/// </summary>
/// <param name="Name">Interface name, as <see cref="DeviceNames.VxlanDevice"/> gives it.</param>
/// <param name="Vni">VXLAN network identifier.</param>
/// <param name="Port">UDP destination port.</param>
/// <param name="Local">Outer source address: this host's on the underlay. Its family is that of all outer packets.</param>
/// <param name="Mac">MAC address, which other hosts know from this host's lease.</param>
/// <param name="Mtu">MTU in bytes.</param>
/// <param name="Addresses">Base addresses of this host's subnets, put on the device with the full prefix length.</param>
/// <param name="NetworkName">The network it belongs to.</param>
public sealed record VxlanSpec(
    string Name,
    uint Vni,
    ushort Port,
    IPAddress Local,
    MacAddress Mac,
    int Mtu,
    PerFamily<IPNetwork> Addresses,
    string NetworkName
) : OverlaySpec(Name, Mtu, Addresses, NetworkName)
{
    /// <inheritdoc/>
    public override string Kind => VxlanDevice.Kind;

    /// <inheritdoc/>
    public override OverlayDevice.Result Ensure(RouteSocket route) => VxlanDevice.Ensure(route, this);
}
