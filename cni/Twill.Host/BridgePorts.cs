using Twill.Linux;
using Twill.Linux.Links;
using Twill.Network;
using Twill.System;

namespace Twill.Host;

/// <summary>
/// The host ends of containers as ports of the bridge. An ADD puts each there; who deletes the bridge or takes a port off it leaves a
/// container behind that reaches nobody, and no runtime would ever notice.
/// </summary>
public static class BridgePorts
{
    /// <summary>Whether a link is the host end of a container of this network.</summary>
    public static bool IsHostEnd(Link link, string network) =>
        DeviceNames.IsVeth(link.Name)
        && link.Alias is { } alias
        && alias.StartsWith(DeviceNames.VethAliasStart(network), StringComparison.Ordinal);

    /// <summary>Whether a link is the host end of the same container's interface in another network.</summary>
    public static bool IsOfAnother(Link end, string network) => !string.IsNullOrEmpty(end.Alias) && !IsHostEnd(end, network);

    /// <summary>
    /// Whether it hangs in the air: on no bridge at all, or down. One that somebody put on another bridge is left there, and a
    /// <see cref="RoutedVeth"/> is on none.
    /// </summary>
    /// <param name="end">The host end.</param>
    public static bool IsDetached(Link end) => !IsInPlace(end) || !end.IsUp;

    /// <summary>
    /// Puts host ends back: <c>ip link set END master BRIDGE up</c>, <c>bridge link set dev END hairpin on|off</c>. One that is gone
    /// meanwhile is no error.
    /// </summary>
    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="bridgeIndex">The bridge.</param>
    /// <param name="hairpin">Whether the bridge sends frames back to the port they came from.</param>
    /// <param name="detached">The ends.</param>
    /// <param name="isolated">Whether they exchange frames with the bridge only.</param>
    /// <returns>What the kernel refused, in words; empty when all are back.</returns>
    public static IReadOnlyList<string> Reattach(
        RouteSocket route,
        int bridgeIndex,
        bool hairpin,
        IReadOnlyList<Link> detached,
        bool isolated = false
    )
    {
        RouteBatch batch = route.NewBatch();
        foreach (Link end in detached)
        {
            bool isPort = IsInPlace(end);
            batch.Add(new SetLink(end.Index) { Master = isPort ? null : bridgeIndex, Up = true }, tolerate: Errno.ENODEV);
            if (!isPort)
            {
                SetBridgePort port = new(end.Index) { Hairpin = hairpin, Isolated = isolated ? true : null };
                batch.Add(port, tolerate: Errno.ENODEV, alsoTolerate: Errno.EOPNOTSUPP);
            }
        }
        List<string> refusals = [];
        if (batch.Count == 0 || batch.TrySend() == 0)
        {
            return refusals;
        }

        for (int i = 0; i < batch.Count; i++)
        {
            if (batch.Failed(i))
            {
                refusals.Add(batch.ErrorOf(i)!.Message);
            }
        }
        return refusals;
    }

    private static bool IsInPlace(Link end) => end.MasterIndex != 0 || RoutedVeth.Is(end);
}
