using System.Net;
using Twill.Linux;
using Twill.Linux.WireGuard;

namespace Twill.Host.Backends;

/// <summary>What another host published about the way to it over one family of the underlay.</summary>
/// <param name="PublicIP">Its address there.</param>
/// <param name="VtepMac">The MAC address of its VXLAN device for this family; null unless its backend is VXLAN.</param>
/// <param name="Vni">The VXLAN network identifier that it uses; null when it did not say.</param>
/// <param name="WireGuard">Where its WireGuard device listens; null unless its backend is WireGuard.</param>
public readonly record struct PeerAddress(IPAddress PublicIP, MacAddress? VtepMac = null, uint? Vni = null, WireGuardEnd? WireGuard = null);

/// <summary>What a host publishes of its WireGuard device.</summary>
/// <param name="PublicKey">Its public key.</param>
/// <param name="Port">Its UDP port; 0 is none.</param>
public readonly record struct WireGuardEnd(WireGuardKey PublicKey, ushort Port);
