using System.Net.Sockets;
using Twill.Host.Reconcile;

namespace Twill.Host.Backends;

/// <summary>
/// How hosts are joined: a function from what hosts published to what must be in this host's kernel. A backend holds no socket,
/// runs no loop and remembers nothing.
/// </summary>
public interface IBackend
{
    /// <summary>The name in the configuration and in the lease: "vxlan", "host-gw", "none".</summary>
    string Type { get; }

    /// <summary>Whether it asks which hosts are on-link, and so needs <see cref="LocalNode.MainRoutes"/>.</summary>
    bool NeedsMainRoutes { get; }

    /// <summary>Bytes that it takes from the underlay's MTU.</summary>
    /// <param name="underlay">The family of the addresses that hosts reach each other by.</param>
    int Overhead(AddressFamily underlay);

    /// <summary>What must be in the kernel so that the containers of <paramref name="others"/> are reachable from here.</summary>
    /// <param name="self">This host.</param>
    /// <param name="others">The leases of all other hosts, in any order.</param>
    Desired ComputeDesired(LocalNode self, IEnumerable<PeerLease> others);
}
