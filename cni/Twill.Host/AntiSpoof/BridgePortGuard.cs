using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Neighbours;

namespace Twill.Host.AntiSpoof;

/// <summary>
/// What the bridge knows of a container's port: it learns nothing from what comes in there (a container could fill its table, or have
/// another's frames sent to itself), and is told the one hardware address behind it.
/// </summary>
public static class BridgePortGuard
{
    /// <summary><c>bridge fdb replace MAC dev END master static</c>. It goes with the port.</summary>
    /// <param name="end">Interface index of the host end.</param>
    /// <param name="mac">The container's hardware address.</param>
    public static NewFdbEntry Entry(int end, MacAddress mac) =>
        new(end, mac) { EntryFlags = NeighbourFlags.Master, State = NeighbourState.Reachable };

    /// <summary>Whether an FDB entry is the one that <see cref="Entry"/> makes.</summary>
    /// <param name="entry">An entry of the host end.</param>
    /// <param name="mac">The container's hardware address.</param>
    internal static bool IsEntry(Neighbour entry, MacAddress mac) =>
        entry.Mac == mac && (entry.State & NeighbourState.NoArp) != 0 && !entry.IsPermanent;

    /// <summary>The first thing in which a container's port is not as it should be; null when it is.</summary>
    /// <param name="host">A socket in the host's namespace.</param>
    /// <param name="end">The host end, which is on the bridge.</param>
    /// <param name="mac">The container's hardware address.</param>
    public static string? FindDifference(RouteSocket host, Link end, MacAddress mac)
    {
        if (end.BridgePort is { Learning: true })
        {
            return $"the bridge learns from host end {end.Name}, so that its container can have others' frames sent to itself";
        }

        return host.ListFdb(end.Index).Exists(entry => IsEntry(entry, mac))
            ? null
            : $"the bridge has no static FDB entry {mac} for host end {end.Name}";
    }
}
