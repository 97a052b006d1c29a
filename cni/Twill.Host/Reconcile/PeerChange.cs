using System.Net;
using Twill.Host.Backends;
using Twill.Linux;
using Twill.Linux.WireGuard;

namespace Twill.Host.Reconcile;

/// <summary>
/// Hosts that changed, with all others whose entries may have to change with theirs, so that a backend's answer for these few is the same
/// as for all: who shares a hardware address shares an FDB entry, who shares a WireGuard key is one peer, and whose subnets begin alike
/// share a neighbour.
/// </summary>
/// <param name="Before">Their leases as they were.</param>
/// <param name="After">Their leases as they are.</param>
public sealed record PeerChange(IReadOnlyList<PeerLease> Before, IReadOnlyList<PeerLease> After)
{
    /// <summary>Finds the others.</summary>
    /// <param name="before">The changed leases as they were; without those that are new.</param>
    /// <param name="after">The changed leases as they are; without those that are gone.</param>
    /// <param name="unchanged">All other leases; gone through at least once. None when <see cref="SharedMarks"/> says that nobody of them
    /// has to do with these.</param>
    public static PeerChange Of(IEnumerable<PeerLease> before, IEnumerable<PeerLease> after, IEnumerable<PeerLease> unchanged)
    {
        List<PeerLease> was = [.. before],
            now = [.. after];
        HashSet<MacAddress> macs = [];
        HashSet<WireGuardKey> keys = [];
        HashSet<IPAddress> bases = [];
        HashSet<PeerLease> found = new(ReferenceEqualityComparer.Instance);
        foreach (PeerLease peer in (IEnumerable<PeerLease>)[.. was, .. now])
        {
            Add(peer);
        }

        // Once through all of them, as a rule: only what is found can lead to more.
        for (int last = -1; found.Count != last;)
        {
            last = found.Count;
            foreach (PeerLease peer in unchanged)
            {
                // Thousands for each one that changes: nothing is allocated for those that have nothing to do with it.
                if (
                    (bases.Contains(peer.Subnet.BaseAddress) || IsShared(peer.Addresses.V4) || IsShared(peer.Addresses.V6))
                    && found.Add(peer)
                )
                {
                    Add(peer);
                    was.Add(peer);
                    now.Add(peer);
                }
            }
        }

        return new PeerChange(was, now);

        void Add(PeerLease peer)
        {
            bases.Add(peer.Subnet.BaseAddress);
            foreach (PeerAddress address in peer.Addresses)
            {
                if (address.VtepMac is { } mac)
                {
                    macs.Add(mac);
                }

                if (address.WireGuard is { } end)
                {
                    keys.Add(end.PublicKey);
                }
            }
        }

        bool IsShared(PeerAddress? published) =>
            published is { } address
            && ((address.VtepMac is { } mac && macs.Contains(mac)) || (address.WireGuard is { } end && keys.Contains(end.PublicKey)));
    }
}
