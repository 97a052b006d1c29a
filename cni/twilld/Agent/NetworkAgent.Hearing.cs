using System.Net;
using Twill.Linux;
using Twill.Linux.Nftables;
using Twill.Linux.Routes;
using Twill.Network;

namespace Twill.Agent;

/// <content>Hearing what changes in the kernel: much of it is not about this network, and some of it the agent did itself.</content>
internal sealed partial class NetworkAgent
{
    private readonly AddressEvents _addressEvents = new();

    /// <summary>Hears of a change in the kernel, on any thread; asks for a round when it may concern this network.</summary>
    internal void Hear(in NetworkChange change)
    {
        ReconcileReason due = change.Kind switch
        {
            NetworkChangeKind.Everything => ReconcileReason.Everything,
            NetworkChangeKind.Link => OfLink(in change),
            NetworkChangeKind.Address => change.Address is { } address && !_addressEvents.Record(address, change.IsRemoval)
                ? ReconcileReason.None
                : ReconcileReason.Everything,
            NetworkChangeKind.Route => IsOurDoing(in change) ? ReconcileReason.None : OfRoute(change.Route),
            NetworkChangeKind.Forwarding => change.Index < 0 || change.Index == _bridge.Index || _overlays.ContainsKey(change.Index)
                ? ReconcileReason.Host
                : ReconcileReason.None,
            NetworkChangeKind.Nftables => OfTable(change.Table),
            _ => OfEntry(in change),
        };
        if (change.Kind == NetworkChangeKind.Everything)
        {
            _bridge.LookAtAll();
        }

        if (due != ReconcileReason.None)
        {
            Ask(due);
        }
    }

    private bool IsOurDoing(in NetworkChange change) => change.PortId != 0 && change.PortId == _ownPort;

    private ReconcileReason OfEntry(in NetworkChange change)
    {
        if (!_overlays.TryGetValue(change.Index, out string? device) || IsOurDoing(in change))
        {
            return ReconcileReason.None;
        }

        _entryEvents.Add(device, in change);
        return ReconcileReason.KernelEvents;
    }

    private ReconcileReason OfLink(in NetworkChange change)
    {
        bool loose = _bridgeIsOurs && _bridge.Hear(in change);
        bool ours =
            change.Index != 0 && (change.Index == _bridge.Index || _overlays.ContainsKey(change.Index) || change.Index == _underlay);
        bool named = change.Link is { Name: var name } && (name == _conf.Bridge || IsOverlayName(name));
        if (ours)
        {
            _linkEvents.Add(in change);
            return ReconcileReason.KernelEvents;
        }

        return named || (PublishesItself && _underlay == 0) ? ReconcileReason.Everything
            : loose ? ReconcileReason.Host
            : ReconcileReason.None;
    }

    private bool IsOverlayName(string name) =>
        _conf.Backend.DeviceNames.Contains(name);

    /// <summary>Routes of the main table that take the place of ours, or that say which host is behind which link.</summary>
    private ReconcileReason OfRoute(Route? route) =>
        route is { Table: RouteTable.Main }
        && !route.Destination.BaseAddress.IsIPv6LinkLocal
        && (route.Destination.PrefixLength == 0 || _backend.NeedsMainRoutes || IsToPeers(route.Destination))
            ? ReconcileReason.Everything
            : ReconcileReason.None;

    private bool IsToPeers(IPNetwork destination) =>
        _conf.Ipam.Ranges.Any(network => network.Contains(destination.BaseAddress))
        && !(_keeper?.Held?.Prefixes ?? []).Any(own =>
            own.PrefixLength < destination.PrefixLength && own.Contains(destination.BaseAddress)
        );

    /// <summary>Tables of other networks of ours are their agents' business; any other may have become one that drops what we
    /// forward.</summary>
    private ReconcileReason OfTable(TableId? table)
    {
        if (!_bridgeIsOurs || table is not { Family: NftFamily.Inet or NftFamily.Ip or NftFamily.Ip6 or NftFamily.Bridge } there)
        {
            return ReconcileReason.None;
        }

        bool ofSomeNetwork = there.Family == NftFamily.Inet && there.Name.StartsWith(DeviceNames.NftTable(""), StringComparison.Ordinal);
        return !ofSomeNetwork || there.Name == DeviceNames.NftTable(_conf.Name) ? ReconcileReason.Host : ReconcileReason.None;
    }
}
