using System.Net;
using System.Net.Sockets;
using Twill.Network.State;

namespace Twill.Host.Backends;

/// <summary>What is known of this host when a device of its backend is checked.</summary>
/// <param name="Local">This host's address that the device sends from.</param>
/// <param name="Node">What this host published.</param>
/// <param name="Networks">The cluster networks.</param>
/// <param name="Subnets">The subnets that this host holds.</param>
/// <param name="HasAgent">Whether an agent has run since the host booted: without one, nothing but the device can be expected.</param>
public sealed record DeviceExpectation(
    IPAddress Local,
    NodeFile Node,
    IReadOnlyList<IPNetwork> Networks,
    IReadOnlyList<IPNetwork> Subnets,
    bool HasAgent
)
{
    /// <summary>
    /// The addresses of a device that sends over <see cref="Local"/>'s family: the base address of the first subnet of that family, and
    /// of the other's where there is no device for it.
    /// </summary>
    internal List<IPNetwork> Addresses
    {
        get
        {
            List<IPNetwork> bases = [];
            foreach (AddressFamily inner in (ReadOnlySpan<AddressFamily>)[AddressFamily.InterNetwork, AddressFamily.InterNetworkV6])
            {
                bool here = inner == Local.AddressFamily || !Node.HasAddressOf(inner);
                foreach (IPNetwork subnet in Subnets)
                {
                    if (here && subnet.BaseAddress.AddressFamily == inner)
                    {
                        bases.Add(OverlaySpec.BaseOf(subnet));
                        break;
                    }
                }
            }

            return bases;
        }
    }
}
