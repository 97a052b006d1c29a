using System.Net;
using Twill.Linux;

namespace Twill.Host;

/// <summary>
/// An overlay device as it should be: `ip link add NAME type vxlan id VNI local LOCAL dstport PORT nolearning`, and no `dev`: a device
/// bound to a lower interface dies with that interface.
/// </summary>
/// <param name="Name">Interface name, "twill.VNI".</param>
/// <param name="Vni">VXLAN network identifier.</param>
/// <param name="Port">UDP destination port.</param>
/// <param name="Local">Outer source address: this host's on the underlay.</param>
/// <param name="Mac">MAC address, which other hosts know from this host's lease.</param>
/// <param name="Mtu">MTU in bytes.</param>
/// <param name="Address">Base address of this host's subnet, put on the device with the full prefix length; null while there is no lease.</param>
/// <param name="NetworkName">The network it belongs to, kept in the device's alias.</param>
public sealed record VxlanSpec(
    string Name, uint Vni, ushort Port, IPAddress Local, MacAddress Mac, int Mtu, IPAddress? Address, string NetworkName)
{
    /// <summary>Prefix length of the device's address: it reaches nobody but itself.</summary>
    public const int AddressLength = 32;

    /// <summary>The alias by which a device is known as this network's, also after its VNI changed in the configuration.</summary>
    public string Alias => AliasOf(NetworkName);

    /// <summary>The alias of the overlay device of a network.</summary>
    public static string AliasOf(string networkName) => $"twill overlay of {networkName}";
}
