using System.Net;
using System.Net.Sockets;
using Twill.Host.Reconcile;

namespace Twill.Host.Backends;

/// <summary>
/// Hosts that share a link are each other's routers: a remote host costs one route and no encapsulation.
/// <code>ip route add SUBNET via PUBLIC-IP dev UNDERLAY proto 116</code>
/// A host behind a router cannot be reached this way (the router knows nothing of the subnets): it is skipped, and the reason told.
/// </summary>
public sealed class HostGwBackend : IBackend
{
    /// <summary>The name in the configuration and in the lease.</summary>
    public const string TypeName = "host-gw";

    /// <inheritdoc/>
    public string Type => TypeName;

    /// <inheritdoc/>
    public bool NeedsMainRoutes => true;

    /// <inheritdoc/>
    public int Overhead(AddressFamily underlay) => 0;

    /// <inheritdoc/>
    public Desired Wanted(LocalNode self, IEnumerable<PeerLease> others)
    {
        Desired wanted = new(overlay: null);
        HashSet<IPAddress> bases = [];
        foreach (PeerLease peer in PeerCheck.InOrder(others))
        {
            string? refusal = PeerCheck.Refusal(self, peer, Type, bases)
                ?? (self.IsOnLink(peer.PublicIP) ? null : $"its host {peer.PublicIP} is not on-link on {self.UnderlayName}, as host-gw needs");
            if (refusal is not null)
            {
                wanted.Skip(peer, refusal);
                continue;
            }

            bases.Add(peer.Subnet.BaseAddress);
            wanted.Peers.Add(peer);
            wanted.Routes.Add(new PeerRoute(peer.Subnet, peer.PublicIP, self.UnderlayName, OnLink: false));
        }

        return wanted;
    }
}
