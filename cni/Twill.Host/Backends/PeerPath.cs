using System.Net;
using Twill.Linux;
using Twill.Linux.WireGuard;

namespace Twill.Host.Backends;

/// <summary>A remote subnet that is reached, and the one of its host's addresses that it is reached by.</summary>
/// <param name="Subnet">The subnet.</param>
/// <param name="PublicIP">The address that packets to it are sent to.</param>
/// <param name="VtepMac">The MAC address of the host's overlay device; null when packets go there as they are.</param>
/// <param name="PublicKey">The host's WireGuard key; null when packets go there in clear.</param>
public sealed record PeerPath(IPNetwork Subnet, IPAddress PublicIP, MacAddress? VtepMac, WireGuardKey? PublicKey = null)
{
    /// <summary>As the log shows it, e.g. "10.244.7.0/24 via 192.168.64.3".</summary>
    public override string ToString() => $"{Subnet} via {PublicIP}";
}
