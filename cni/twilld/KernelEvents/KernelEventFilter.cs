using System.Net;
using Twill.Host;
using Twill.Host.Reconcile;
using Twill.Linux;
using Twill.Linux.Nftables;
using Twill.Linux.Routes;
using Twill.Network;
using Twill.Network.Configuration;

namespace Twill.Agent;

/// <summary>
/// Decides what of the kernel's events is a reason to reconcile one network. Many events are about something else, and some were caused by
/// the agent itself.
/// </summary>
/// <param name="conf">The network.</param>
/// <param name="needsMainRoutes">Whether the backend depends on routes of the main table that are not ours.</param>
/// <param name="bridge">Remembers which host ends are detached from it.</param>
/// <param name="entries">Collects events of overlay entries.</param>
/// <param name="nexthops">Collects events of nexthop objects.</param>
/// <param name="links">Collects events of links.</param>
internal sealed class KernelEventFilter(
    TwillConf conf,
    bool needsMainRoutes,
    BridgeReconciler bridge,
    OverlayEntryEvents entries,
    NexthopEvents nexthops,
    LinkEvents links
)
{
    private readonly AddressEvents _addresses = new();

    /// <summary>Takes one event. Only the monitoring thread calls this.</summary>
    /// <param name="change">The event.</param>
    /// <param name="snapshot">What is known of the network.</param>
    internal ReconcileReason Take(in NetworkChange change, NetworkSnapshot snapshot)
    {
        switch (change.Kind)
        {
            case NetworkChangeKind.Everything:
                bridge.RelistPorts();
                return ReconcileReason.Everything;
            case NetworkChangeKind.Link:
                return TakeLink(in change, snapshot);
            case NetworkChangeKind.Address:
                return change.Address is { } address && !_addresses.Record(address, change.IsRemoval)
                    ? ReconcileReason.None
                    : ReconcileReason.Everything;
            case NetworkChangeKind.Route:
                return change.IsRemoval && IsWayToContainer(change.Route) ? ReconcileReason.Host
                    : !IsOurs(in change, snapshot) && Concerns(change.Route, snapshot) ? ReconcileReason.Everything
                    : ReconcileReason.None;
            case NetworkChangeKind.Nexthop:
                return TakeNexthop(in change, snapshot);
            case NetworkChangeKind.Forwarding:
                HostFindings host = snapshot.Host;
                return change.Index < 0 || change.Index == host.BridgeIndex || host.Overlays.ContainsKey(change.Index)
                    ? ReconcileReason.Host
                    : ReconcileReason.None;
            case NetworkChangeKind.Nftables:
                return snapshot.OwnsBridge && Concerns(change.Table, isElement: change.Set is not null)
                    ? TakeNftables(in change, snapshot)
                    : ReconcileReason.None;
            default:
                return TakeEntry(in change, snapshot);
        }
    }

    /// <summary>Whether the agent caused it.</summary>
    private static bool IsOurs(in NetworkChange change, NetworkSnapshot snapshot) =>
        change.PortId != 0 && change.PortId == snapshot.Host.NetlinkPortId;

    private ReconcileReason TakeNexthop(in NetworkChange change, NetworkSnapshot snapshot)
    {
        string? device = snapshot.Host.Overlays.GetValueOrDefault(change.Index);
        if ((device is null && !NexthopIds.IsInRange(change.Nexthop!.Id)) || IsOurs(in change, snapshot))
        {
            return ReconcileReason.None;
        }

        nexthops.Add(device, in change);
        return ReconcileReason.KernelEvents;
    }

    private ReconcileReason TakeEntry(in NetworkChange change, NetworkSnapshot snapshot)
    {
        if (!snapshot.Host.Overlays.TryGetValue(change.Index, out string? device) || IsOurs(in change, snapshot))
        {
            return ReconcileReason.None;
        }

        entries.Add(device, in change);
        return ReconcileReason.KernelEvents;
    }

    /// <summary>Who may send into the overlay, the step for the peers compares; all else in the table, the one for the host.</summary>
    private ReconcileReason TakeNftables(in NetworkChange change, NetworkSnapshot snapshot) =>
        change.Set is not { } set || change.Table!.Value.Name != DeviceNames.NftTable(conf.Name) || !TunnelPeers.IsSet(set)
            ? ReconcileReason.Host
        : change.PortId != 0 && change.PortId == snapshot.Host.NftPortId ? ReconcileReason.None
        : ReconcileReason.Everything;

    private ReconcileReason TakeLink(in NetworkChange change, NetworkSnapshot snapshot)
    {
        HostFindings host = snapshot.Host;
        bool isDetached = snapshot.OwnsBridge && bridge.Record(in change);
        if (
            change.Index != 0
            && (change.Index == host.BridgeIndex || host.Overlays.ContainsKey(change.Index) || change.Index == host.UnderlayIndex)
        )
        {
            links.Add(in change);
            return ReconcileReason.KernelEvents;
        }

        bool hasOurName = change.Link is { Name: var name } && (name == conf.Bridge || IsOverlayName(name));
        return hasOurName || (snapshot.PublishesNode && host.UnderlayIndex == 0) ? ReconcileReason.Everything
            : isDetached ? ReconcileReason.Host
            : ReconcileReason.None;
    }

    /// <summary>Whether it leads to a container on a LAN's interface. One goes with each that is deleted.</summary>
    private bool IsWayToContainer(Route? route) => conf.Lan is { IsRouted: true } && route is { Protocol: RouteProtocol.Container };

    private bool IsOverlayName(string name) => conf.Backend.DeviceNames.Contains(name);

    /// <summary>Routes of the main table that hide ours, or that say which host is behind which link.</summary>
    private bool Concerns(Route? route, NetworkSnapshot snapshot) =>
        route is { Table: RouteTable.Main }
        && !route.Destination.BaseAddress.IsIPv6LinkLocal
        && (route.Destination.PrefixLength == 0 || needsMainRoutes || LeadsToPeers(route.Destination, snapshot));

    /// <summary>Whether the destination is in the network, but not inside one of this host's subnets.</summary>
    private bool LeadsToPeers(IPNetwork destination, NetworkSnapshot snapshot) =>
        conf.Ipam.Ranges.Any(network => network.Contains(destination.BaseAddress))
        && !(snapshot.Lease.Held?.Prefixes ?? []).Any(own =>
            own.PrefixLength < destination.PrefixLength && own.Contains(destination.BaseAddress)
        );

    /// <summary>
    /// Tables of our other networks belong to their agents. Any other table may now drop what this network forwards. Elements that say what
    /// containers may send as come and go with each of them, and are compared with everything else.
    /// </summary>
    private bool Concerns(TableId? table, bool isElement)
    {
        if (table is not { Family: NftFamily.Inet or NftFamily.Ip or NftFamily.Ip6 or NftFamily.Bridge } id)
        {
            return false;
        }

        bool isOfSomeNetwork = id.Name.StartsWith(DeviceNames.NftTable(""), StringComparison.Ordinal);
        return !isOfSomeNetwork || (id.Name == DeviceNames.NftTable(conf.Name) && (id.Family == NftFamily.Inet || !isElement));
    }
}
