using System.Net.Sockets;
using Twill.Host.Reconcile;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Network.State;

namespace Twill.Host.Backends;

/// <summary>
/// What a backend does to a host: a function from what hosts published to what must be in this host's kernel. A backend holds no socket,
/// runs no loop and remembers nothing.
/// </summary>
public interface IBackend
{
    /// <summary>The name in the configuration and in the lease: "vxlan", "host-gw", "none".</summary>
    string Type { get; }

    /// <summary>Whether it asks which hosts are on-link, and so needs <see cref="LocalNode.MainRoutes"/>.</summary>
    bool NeedsMainRoutes => false;

    /// <summary>The kinds that its devices can have, as `ip link` shows them.</summary>
    IReadOnlyList<string> DeviceKinds => [];

    /// <summary>Bytes that it takes from the underlay's MTU.</summary>
    /// <param name="underlay">The family of the addresses that hosts reach each other by.</param>
    int Overhead(AddressFamily underlay);

    /// <summary>What must be in the kernel so that the containers of <paramref name="others"/> are reachable from here.</summary>
    /// <param name="self">This host.</param>
    /// <param name="others">The leases of all other hosts, in any order.</param>
    Desired ComputeDesired(LocalNode self, IEnumerable<PeerLease> others);

    /// <summary>What is wrong with a device of its, each the end of the sentence "device NAME: ..".</summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="device">The device.</param>
    /// <param name="expected">What is known of this host.</param>
    IReadOnlyList<string> FindFaults(RouteSocket route, Link device, DeviceExpectation expected) => [];

    /// <summary>What identifies a device to other hosts, for people: its hardware address, or a key.</summary>
    /// <param name="device">The device.</param>
    /// <param name="node">This host; null while that is not known.</param>
    string Identity(Link device, NodeFile? node) => $"{device.Mac}";
}
