using System.Net;
using Twill.Linux;

namespace Twill.Host.Backends;

/// <summary>By what other hosts reach this one over one family of the underlay.</summary>
/// <param name="PublicIP">This host's address there.</param>
/// <param name="VtepMac">The MAC address of this host's VXLAN device for this family, the same for ever.</param>
/// <param name="Mtu">MTU in bytes of that device.</param>
public readonly record struct LocalAddress(IPAddress PublicIP, MacAddress VtepMac, int Mtu);
