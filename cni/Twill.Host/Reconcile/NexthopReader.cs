using System.Net.Sockets;
using Twill.Linux;
using Twill.Linux.Links;
using Twill.Linux.Nexthops;

namespace Twill.Host.Reconcile;

/// <summary>
/// Sorts the kernel's nexthop objects. Ours are those with our protocol number on the network's overlay devices, each of which is one
/// network's alone. Objects of other devices and makers are never touched.
/// </summary>
internal sealed class NexthopReader
{
    private readonly RouteSocket _route;
    private readonly Dictionary<uint, NexthopObject> _all = [];
    private readonly HashSet<uint> _strays = [];

    /// <param name="route">A socket in the host's namespace.</param>
    /// <param name="devices">The overlay devices.</param>
    internal NexthopReader(RouteSocket route, List<(string Name, int Index)> devices)
    {
        _route = route;
        if (!route.TryListNexthops(out List<NexthopObject>? listed))
        {
            return;
        }

        Ids = new NexthopIds();
        foreach (NexthopObject nexthop in listed)
        {
            _all[nexthop.Id] = nexthop;
            (string? device, _) = devices.Find(device => device.Index == nexthop.Index);
            bool isOurs = device is not null && nexthop.Protocol == RouteProtocol.Twill;
            bool isInRange = NexthopIds.IsInRange(nexthop.Id);
            if (
                isOurs
                && isInRange
                && nexthop is { Onlink: true, Gateway: { AddressFamily: AddressFamily.InterNetwork } gateway }
                && Ids.TryAdd(new PeerNexthop(nexthop.Id, new OverlayHop(device!, gateway)))
            )
            {
                continue;
            }

            if (isOurs)
            {
                _strays.Add(nexthop.Id);
            }

            if (isInRange)
            {
                Ids.AddOther(nexthop.Id);
            }
        }
    }

    /// <summary>The numbers; null when the kernel has no nexthop objects.</summary>
    internal NexthopIds? Ids { get; }

    /// <summary>Objects of ours that no route should name.</summary>
    internal List<uint> Strays => [.. _strays];

    /// <summary>The object of that number; null when there is none.</summary>
    internal NexthopObject? Find(uint id) => id == 0 ? null : _all.GetValueOrDefault(id);

    /// <summary>
    /// Looks at an object that a route of ours names. One of ours that somebody moved to a device which is no network's overlay is ours
    /// still: nobody else would remove it.
    /// </summary>
    internal void TakeNamed(NexthopObject? nexthop)
    {
        if (
            nexthop is { Protocol: RouteProtocol.Twill }
            && NexthopIds.IsInRange(nexthop.Id)
            && Ids!.HopOf(nexthop.Id) is null
            && !(nexthop.Index != 0 && _route.TryGetLink(nexthop.Index, out Link? link) && OverlayDevice.IsOverlay(link))
        )
        {
            _strays.Add(nexthop.Id);
        }
    }
}
