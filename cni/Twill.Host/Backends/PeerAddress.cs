using System.Net;
using Twill.Linux;

namespace Twill.Host.Backends;

/// <summary>What another host published about the way to it over one family of the underlay.</summary>
/// <param name="PublicIP">Its address there.</param>
/// <param name="VtepMac">The MAC address of its VXLAN device for this family; null unless its backend is VXLAN.</param>
/// <param name="Vni">The VXLAN network identifier that it uses; null when it did not say.</param>
public readonly record struct PeerAddress(IPAddress PublicIP, MacAddress? VtepMac = null, uint? Vni = null);
