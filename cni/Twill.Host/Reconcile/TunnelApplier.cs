using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.WireGuard;
using Twill.System;

namespace Twill.Host.Reconcile;

/// <summary>The part of a plan that concerns peers of WireGuard devices: many of them in one message.</summary>
internal static class TunnelApplier
{
    /// <summary>Writes peers. A subnet that one peer gives to another is the other's at once.</summary>
    internal static List<Refusal> Put(RouteSocket route, Plan plan) =>
        Change(route, plan.PutTunnels.ConvertAll(put => (put.Key, put.Value.ToChange(put.Key.PublicKey))));

    /// <summary>Removes peers.</summary>
    internal static List<Refusal> Remove(RouteSocket route, Plan plan) =>
        Change(route, plan.RemoveTunnels.ConvertAll(end => (end, new WireGuardPeerChange(end.PublicKey) { Remove = true })));

    private static List<Refusal> Change(RouteSocket route, List<(TunnelEnd End, WireGuardPeerChange Change)> changes)
    {
        List<Refusal> refusals = [];
        HashSet<string> devices = [.. changes.ConvertAll(change => change.End.Device)];
        foreach (string name in devices)
        {
            List<(TunnelEnd End, WireGuardPeerChange Change)> device = changes.FindAll(change => change.End.Device == name);
            try
            {
                Link link = route.GetLink(name);
                using IWireGuard wireGuard = WireGuardTunnel.Open(link);
                wireGuard.Set(new SetWireGuard(name), device.ConvertAll(one => one.Change));
            }
            catch (IOException e)
            {
                // Which of them was refused is not said, and those behind it were not looked at.
                refusals.AddRange(device.ConvertAll(one => new Refusal(one.End, e)));
            }
        }

        return refusals;
    }
}
