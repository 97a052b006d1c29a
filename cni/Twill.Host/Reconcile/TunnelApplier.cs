using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.WireGuard;

namespace Twill.Host.Reconcile;

/// <summary>The part of a plan that concerns peers of WireGuard devices: many of them in one message.</summary>
internal static class TunnelApplier
{
    /// <summary>Writes peers. A subnet that one peer gives to another is the other's at once.</summary>
    internal static List<Refusal> Put(RouteSocket route, Plan plan) =>
        Change(route, plan.PutTunnels.Select(put => (put.Key, put.Value.ToChange(put.Key.PublicKey))));

    /// <summary>Removes peers.</summary>
    internal static List<Refusal> Remove(RouteSocket route, Plan plan) =>
        Change(route, plan.RemoveTunnels.Select(end => (end, new WireGuardPeerChange(end.PublicKey) { Remove = true })));

    private static List<Refusal> Change(RouteSocket route, IEnumerable<(TunnelEnd End, WireGuardPeerChange Change)> changes)
    {
        List<Refusal> refusals = [];
        foreach (IGrouping<string, (TunnelEnd End, WireGuardPeerChange Change)> device in changes.GroupBy(change => change.End.Device))
        {
            try
            {
                Link link = route.GetLink(device.Key);
                using IWireGuard wireGuard = WireGuardTunnel.Open(link);
                wireGuard.Set(new SetWireGuard(device.Key), [.. device.Select(one => one.Change)]);
            }
            catch (IOException e)
            {
                // Which of them was refused is not said, and those behind it were not looked at.
                refusals.AddRange(device.Select(one => new Refusal(one.End, e)));
            }
        }

        return refusals;
    }
}
