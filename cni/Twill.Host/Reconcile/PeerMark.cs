using System.Net;
using Twill.Host.Backends;
using Twill.Linux;
using Twill.Linux.WireGuard;

namespace Twill.Host.Reconcile;

/// <summary>
/// One of the marks by which the entries of several hosts depend on one another: who shares a hardware address shares an FDB entry, who
/// shares a WireGuard key is one peer, and whose subnets begin alike share a neighbour.
/// </summary>
/// <param name="FirstAddress">The first address of a subnet, or null.</param>
/// <param name="VtepMac">The hardware address of a host's VXLAN device, or null.</param>
/// <param name="PublicKey">A host's WireGuard key, or null.</param>
internal readonly record struct PeerMark(IPAddress? FirstAddress, MacAddress? VtepMac, WireGuardKey? PublicKey)
{
    /// <summary>The marks of a lease.</summary>
    internal static List<PeerMark> Of(PeerLease lease)
    {
        List<PeerMark> marks = [new PeerMark(lease.Subnet.BaseAddress, null, null)];
        foreach (PeerAddress address in lease.Addresses)
        {
            if (address.VtepMac is { } mac)
            {
                marks.Add(new PeerMark(null, mac, null));
            }

            if (address.WireGuard is { } end)
            {
                marks.Add(new PeerMark(null, null, end.PublicKey));
            }
        }

        return marks;
    }
}
