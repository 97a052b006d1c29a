using System.Net;
using Twill.Linux;

namespace Twill.Host.Backends;

/// <summary>What another host published about itself: one subnet, and how to reach the containers in it.</summary>
/// <param name="Subnet">The subnet that the host leased.</param>
/// <param name="PublicIP">The host's own address on the underlay.</param>
/// <param name="BackendType">The backend that the host runs: "vxlan", "host-gw", ...; empty when it runs none.</param>
/// <param name="VtepMac">The MAC address of the host's VXLAN device; null unless its backend is VXLAN.</param>
/// <param name="Vni">The VXLAN network identifier that the host uses; null when it did not say.</param>
public sealed record PeerLease(IPNetwork Subnet, IPAddress PublicIP, string BackendType, MacAddress? VtepMac = null, uint? Vni = null)
{
    /// <summary>As the log shows it, e.g. "10.244.7.0/24 via 192.168.64.3".</summary>
    public override string ToString() => $"{Subnet} via {PublicIP}";
}
