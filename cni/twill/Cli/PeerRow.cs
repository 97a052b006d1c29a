using System.Net;
using Twill.Cni;
using Twill.Host.Reconcile;
using Twill.Linux;

namespace Twill.Plugin.Cli;

/// <summary>How an entry in the kernel is.</summary>
internal enum EntryState
{
    /// <summary>As the agent makes it.</summary>
    Ok,

    /// <summary>Not there.</summary>
    Missing,

    /// <summary>There, but somebody changed it or put another in its place.</summary>
    Changed,

    /// <summary>This way does without.</summary>
    NotNeeded,
}

/// <summary>The way to a subnet of another host, as the kernel has it.</summary>
/// <param name="Subnet">the remote subnet; null when only an FDB entry is left of it</param>
/// <param name="PublicIP">the other host's address; null when the entry that holds it is missing</param>
/// <param name="VtepMac">the hardware address of its VXLAN device; null for a direct route or when the entry that holds it is missing</param>
/// <param name="Device">the interface that packets leave by</param>
/// <param name="Route">the route to the subnet</param>
/// <param name="Neighbour">the next hop's hardware address</param>
/// <param name="Fdb">the host behind that hardware address</param>
internal sealed record PeerRow(
    IPNetwork? Subnet, IPAddress? PublicIP, MacAddress? VtepMac, string Device, EntryState Route, EntryState Neighbour, EntryState Fdb)
{
    /// <summary>Whether packets find their way.</summary>
    public bool IsWhole => Route == EntryState.Ok && Neighbour is EntryState.Ok or EntryState.NotNeeded && Fdb is EntryState.Ok or EntryState.NotNeeded;

    /// <summary>Puts together what belongs together: a route by its next hop to a neighbour, that by its hardware address to an FDB entry.</summary>
    /// <param name="actual">the kernel's entries of one network</param>
    /// <param name="overlay">the overlay device's name; null for a backend without one</param>
    /// <param name="subnetLen">the length of a lease, for subnets whose route is missing</param>
    public static List<PeerRow> Of(Actual actual, string? overlay, int subnetLen)
    {
        List<PeerRow> rows = [];
        HashSet<IPAddress> hops = [];
        foreach (PeerRoute route in actual.Routes)
        {
            if (route.Device != overlay)
            {
                EntryState direct = route.Via is null ? EntryState.Changed : EntryState.Ok;
                rows.Add(new PeerRow(route.Subnet, route.Via, null, route.Device, direct, EntryState.NotNeeded, EntryState.NotNeeded));
                continue;
            }
            IPAddress hop = route.Subnet.BaseAddress;
            EntryState state = route.OnLink && hop.Equals(route.Via) && route.Metric == 0 ? EntryState.Ok : EntryState.Changed;
            hops.Add(hop);
            rows.Add(OverOverlay(actual, route.Subnet, hop, route.Device, state));
        }
        foreach (IPAddress hop in actual.Neighbours.Keys)
        {
            if (!hops.Contains(hop))
                rows.Add(OverOverlay(actual, IpText.NetworkOf(hop, subnetLen), hop, overlay ?? "", EntryState.Missing));
        }
        foreach (OverlayFdbEntry entry in actual.Fdb)
        {
            if (!rows.Exists(row => row.VtepMac == entry.Mac))
                Place(rows, entry, overlay ?? "");
        }
        rows.Sort((a, b) => Order(a).CompareTo(Order(b)));
        return rows;
    }

    private static PeerRow OverOverlay(Actual actual, IPNetwork subnet, IPAddress hop, string device, EntryState route)
    {
        if (!actual.Neighbours.TryGetValue(hop, out OverlayNeighbour neighbour))
            return new PeerRow(subnet, null, null, device, route, EntryState.Missing, EntryState.Missing);
        EntryState fdb = EntryState.Missing;
        IPAddress? host = null;
        foreach (OverlayFdbEntry entry in actual.ForeignFdb)
        {
            if (entry.Mac == neighbour.Mac)
                (fdb, host) = (EntryState.Changed, entry.Dst);
        }
        foreach (OverlayFdbEntry entry in actual.Fdb)
        {
            if (entry.Mac == neighbour.Mac)
                (fdb, host) = (EntryState.Ok, entry.Dst);
        }
        return new PeerRow(subnet, host, neighbour.Mac, device, route, neighbour.Permanent ? EntryState.Ok : EntryState.Changed, fdb);
    }

    /// <summary>An FDB entry that no neighbour leads to: of the one subnet that lacks its neighbour, if there is one; else a line of its own.</summary>
    private static void Place(List<PeerRow> rows, OverlayFdbEntry entry, string overlay)
    {
        List<PeerRow> incomplete = rows.FindAll(row => row.Neighbour == EntryState.Missing && row.Subnet is not null);
        if (incomplete.Count == 1)
            rows[rows.IndexOf(incomplete[0])] = incomplete[0] with { PublicIP = entry.Dst, VtepMac = entry.Mac, Fdb = EntryState.Ok };
        else
            rows.Add(new PeerRow(null, entry.Dst, entry.Mac, overlay, EntryState.Missing, EntryState.Missing, EntryState.Ok));
    }

    private static uint Order(PeerRow row) => row.Subnet is { } subnet ? IpText.ToNumber(subnet.BaseAddress) : uint.MaxValue;
}
