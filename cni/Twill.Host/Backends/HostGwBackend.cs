using System.Net.Sockets;
using Twill.Host.Reconcile;
using Twill.Network.Configuration;

namespace Twill.Host.Backends;

/// <summary>
/// Hosts that share a link are each other's routers: a remote subnet costs one route and no encapsulation.
/// <code>ip route add SUBNET via PUBLIC-IP dev UNDERLAY proto 116</code>
/// A host behind a router cannot be reached this way (the router knows nothing of the subnets): it is skipped, and the reason told. The
/// next hop is an address of the subnet's own family, or, for an IPv4 subnet where the hosts have only IPv6 in common, an IPv6 one (via
/// inet6).
/// </summary>
public sealed record HostGwBackend : BackendConf, IBackend
{
    /// <summary>The name in the configuration and in the lease.</summary>
    public const string TypeName = "host-gw";

    /// <inheritdoc/>
    public override string Type => TypeName;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Keys => [BackendTypes.InterfaceKey];

    /// <inheritdoc/>
    public bool NeedsMainRoutes => true;

    /// <inheritdoc/>
    public override int Overhead(AddressFamily underlay) => 0;

    /// <inheritdoc/>
    public Desired ComputeDesired(LocalNode self, IEnumerable<PeerLease> others)
    {
        Desired wanted = new();
        LeaseValidator check = new(self, Type);
        foreach (PeerLease peer in LeaseValidator.InOrder(others))
        {
            string? refusal = check.Refusal(peer);
            if (refusal is null && Hop(self, check, peer, out refusal) is { } hop)
            {
                check.Accept(peer);
                wanted.Direct(peer, hop, self.UnderlayName);
            }
            else
            {
                wanted.Skip(peer, refusal!);
            }
        }

        return wanted;
    }

    /// <summary>The host's address to route by; null, and why there is none.</summary>
    private static PeerAddress? Hop(LocalNode self, LeaseValidator check, PeerLease peer, out string? refusal)
    {
        refusal = null;
        foreach ((LocalAddress _, PeerAddress theirs) in LeaseValidator.Ways(self, peer))
        {
            string? why = check.Refusal(peer, theirs)
                ?? (
                    !LocalNode.CanRoute(peer.Subnet, theirs.PublicIP)
                        ? $"a route to it cannot lead by way of the IPv4 address {theirs.PublicIP}"
                    : self.IsOnLink(theirs.PublicIP) ? null
                    : $"its host {theirs.PublicIP} is not on-link on {self.UnderlayName}, as host-gw needs"
                );
            if (why is null)
            {
                return theirs;
            }

            refusal ??= why;
        }

        refusal ??= LeaseValidator.NoCommonFamily(self, peer);
        return null;
    }
}
